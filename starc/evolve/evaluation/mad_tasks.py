"""The six MAD tasks (arXiv 2403.17844) as generators of sequences and right answers.

Each gives inputs and answers, both (count, length) int64: the answer at a place is what
the model's output there must be, IGNORED where nothing is asked. Who knows the rule of
a task and sees the inputs up to a place knows the answer there.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

IGNORED = -100
Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Sizes:
    """`length`: of the longest sequences; 128 in the paper. The vocabularies are the
    paper's, 16 and for memorisation 256, which every model here can hold: the
    embedding is made for the task.
    """

    length: int = 128
    vocab: int = 16
    noise: int = 16
    facts: int = 128
    copied: int = 16

    @property
    def copies(self) -> int:
        """Tokens of selective copying: 16, fewer where the sequence is short."""
        return max(1, min(self.copied, self.length // 8))


Make = Callable[[Generator, int, Sizes], Batch]


@dataclass(frozen=True)
class Task:
    """vocab: tokens that the inputs and answers need. aggregated: the answers are read
    from the output at the last place alone, through a decoder.
    """

    make: Make
    vocab: Callable[[Sizes], int]
    aggregated: bool = False


def in_context_recall(generator: Generator, count: int, sizes: Sizes) -> Batch:
    """k v k v ...: each sequence has its own value for a key, asked when it returns."""
    return _recall(generator, count, sizes, noise=0.0)


def noisy_recall(generator: Generator, count: int, sizes: Sizes) -> Batch:
    """In-context recall where a fifth of the pairs are noise of another vocabulary."""
    return _recall(generator, count, sizes, noise=0.2)


def _recall(generator: Generator, count: int, sizes: Sizes, noise: float) -> Batch:
    pairs, keys = sizes.length // 2, sizes.vocab // 2
    key = torch.randint(keys, (count, pairs), generator=generator)
    values = torch.randint(keys, (count, keys), generator=generator) + keys
    value = values.gather(1, key)
    silent = torch.rand(count, pairs, generator=generator) < noise
    noises = torch.randint(sizes.noise, (count, pairs, 2), generator=generator)
    same = (key[:, :, None] == key[:, None, :]) & ~silent[:, None, :]
    seen = same.tril(-1).any(2)
    inputs = torch.stack((key, value), 2)
    inputs = torch.where(silent[:, :, None], noises + sizes.vocab, inputs)
    asked = torch.where(seen & ~silent, value, IGNORED)
    answers = torch.stack((asked, torch.full_like(asked, IGNORED)), 2)
    return inputs.flatten(1), answers.flatten(1)


def fuzzy_recall(generator: Generator, count: int, sizes: Sizes) -> Batch:
    """In-context recall of keys and values that are one to three tokens long."""
    rows = [_fuzzy(generator, sizes) for _ in range(count)]
    inputs, answers = zip(*rows, strict=True)
    return torch.tensor(inputs), torch.tensor(answers)


def _fuzzy(generator: Generator, sizes: Sizes) -> tuple[list[int], list[int]]:
    """One sequence; filled up with the token `vocab`, which means nothing."""
    half = sizes.vocab // 2

    def word(start: int) -> tuple[int, ...]:
        length = int(torch.randint(1, 4, (), generator=generator))
        found = torch.randint(start, start + half, (length,), generator=generator)
        return tuple(found.tolist())

    book = {word(0): word(half) for _ in range(half)}
    keys = sorted(book)
    inputs: list[int] = []
    answers: list[int] = []
    seen = set()
    while True:
        key = keys[int(torch.randint(len(keys), (), generator=generator))]
        value = book[key]
        if len(inputs) + len(key) + len(value) > sizes.length:
            break
        asked = value if key in seen else (IGNORED,) * len(value)
        inputs += [*key, *value]
        answers += [IGNORED] * (len(key) - 1) + [*asked, IGNORED]
        seen.add(key)
    rest = sizes.length - len(inputs)
    return inputs + [sizes.vocab] * rest, answers + [IGNORED] * rest


def selective_copying(generator: Generator, count: int, sizes: Sizes) -> Batch:
    """Tokens among blanks, then marks: at each mark the next of the tokens is asked."""
    copies, blank, mark = sizes.copies, sizes.vocab, sizes.vocab + 1
    room = sizes.length - copies
    tokens = torch.randint(sizes.vocab, (count, copies), generator=generator)
    places = torch.rand(count, room, generator=generator).topk(copies).indices
    inputs = torch.full((count, sizes.length), blank)
    inputs[:, room:] = mark
    inputs.scatter_(1, places.sort(1).values, tokens)
    answers = torch.full_like(inputs, IGNORED)
    answers[:, room:] = tokens
    return inputs, answers


def compression(generator: Generator, count: int, sizes: Sizes) -> Batch:
    """Random tokens and a mark, whose output must hold them all; a quarter as long."""
    length = max(2, sizes.length // 4)
    inputs = torch.randint(sizes.vocab, (count, length), generator=generator)
    answers = inputs.clone()
    inputs[:, -1] = sizes.vocab
    answers[:, -1] = IGNORED
    return inputs, answers


def memorisation(generator: Generator, count: int, sizes: Sizes) -> Batch:
    """Facts that no sequence tells, the same in all: a key, then a mark for its value.

    A quarter as long as the others.
    """
    length = max(1, sizes.length // 8)
    book = torch.randint(
        sizes.facts, (sizes.facts,), generator=torch.Generator().manual_seed(20)
    )
    key = torch.randint(sizes.facts, (count, length), generator=generator)
    mark = torch.full_like(key, 2 * sizes.facts)
    ignored = torch.full_like(key, IGNORED)
    inputs = torch.stack((key, mark), 2).flatten(1)
    return inputs, torch.stack((ignored, book[key] + sizes.facts), 2).flatten(1)


TASKS: dict[str, Task] = {
    "in_context_recall": Task(in_context_recall, lambda s: s.vocab),
    "fuzzy_recall": Task(fuzzy_recall, lambda s: s.vocab + 1),
    "noisy_recall": Task(noisy_recall, lambda s: s.vocab + s.noise),
    "selective_copying": Task(selective_copying, lambda s: s.vocab + 2),
    "compression": Task(compression, lambda s: s.vocab + 1, aggregated=True),
    "memorisation": Task(memorisation, lambda s: 2 * s.facts + 1),
}
