from torch import Tensor

from templates.functions.visible_tokens import visible_tokens


def visible_window(q: Tensor, k: Tensor, state: State, window: int) -> Tensor:
    """(T, S), the same of tokens that see themselves and the window - 1 before them."""
    seen = visible_tokens(q, k, state)
    if q.shape[2] == 1:  # a ring buffer, in any order, holds no more than it may see
        return seen
    return seen.triu(k.shape[2] - q.shape[2] - window + 1)
