"""A run in a notebook: its candidates as tables, each of them as a model."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starc import compiler
from starc.evolve.storage.database import CANDIDATES, Database
from starc.evolve.storage.errors import RunError
from starc.evolve.storage.kept import WEIGHTS
from starc.evolve.storage.rows import Row
from starc.evolve.views.front import members
from starc.evolve.views.pick import row_of
from starc.evolve.views.records import records
from starc.folders import Folder

if TYPE_CHECKING:
    from pandas import DataFrame


class Loaded:
    """The run in `folder`, only read, and as it stands whenever it is asked: a search
    may go on meanwhile. Raises RunError where there is none.

    spec: what was searched for. Tables have a row for a candidate and are indexed by
    its id; their columns are those of starc/evolve/views/records.py.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with closing(Database.open(folder)) as database:
            self.spec = database.spec()

    def candidates(self) -> "DataFrame":
        """All candidates, in the order in which they were proposed."""
        with closing(Database.open(self.folder)) as database:
            rows, front = database.candidates(), members(database)
        return self._table(rows, front)

    def front(self) -> "DataFrame":
        """Those that nobody beats in every objective; by the first of them."""
        with closing(Database.open(self.folder)) as database:
            front = members(database)
        return self._table(front, front)

    def generations(self) -> "DataFrame":
        """The finished ones, by number: hypervolume, and how many are on the front."""
        import pandas

        with closing(Database.open(self.folder)) as database:
            found = database.generations()
        return pandas.DataFrame(
            {
                "hypervolume": [one.hypervolume for one in found],
                "front": [len(one.front) for one in found],
            },
            index=pandas.Index([one.number for one in found], name="generation"),
        )

    def source(self, id: int) -> str:
        """The .star text of a candidate. RunError where there is none."""
        return self._row(id).source

    def model(self, id: int, weights: bool = True) -> Any:
        """The candidate as a torch module, on the CPU.

        With the weights that its training left; RunError where none were kept, as of
        models of more than 64 MiB or of simulated training. Without `weights` they are
        drawn, from torch's generator as it stands.
        """
        from safetensors import SafetensorError

        from starc.training import checkpoint, emitted

        row = self._row(id)
        place = Folder(self.folder) / CANDIDATES / str(id)
        text = compiler.compile(row.source, f"{self.spec.name}_{id}.star")
        module = emitted.of_source(text.encode(), place.path / "model.py")
        model = module.Model(module.Config())
        if not weights:
            return model
        try:
            model.load_state_dict(checkpoint.load_tensors(place, WEIGHTS))
        except FileNotFoundError:
            raise RunError(
                f"candidate {id} has no weights in {place.path}: model({id}, "
                "weights=False) draws new ones"
            ) from None
        except (SafetensorError, RuntimeError) as error:
            said = " ".join(str(error).split())[:200]
            raise RunError(
                f"{place.path / WEIGHTS} are no weights of it: {said}"
            ) from None
        return model

    def _row(self, id: int) -> Row:
        with closing(Database.open(self.folder)) as database:
            return row_of(database, id)

    def _table(self, rows: list[Row], front: list[Row]) -> "DataFrame":
        import pandas

        found = records(rows, self.spec, {row.id for row in front})
        return pandas.DataFrame(found).set_index("id") if found else pandas.DataFrame()
