import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LearnedPositions(nn.Module):
    """A learned vector for each place of a sequence, as many as the context has."""

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.context = config.context
        self.weight = nn.Parameter(torch.empty(config.context, config.width))

    def reset_parameters(self) -> None:
        nn.init.normal_(self.weight, std=0.02)  # as the embedding

    def forward(self, x: Tensor, state: State | Packed | None = None) -> Tensor:
        """x (B, T, D), the vector of its place added to each token."""
        state = begin(state)
        place = state.position
        if state.packed is not None:
            spans = state.packed.spans
            self.check(max(past + stop - start for start, stop, past in spans))
        if isinstance(place, int):
            self.check(place + x.shape[1])
            return x + self.weight[place : place + x.shape[1]]
        return x + F.embedding(place, self.weight)

    def check(self, length: int) -> None:
        """Raises ValueError for a sequence that is longer than there are vectors."""
        if length > self.context:
            places = f"there are {self.context} learned positions"
            raise ValueError(f"tokens: {length} in a sequence, but {places}")

    def new_state(self, batch: int, max_length: int, like: Tensor) -> State:
        self.check(max_length)
        return State()
