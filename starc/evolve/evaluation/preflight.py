"""What holds for a whole run, looked at before its first candidate."""

import os
from importlib.util import find_spec
from pathlib import Path

from starc.evolve.evaluation import static
from starc.evolve.evaluation.failure import Ended, in_words
from starc.evolve.problem import architecture
from starc.evolve.problem.objectives import MEASURES
from starc.evolve.problem.spec import Spec

LOSSES = ("loss", "perplexity", "bits_per_byte")


class NotPossible(Exception):
    """No candidate could be measured; says why and what to do."""


def check(spec: Spec, here: bool = True) -> None:
    """Raises NotPossible where every candidate of `spec` would fail.

    here: whether evaluations run on this machine, so that its devices are the ones. On
    a Ray cluster they do not: a device, or a module, that its nodes lack is told by
    the candidates. The data are read here in any case, and sent.
    """
    if spec.data and not Path(spec.data).exists():
        # also where nobody would read it: it was asked for
        raise NotPossible(f"--data {spec.data}: No such file or directory")
    if spec.foresees and find_spec("sklearn") is None:
        raise NotPossible("surrogate needs scikit-learn: pip install 'starc[evolve]'")
    if spec.trainer.inherit and not here:
        raise NotPossible(
            "inherit: the nodes of a cluster have no tensors of a candidate's parents; "
            "write inherit = false, or search without --ray"
        )
    if spec.trainer.kind == "simulated":
        return
    names = {one.name for one in static.asked(spec)}
    own = [name for name in names if name not in MEASURES]
    if all(name in MEASURES and MEASURES[name].static for name in names):
        return
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise NotPossible(f"{error}: pip install 'starc[evolve]'") from None
    from starc.evolve.evaluation import custom, data
    from starc.training import device
    from starc.training.settings import TrainingError

    try:
        for name in sorted(own):
            custom.find(name)
        if here and spec.trainer.device:
            device.choose(spec.trainer.device)
        if own or names & {*LOSSES, "train_rate"}:
            text = data.load(spec)
            vocab = architecture.surroundings(spec).vocab
            if text.vocab > vocab:
                what = f"--data {spec.data}" if spec.data else "bytes of text"
                raise NotPossible(
                    f"{what}: vocab = {vocab} cannot hold it; write vocab = "
                    f"{text.vocab} or more in the model block"
                )
            if text.end is not None and spec.trainer.compile:
                raise NotPossible(
                    f"--data {spec.data}: documents of every length would each be "
                    "compiled anew: write compile = false"
                )
            if "bits_per_byte" in names and text.bytes_a_token is None:
                raise NotPossible(
                    f"bits_per_byte: {spec.data}.json does not say for how many "
                    "`bytes` the tokens stand"
                )
    except TrainingError as error:
        where = f"--data {spec.data}: " if "text" in str(error) and spec.data else ""
        raise NotPossible(f"{where}{error}") from None
    except Ended as end:
        raise NotPossible(str(end)) from None
    except OSError as error:
        what = error.strerror or in_words(error)
        raise NotPossible(f"--data {error.filename or spec.data}: {what}") from None


def check_folder(folder: Path) -> None:
    """Raises NotPossible unless `folder`, or where it would be made, is writable."""
    place = folder.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    if not place.is_dir():
        raise NotPossible(f"{place} is no folder, so {folder} cannot be made")
    if not os.access(place, os.W_OK | os.X_OK):
        raise NotPossible(f"{place} cannot be written")
