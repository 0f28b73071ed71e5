"""Running a program: in a directory of its own, for a limited time, leaving nothing behind."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final, TypeVar

from simulators.errors import ArchgymError, InvalidInputError

_T = TypeVar("_T")
_TAIL_BYTES: Final = 2000
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.0005, 0.05


class ProgramFailure(ArchgymError):
    """A program gave no result for one input: it failed, took too long, or wrote what cannot be read.

    It becomes the reason of an invalid design, so the message starts with a short kind, such as ``timeout:``.
    """


def find_program(name: str, path: str | Path | None, argument: str, install: str) -> Path:
    """Return the absolute path of a program.

    Args:
        name: what to look for on PATH.
        path: where the user says it is (a file, or a name on PATH), or None.
        argument: the argument by which a user says that.
        install: where the program comes from, for the message.

    Raises:
        InvalidInputError: it is not there or cannot be executed; says how to get it and which argument points to it.
    """
    wanted = name if path is None else os.fspath(path)
    found = shutil.which(wanted)
    if found is None:
        place = "on PATH" if os.sep not in wanted else "there, or it cannot be executed"
        raise InvalidInputError(
            f"the program {wanted!r} is not {place}. Install it ({install}), or say where it is with the argument "
            f"{argument!r}."
        )
    return Path(found).absolute()


def program_digest(path: Path) -> str:
    """Return 16 hexadecimal digits that change with the content of a program's file (not of what it loads)."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


@dataclass(frozen=True)
class ExternalProgram:
    """A command, and how it is run.

    Each run has a fresh temporary directory as its working directory, with the input files in it and nothing else, no
    input, and a process group of its own, which is killed as a whole at the end of time, at an interrupt, and when the
    command ends and leaves processes behind. Neither directory nor environment of the caller change.

    Attributes:
        command: program and arguments; the program as an absolute path.
        timeout_s: seconds that one attempt may take.
        retries: further attempts after a transient failure.
        transient: regular expressions; a failure in whose output one is found is transient.
        transient_exit_statuses: exit statuses that are transient whatever the output.
        environment: variables set for the program, in addition to those of the caller.

    Raises:
        InvalidInputError: no command, no time, fewer than 0 retries, or a wrong regular expression.
    """

    command: tuple[str, ...]
    timeout_s: float = 60.0
    retries: int = 0
    transient: tuple[str, ...] = ()
    transient_exit_statuses: tuple[int, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.command:
            raise InvalidInputError("an external program needs a command, got none")
        if not self.timeout_s > 0:
            raise InvalidInputError(f"timeout_s must be above 0 seconds, got {self.timeout_s!r}")
        if self.retries < 0:
            raise InvalidInputError(f"retries must be 0 or more, got {self.retries!r}")
        for pattern in self.transient:
            try:
                re.compile(pattern)
            except re.error as error:
                raise InvalidInputError(f"transient: {pattern!r} is no regular expression: {error}") from error

    def run(self, files: Mapping[str, str], parse: Callable[[Path], _T]) -> _T:
        """Run the command on input files and return what ``parse`` makes of the directory afterwards.

        Args:
            files: relative path -> text, written before the command starts.
            parse: gets the directory, with whatever the command wrote into it and its output in ``stdout`` and
                ``stderr`` beside it (see :func:`output_of`); raises ProgramFailure for what it cannot read.

        Raises:
            ProgramFailure: a failure that is not transient, or the last of ``retries + 1`` attempts.
            InvalidInputError: a file outside the directory, or a command that cannot be started at all.
        """
        for attempt in range(self.retries + 1):
            with tempfile.TemporaryDirectory(prefix="archgym-", ignore_cleanup_errors=True) as folder:
                directory = Path(folder) / "run"
                _write_files(directory, files)
                failure, transient = self._attempt(directory)
                if failure is None:
                    return parse(directory)
            if not transient or attempt == self.retries:
                break
        raise ProgramFailure(failure)

    def _attempt(self, directory: Path) -> tuple[str | None, bool]:
        """Run the command once; return why it failed, or None, and whether that is transient."""
        with open(directory.parent / "stdout", "wb") as out, open(directory.parent / "stderr", "wb") as err:
            process = self._start(directory, out.fileno(), err.fileno())
            try:
                in_time = _wait(process, self.timeout_s)
            finally:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.killpg(process.pid, signal.SIGKILL)
                status = process.wait()
        name, tail = Path(self.command[0]).name, _tails(directory)
        transient = status in self.transient_exit_statuses or any(re.search(text, tail) for text in self.transient)
        if not in_time:
            return f"timeout: {name} took more than {self.timeout_s:g} s{tail}", transient
        if status != 0:
            how = f"exit status {status}" if status > 0 else f"killed by {signal.Signals(-status).name}"
            return f"failed: {name} ended with {how}{tail}", transient
        return None, False

    def _start(self, directory: Path, out: int, err: int) -> subprocess.Popen[bytes]:
        try:
            return subprocess.Popen(
                self.command,
                cwd=directory,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
        except OSError as error:
            raise InvalidInputError(f"{self.command[0]} cannot be started: {error}") from error


def output_of(directory: Path) -> str:
    """Return what a run printed to standard output, from within ``parse``."""
    return (directory.parent / "stdout").read_text(encoding="utf-8", errors="replace")


def read_output(directory: Path, name: str) -> str:
    """Return the text of a file that a run should have written, from within ``parse``.

    Raises:
        ProgramFailure: the file is not there; with the end of what the program printed.
    """
    try:
        return (directory / name).read_text(encoding="utf-8", errors="replace")
    except OSError:
        raise ProgramFailure(f"no result: the program did not write {name!r}{_tails(directory)}") from None


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> bool:
    """Wait for the end; return whether it came in time.

    The process is left unreaped: as long as it is, no other can get its number, and its group can be killed safely.
    """
    end, pause = time.monotonic() + timeout_s, _FIRST_PAUSE_S
    while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
        left = end - time.monotonic()
        if left <= 0:
            return False
        time.sleep(min(pause, left))
        pause = min(2 * pause, _LONGEST_PAUSE_S)
    return True


def _write_files(directory: Path, files: Mapping[str, str]) -> None:
    directory.mkdir()
    for name, text in files.items():
        relative = PurePosixPath(name)
        if relative.is_absolute() or ".." in relative.parts or not relative.parts:
            raise InvalidInputError(f"input file {name!r} must be a relative path inside the program's directory")
        path = directory / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _tails(directory: Path) -> str:
    """Return the ends of what was printed, to be put behind a message."""
    text = ""
    for name in ("stderr", "stdout"):
        with open(directory.parent / name, "rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL_BYTES))
            tail = file.read().decode(errors="replace").strip()
        text += f"; {name}: {tail}" if tail else ""
    return text
