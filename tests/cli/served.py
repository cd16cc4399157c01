"""`python served.py CASES RESULTS`: many calls of `starc` in one process.

A case is a JSON line: {"arguments", "folder", "stdin", "stdout", "stderr", "encoding"}.
A stream is "closed", "full", "gone" (its reader has ended) or "file"; stdin may be
"closed", or the text that it holds, or a file by "stdin_file". Each call gets the
streams that Python itself would make of its descriptors, and at the end what Python
does: they are flushed once more. A result is {"code", "stdout", "stderr"}, with
"traceback" where one would be printed.
"""

import fcntl
import json
import os
import signal
import sys
import tempfile
import traceback
from functools import cache
from typing import Any

import typer.main

from starc.cli import main

sys.stdout.flush()
HIGH = 200
"""Descriptors of this process itself: those below are for the calls."""


def high(descriptor: int) -> int:
    found = fcntl.fcntl(descriptor, fcntl.F_DUPFD, HIGH)
    os.close(descriptor)
    return found


def arrange(number: int, how: str, given: int) -> None:
    if how == "closed":
        os.close(number)
    elif how == "full":
        device = os.open("/dev/full", os.O_WRONLY)
        os.dup2(device, number)
        os.close(device)
    elif how == "gone":
        reader, writer = os.pipe()
        os.dup2(writer, number)
        os.close(reader)
        os.close(writer)
    else:
        os.dup2(given, number)


def python_stream(number: int, mode: str, encoding: str) -> Any:
    """As Python makes it at its start."""
    try:
        os.fstat(number)
    except OSError:
        return None
    errors = "backslashreplace" if number == 2 else "strict"
    return open(number, mode, encoding=encoding, errors=errors, closefd=False)


def call(case: dict[str, Any], held: list[int]) -> dict[str, Any]:
    for descriptor in held:
        os.ftruncate(descriptor, 0)
        os.lseek(descriptor, 0, os.SEEK_SET)
    given = 0
    if file := case.get("stdin_file"):
        given = os.open(os.path.join(case["folder"], file), os.O_RDONLY)
    stdin = case.get("stdin", "")
    os.write(held[0], b"" if stdin == "closed" else stdin.encode())
    os.lseek(held[0], 0, os.SEEK_SET)
    os.chdir(case["folder"])
    arrange(0, stdin if stdin == "closed" else "file", given or held[0])
    arrange(1, case.get("stdout", "file"), held[1])
    arrange(2, case.get("stderr", "file"), held[2])
    encoding = case.get("encoding", "utf-8")
    sys.stdin = python_stream(0, "r", encoding)
    sys.stdout = python_stream(1, "w", encoding)
    sys.stderr = python_stream(2, "w", encoding)
    sys.argv = ["starc", *(os.fsdecode(a.encode("latin-1")) for a in case["arguments"])]
    result: dict[str, Any] = {"code": 0}
    try:
        main()
    except SystemExit as end:
        result["code"] = end.code or 0
    except BaseException:
        result["traceback"] = traceback.format_exc()
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except BaseException:
        result["traceback"] = traceback.format_exc()
    for name, descriptor in zip(("stdout", "stderr"), held[1:], strict=True):
        size = os.lseek(descriptor, 0, os.SEEK_END)
        result[name] = os.pread(descriptor, size, 0).decode("latin-1")
    return result


def serve(cases: str, results: str) -> None:
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    # A parser of all commands, made for each call: half of the time of most of them.
    setattr(typer.main, "get_command", cache(typer.main.get_command))  # noqa: B010
    with open(cases, encoding="utf-8") as file:
        asked = [json.loads(line) for line in file]
    out = high(os.open(results, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    saved = [fcntl.fcntl(number, fcntl.F_DUPFD, HIGH) for number in range(3)]
    streams = sys.stdin, sys.stdout, sys.stderr
    held = []
    for _ in range(3):
        descriptor, name = tempfile.mkstemp()
        os.unlink(name)
        held.append(high(descriptor))
    for case in asked:
        result = call(case, held)
        sys.stdin, sys.stdout, sys.stderr = streams
        for number, descriptor in enumerate(saved):
            os.dup2(descriptor, number)
        os.write(out, json.dumps(result).encode() + b"\n")


if __name__ == "__main__":
    serve(*sys.argv[1:])
