"""Stream a program's memory accesses out of valgrind's ``lackey`` tool (Debian package ``valgrind``).

``valgrind --tool=lackey --trace-mem=yes`` prints one line per access: ``I  04001090,3`` for an instruction fetch,
`` L 1ffeffe7e0,8`` for a load, `` S`` for a store, `` M`` for a load and store of the same bytes; address in
hexadecimal, size in decimal. That is gigabytes for a second of native run time, so the text goes through a pipe
and is parsed as it comes; nothing of it is stored.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO

import numpy as np
from numba import njit
from numpy.typing import NDArray

from simulators.errors import ArchgymError, InvalidInputError

Accesses = tuple[NDArray[np.uint8], NDArray[np.uint64], NDArray[np.int64]]
"""uint8[n] kind (see caches.py), uint64[n] virtual byte address, int64[n] size in bytes."""

_BLOCK_BYTES = 1 << 22
_PIPE_BYTES = 1 << 20  # the most that Linux grants an ordinary user


def lackey_command(command: Sequence[str], log_fd: int | str) -> list[str]:
    """Return the command line that runs ``command`` under lackey, with address randomisation off.

    Raises:
        ArchgymError: valgrind or setarch (util-linux) is not installed.
    """
    for tool, package in (("valgrind", "valgrind"), ("setarch", "util-linux")):
        if shutil.which(tool) is None:
            raise ArchgymError(
                f"recording needs the program {tool!r}, which is not installed: install the Debian package "
                f"{package!r} (in a checkout, .ci/install-packages recording does)"
            )
    options = ["--tool=lackey", "--basic-counts=no", "--trace-mem=yes", f"--log-fd={log_fd}"]
    return ["setarch", "-R", "valgrind", *options, *command]


class ProgramFailedError(ArchgymError):
    """The recorded program ended with an error, after everything that it did was recorded."""


def stream_accesses(
    command: Sequence[str], folder: Path, environment: Mapping[str, str], stdin: str | None = None
) -> Iterator[Accesses]:
    """Run ``command`` in ``folder`` under lackey and yield its accesses, block by block, as they happen.

    Closing the iterator early ends the program. Its standard output is thrown away.

    Args:
        command: program and arguments; nothing goes through a shell.
        folder: its working directory.
        environment: its whole environment. Keep it fixed: its size moves the stack.
        stdin: path of the file that it reads as standard input (nothing if None).

    Raises:
        InvalidInputError: an empty command, a program that is not found, or an unreadable ``stdin``.
        ArchgymError: valgrind is missing.
        ProgramFailedError: the program ended with an error (its last words are shown); raised after the last block.
    """
    if not command or shutil.which(_as_seen_from(folder, command[0]), path=environment.get("PATH")) is None:
        raise InvalidInputError(f"cannot record {list(command)}: no such program on PATH={environment.get('PATH')!r}")
    lackey_command(command, "FD")  # complains about missing tools before anything is opened
    source = _opened_input(folder / (stdin or os.devnull))
    read_end, write_end = os.pipe()
    fcntl.fcntl(write_end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    with open(read_end, "rb") as log, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(
                lackey_command(command, write_end),
                cwd=folder,
                env=dict(environment),
                stdin=source,
                stdout=subprocess.DEVNULL,
                stderr=errors,
                pass_fds=(write_end,),
            )
        finally:
            os.close(write_end)
            source.close()
        try:
            yield from _parsed(log)
            if process.wait() != 0:
                errors.seek(0)
                last_words = errors.read()[-500:].decode("utf-8", "replace").strip()
                raise ProgramFailedError(f"{list(command)} ended with status {process.returncode}: {last_words}")
        finally:
            process.kill()
            process.wait()


def _as_seen_from(folder: Path, program: str) -> str:
    """Return a program's path as it is from here; a bare name stays one, to be looked up on PATH."""
    return str(folder / program) if os.sep in program else program


def _opened_input(path: Path) -> IO[bytes]:
    try:
        return open(path, "rb")
    except OSError as error:
        raise InvalidInputError(f"{path}: cannot be read as standard input: {error.strerror or error}") from error


def _parsed(log: IO[bytes]) -> Iterator[Accesses]:
    """Parse block by block; a buffered read waits for a whole block, for lackey writes every line by itself."""
    rest = b""
    while block := log.read(_BLOCK_BYTES):
        block = rest + block
        cut = block.rfind(b"\n") + 1
        rest = block[cut:]
        if cut:
            yield parse_lackey(np.frombuffer(block[:cut], dtype=np.uint8))


@njit(cache=True, nogil=True)
def parse_lackey(text: NDArray[np.uint8]) -> Accesses:
    """Parse whole lines of lackey's output (uint8[m]); lines that are no accesses (``==12== ...``) are skipped."""
    most = 1
    for byte in text:
        most += byte == 10
    kind = np.empty(most, np.uint8)
    address = np.empty(most, np.uint64)
    size = np.empty(most, np.int64)
    n = at = 0
    while at < text.size:
        end = at
        while end < text.size and text[end] != 10:
            end += 1
        code = _kind(text, at, end)
        if code >= 0:
            address[n], size[n] = _operands(text, at + 3, end)
            kind[n] = code
            n += size[n] > 0
        at = end + 1
    return kind[:n].copy(), address[:n].copy(), size[:n].copy()


@njit(cache=True, nogil=True)
def _kind(text: NDArray[np.uint8], at: int, end: int) -> int:
    """Return the kind of access that the first three characters name, -1 if none."""
    if at + 3 >= end or text[at + 2] != 32:
        return -1
    if text[at] == 73 and text[at + 1] == 32:  # "I  "
        return 0
    if text[at] != 32:
        return -1
    letter = text[at + 1]  # " L ", " S ", " M "
    return 1 if letter == 76 else 2 if letter == 83 else 3 if letter == 77 else -1


@njit(cache=True, nogil=True)
def _operands(text: NDArray[np.uint8], at: int, end: int) -> tuple[int | np.uint64, int | np.int64]:
    """Return (address, size) of ``<hex>,<decimal>``; size 0 if the text is not of that form."""
    address, size = np.uint64(0), np.int64(0)
    while at < end and text[at] != 44:
        digit = np.int64(text[at]) - (48 if text[at] <= 57 else 87)
        if digit < 0 or digit > 15:
            return address, np.int64(0)
        address = (address << np.uint64(4)) | np.uint64(digit)
        at += 1
    for place in range(at + 1, end):
        size = size * 10 + np.int64(text[place]) - 48
    return address, size
