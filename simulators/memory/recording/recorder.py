"""From a program to a trace: run it under lackey, filter through caches, cut a window, place it in memory.

    accesses --caches--> requests to memory --sessions, clock--> cycles --pages--> physical addresses --> Trace

Time comes from the instruction count: request times are ``instructions / (ipc * cpu_mhz)``, the same for hits and
misses (the program is not slowed down by the memory under study; it states how fast it would like to be served).
Several sessions of one program on cores of their own are modelled by several windows of one run, at different
points of its progress, played at once: each has its own caches and its own pages.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulators.errors import ArchgymError, InvalidInputError
from simulators.memory.recording.caches import CacheFilter, CacheLevel
from simulators.memory.recording.lackey import ProgramFailedError, lackey_command, stream_accesses
from simulators.memory.recording.pages import PAGE_BYTES, physical_addresses
from simulators.memory.trace import Trace, write_stl

PLAIN_ENVIRONMENT: Mapping[str, str] = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C"}
"""The environment of a recorded program; fixed, because its size moves the stack."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Everything that decides what a recorded trace looks like.

    Attributes:
        name: the workload's name without ``recorded/``.
        summary: one line for tables.
        command: program and arguments.
        stdin: the file, seen from the working directory, that the program reads as standard input.
        caches: the levels of each core, nearest first, see :class:`CacheFilter`.
        instruction_fetches: whether instruction fetches go through the caches too.
        cpu_mhz, ipc: clock and instructions per cycle, which give the time between requests.
        clock_mhz: the memory clock in which the trace's cycles count.
        sessions: how many copies of the program run at once.
        session_gap_instructions: how far each session is ahead of the next, in instructions.
        skip_instructions: start-up not recorded (of the session that is furthest behind).
        requests: length of the trace.
        max_instructions: the program is stopped after so many instructions.
        memory_bytes, page_seed: size of physical memory and seed of its page allocation.
    """

    name: str
    summary: str
    command: tuple[str, ...]
    stdin: str | None = None
    caches: tuple[CacheLevel, ...] = (CacheLevel(32 << 10, 8), CacheLevel(256 << 10, 16))
    instruction_fetches: bool = True
    cpu_mhz: float = 3000.0
    ipc: float = 1.0
    clock_mhz: float = 800.0
    sessions: int = 1
    session_gap_instructions: int = 0
    skip_instructions: int = 0
    requests: int = 10_000
    max_instructions: int = 10**9
    memory_bytes: int = 1 << 30
    page_seed: int = 0

    def __post_init__(self) -> None:
        lowest = {"cpu_mhz": 1e-9, "ipc": 1e-9, "clock_mhz": 1e-9, "sessions": 1, "requests": 1, "max_instructions": 1}
        for name in (*lowest, "session_gap_instructions", "skip_instructions", "page_seed"):
            if not getattr(self, name) >= lowest.get(name, 0):
                raise InvalidInputError(f"recipe {self.name!r}: {name} must be at least {lowest.get(name, 0)}")


@dataclass(frozen=True)
class MemoryRequests:
    """What left the caches during a whole run.

    Attributes:
        instruction: int64[n], instructions begun before each request.
        line: int64[n], virtual line numbers.
        is_write: bool[n], write-backs.
        counts: how many instructions, line accesses, first-level misses and last-level misses there were.
        failure: what the program said when it ended with an error; empty if it did not.
    """

    instruction: NDArray[np.int64]
    line: NDArray[np.int64]
    is_write: NDArray[np.bool_]
    counts: Mapping[str, int]
    failure: str = ""


def run_through_caches(
    recipe: Recipe,
    folder: Path,
    environment: Mapping[str, str] = PLAIN_ENVIRONMENT,
    progress: Callable[[int, int], None] | None = None,
) -> MemoryRequests:
    """Run the recipe's command in ``folder`` and return every request that its caches send to memory.

    The program is stopped at ``max_instructions``, and a single session as soon as its window is full.

    Args:
        recipe: what to record.
        folder: the program's working directory.
        environment: the program's whole environment.
        progress: called with (instructions so far, ``max_instructions``).

    Raises:
        ArchgymError: valgrind is missing, or it reported nothing. A program that fails later is no error here, see
            :attr:`MemoryRequests.failure`.
    """
    caches = CacheFilter(*recipe.caches, instruction_fetches=recipe.instruction_fetches)
    parts, failure, in_window = [], "", 0
    try:
        for kind, address, size in stream_accesses(recipe.command, folder, environment, recipe.stdin):
            part = caches.access(kind, address, size)
            parts.append(part)
            in_window += int(np.count_nonzero(part[0] >= recipe.skip_instructions))
            if progress is not None:
                progress(min(int(caches.counts[0]), recipe.max_instructions), recipe.max_instructions)
            is_full = recipe.sessions == 1 and in_window >= recipe.requests
            if is_full or caches.counts[0] >= recipe.max_instructions:
                break
    except ProgramFailedError as error:
        failure = str(error)
    if not parts:
        raise ArchgymError(f"recipe {recipe.name!r}: valgrind reported no memory accesses. {failure}".rstrip())
    instruction, line, is_write = (np.concatenate(column) for column in zip(*parts, strict=True))
    names = ("instructions", "line_accesses", "first_level_misses", "last_level_misses")
    counts = dict(zip(names, caches.counts.tolist(), strict=True))
    return MemoryRequests(instruction, line, is_write, counts, failure)


def cut_trace(requests: MemoryRequests, recipe: Recipe, *, allow_shorter: bool = False) -> Trace:
    """Return the recipe's window of a run as a trace that begins at cycle 0.

    Session k of S reads the run from instruction ``skip + (S - 1 - k) * gap`` on. Requests of the same cycle are
    sent in the order of the sessions.

    Args:
        requests: the run.
        recipe: its window, clock and pages.
        allow_shorter: return what there is when the run is over before ``recipe.requests``.

    Raises:
        InvalidInputError: the run is over before all sessions together sent enough requests (with ``allow_shorter``:
            before they sent any).
    """
    starts = [
        recipe.skip_instructions + (recipe.sessions - 1 - k) * recipe.session_gap_instructions
        for k in range(recipe.sessions)
    ]
    left_by_most_advanced = requests.counts["instructions"] - starts[0]
    since_start, chosen, session = [], [], []
    for k, start in enumerate(starts):
        first, end = np.searchsorted(requests.instruction, (start, start + max(left_by_most_advanced, 0)))
        chosen.append(np.arange(first, end))
        since_start.append(requests.instruction[first:end] - start)
        session.append(np.full(end - first, k))
    elapsed, which, process = (np.concatenate(part) for part in (since_start, chosen, session))
    order = np.argsort(elapsed, kind="stable")[: recipe.requests]
    if order.size == 0 or (order.size < recipe.requests and not allow_shorter):
        raise _too_short(requests, recipe, order.size)
    cycles_per_instruction = recipe.clock_mhz / (recipe.ipc * recipe.cpu_mhz)
    cycle = np.floor((elapsed[order] - elapsed[order[0]]) * cycles_per_instruction).astype(np.int64)
    address = physical_addresses(
        requests.line[which[order]], process[order], memory_bytes=recipe.memory_bytes, seed=recipe.page_seed
    )
    return Trace(f"recorded/{recipe.name}", cycle, requests.is_write[which[order]], address, recipe.clock_mhz)


def _too_short(requests: MemoryRequests, recipe: Recipe, found: int) -> InvalidInputError:
    if found:
        return InvalidInputError(
            f"recipe {recipe.name!r}: the run has only {found} requests while all sessions run; "
            f"ask for fewer requests, skip less or run a longer program"
        )
    return InvalidInputError(
        f"recipe {recipe.name!r}: no request reaches memory in the window: the run has "
        f"{requests.counts['instructions']:,} instructions and {len(requests.line):,} requests in all, and the window "
        f"begins after {recipe.skip_instructions:,} instructions, {recipe.sessions} session(s) "
        f"{recipe.session_gap_instructions:,} apart; skip less, make the caches smaller or run a longer program"
    )


def record(
    recipe: Recipe,
    folder: Path,
    output: Path,
    *,
    environment: Mapping[str, str] = PLAIN_ENVIRONMENT,
    notes: Mapping[str, Any] | None = None,
) -> Trace:
    """Record the recipe's program in ``folder``; write ``<name>.stl.gz`` and ``<name>.json`` into ``output``.

    Args:
        recipe: what to record.
        folder: the program's working directory.
        output: where the trace and its description go; made if missing.
        environment: the program's whole environment.
        notes: further facts for the description (versions, how the input was made).

    Raises:
        ArchgymError: valgrind is missing or the program ended with an error.
        InvalidInputError: the run is too short for the recipe's window.
    """
    requests = run_through_caches(recipe, folder, environment)
    if requests.failure:
        raise ArchgymError(requests.failure)
    trace = cut_trace(requests, recipe)
    output.mkdir(parents=True, exist_ok=True)
    description = describe_recording(recipe, requests, trace, environment) | dict(notes or {})
    write_recording(trace, recipe, description, output / f"{recipe.name}.stl.gz")
    return trace


def write_recording(trace: Trace, recipe: Recipe, description: Mapping[str, Any], file: Path) -> Path:
    """Write the trace to ``file`` and its description beside it; return the description's path (``.json``)."""
    write_stl(trace, file, [f"{trace.name}: {recipe.summary}"])
    beside = file.with_name(file.name.removesuffix(".gz").removesuffix(".stl") + ".json")
    partial = beside.with_name(f"{beside.name}.{os.getpid()}.partial")
    partial.write_text(json.dumps(description, indent=1) + "\n", encoding="utf-8")
    os.replace(partial, beside)
    return beside


def describe_recording(
    recipe: Recipe, requests: MemoryRequests, trace: Trace, environment: Mapping[str, str]
) -> dict[str, Any]:
    """Return what the description file says: the recipe, the tools, what was counted, the trace's digest."""
    return asdict(recipe) | {
        "recorded_with": lackey_command(recipe.command, "FD"),
        "environment": dict(environment),
        "valgrind": first_line(["valgrind", "--version"]),
        "machine": platform.machine(),
        "page_bytes": PAGE_BYTES,
        "recorded_run": dict(requests.counts) | {"memory_requests": len(requests.line)},
        "digest": trace.digest,
    }


def first_line(command: Sequence[str]) -> str:
    """Return the first line that a command prints: how programs tell their version."""
    return subprocess.run(list(command), capture_output=True, text=True, check=True).stdout.splitlines()[0]
