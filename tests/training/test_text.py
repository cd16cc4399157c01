"""What a run learns from: order, split, windows, and what is too little."""

from pathlib import Path

import numpy
import pytest
import torch

from starc.training import text
from starc.training.settings import TrainingError


def test_validation_is_the_end_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(range(200)) * 5)
    read = text.read(str(path), context=8)
    whole = torch.cat([read.training, read.validation])
    assert bytes(whole.tolist()) == path.read_bytes()
    assert len(read.validation) == 50


def test_windows_are_bytes_of_the_text_and_reach_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(range(100)))
    read = text.read(str(path), context=4)
    torch.manual_seed(0)
    windows = torch.cat([read.batch(8, 4) for _ in range(100)])
    assert windows.dtype == torch.int64 and windows.shape == (800, 5)
    assert (windows.diff(dim=1) == 1).all(), "bytes that follow one another"
    assert windows.min() == 0 and windows.max() == len(read.training) - 1


def test_held_out_windows_are_spread_over_the_validation_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(bytes(range(250)) * 40)  # 500 bytes are held out
    read = text.read(str(path), context=4)
    held_out = torch.cat(list(read.held_out(8, 4, 3)))
    assert held_out.shape == (24, 5)
    assert held_out[0].tolist() == read.validation[:5].tolist()
    assert held_out[-1].tolist() == read.validation[-5:].tolist()


def test_a_folder_is_read_in_an_order_that_names_decide(tmp_path: Path) -> None:
    for number in range(20):
        (tmp_path / f"{number}.txt").write_bytes(bytes([number]) * 10)
    (tmp_path / ".hidden").write_bytes(b"no")
    first = text.read(str(tmp_path), context=4)
    (tmp_path / "0.txt").touch()
    assert text.read(str(tmp_path), context=4).digest == first.digest
    whole = torch.cat([first.training, first.validation])
    assert sorted(whole.unique().tolist()) == list(range(20))


def test_by_default_the_source_of_the_standard_library() -> None:
    read = text.read("", context=64)
    assert len(read.training) > 5_000_000
    assert b"def " in bytes(read.validation.tolist())


@pytest.mark.parametrize("size", [0, 1, 9])
def test_too_little_text_is_said(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"x" * size)
    with pytest.raises(TrainingError, match="10 are needed"):
        text.read(str(path), context=4)
    path.write_bytes(b"x" * 10)
    assert text.read(str(path), context=4).batch(2, 4).shape == (2, 5)


def test_files_of_tokens(tmp_path: Path) -> None:
    tokens = numpy.arange(1000, dtype=numpy.uint16)
    tokens.astype("<u2").tofile(tmp_path / "a.bin")
    numpy.save(tmp_path / "a.npy", tokens)
    for name in ("a.bin", "a.npy"):
        read = text.read(str(tmp_path / name), context=4)
        assert torch.cat([read.training, read.validation]).tolist() == tokens.tolist()
        assert read.vocab == 1000 and read.bytes_a_token is None
        assert (read.batch(8, 4).diff(dim=1) == 1).all()
    (tmp_path / "a.bin.json").write_text('{"dtype": "uint32", "bytes": 2000}')
    read = text.read(str(tmp_path / "a.bin"), context=4)
    assert read.bytes_a_token == 4.0, "500 tokens of 32 bits"
    assert read.training[1] == 2 + (3 << 16)


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (numpy.zeros((2, 50), numpy.uint16), "one row"),
        (numpy.zeros(100), "one row of uint8"),
        (numpy.full(100, -1), "negative"),
        (numpy.zeros(5, numpy.uint16), "5 tokens of text are too few"),
    ],
)
def test_what_is_no_file_of_tokens(
    tmp_path: Path, array: numpy.ndarray, reason: str
) -> None:
    numpy.save(tmp_path / "a.npy", array)
    with pytest.raises(TrainingError, match=reason):
        text.read(str(tmp_path / "a.npy"), context=4)
