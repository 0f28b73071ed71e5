"""Recording a command of the user's: from options to a trace file and its recipe."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from simulators.errors import ArchgymError, InvalidInputError
from simulators.memory._sizes import parse_size
from simulators.memory.recording import (
    CacheLevel,
    MemoryRequests,
    Recipe,
    cut_trace,
    describe_recording,
    run_through_caches,
    write_recording,
)
from simulators.memory.recording.recorder import PLAIN_ENVIRONMENT
from simulators.memory.trace import Trace

_SUFFIXES = (".stl", ".stl.gz")


@dataclass(frozen=True, kw_only=True)
class RecordingOptions:
    """How to record; see :class:`simulators.memory.recording.Recipe`.

    Attributes:
        caches: levels, nearest to the core first.
        memory: size of physical memory, such as ``1GiB``.
        stdin: file that the program reads as standard input.
        variables: ``NAME=VALUE``, added to the environment.
    """

    caches: tuple[CacheLevel, ...]
    instruction_fetches: bool = True
    skip_instructions: int = 0
    requests: int = 10_000
    max_instructions: int = 10**9
    cpu_mhz: float = 3000.0
    ipc: float = 1.0
    clock_mhz: float = 800.0
    memory: str = "1GiB"
    page_seed: int = 0
    stdin: Path | None = None
    variables: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recorded:
    """What came of it.

    Attributes:
        trace: what was written.
        recipe: path of the recipe.
        notes: what the user should know.
        failed: whether the program ended with an error.
    """

    trace: Trace
    recipe: Path
    notes: tuple[str, ...]
    failed: bool


def record_command(
    command: Sequence[str], output: Path, options: RecordingOptions, progress: Callable[[int, int], None] | None = None
) -> Recorded:
    """Record ``command`` in the working directory; write the trace to ``output`` and its recipe beside it.

    A program that ends with an error is recorded up to there. A run shorter than the window gives a shorter trace.

    Raises:
        InvalidInputError: impossible options, a program that is not found, a window without any request.
        ArchgymError: valgrind is missing, or the program failed before it asked anything of memory.
    """
    recipe = _recipe(command, output, options)
    environment = dict(PLAIN_ENVIRONMENT) | _variables(options.variables)
    requests = run_through_caches(recipe, Path.cwd(), environment, progress)
    try:
        trace = cut_trace(requests, recipe, allow_shorter=True)
    except InvalidInputError as error:
        if requests.failure:
            raise ArchgymError(f"{requests.failure}\nNothing was recorded: {error}") from None
        raise
    description = describe_recording(recipe, requests, trace, environment)
    beside = write_recording(trace, recipe, description, output)
    return Recorded(trace, beside, _notes(requests, recipe, trace), bool(requests.failure))


def _recipe(command: Sequence[str], output: Path, options: RecordingOptions) -> Recipe:
    suffix = next((suffix for suffix in sorted(_SUFFIXES, key=len, reverse=True) if output.name.endswith(suffix)), None)
    if suffix is None or output.name == suffix:
        raise InvalidInputError(f"cannot write {output}: expected a name that ends in .stl.gz or .stl")
    memory_bytes = parse_size(options.memory)
    if memory_bytes is None:
        raise InvalidInputError(f"--memory-size: expected a size such as 1GiB, got {options.memory!r}")
    values = {name: value for name, value in vars(options).items() if name not in ("memory", "stdin", "variables")}
    return Recipe(
        name=output.name.removesuffix(suffix),
        summary=shlex.join(command).replace("\n", " "),
        command=(_found(command[0]), *command[1:]),
        stdin=None if options.stdin is None else str(options.stdin),
        memory_bytes=memory_bytes,
        **values,
    )


def _found(program: str) -> str:
    """Return a program's name, or its path where it is only on the user's PATH, not on that of recorded programs."""
    if shutil.which(program, path=PLAIN_ENVIRONMENT["PATH"]) is not None:
        return program
    return shutil.which(program) or program


def _variables(items: Sequence[str]) -> dict[str, str]:
    for item in items:
        if "=" not in item[1:]:
            raise InvalidInputError(f"--env: expected NAME=VALUE, got {item!r}")
    return dict(item.split("=", 1) for item in items)


def _notes(requests: MemoryRequests, recipe: Recipe, trace: Trace) -> tuple[str, ...]:
    notes = []
    if requests.failure:
        notes.append(f"{requests.failure}\nWhat it did until then is recorded.")
    if len(trace) < recipe.requests:
        notes.append(
            f"only {len(trace):,} of {recipe.requests:,} requests: the program ended or was stopped after "
            f"{requests.counts['instructions']:,} instructions (--max-instructions, --skip)"
        )
    return tuple(notes)
