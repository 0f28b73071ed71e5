"""``archgym trace record``: record the memory trace of a program of the user's."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.cli.failures import FELL_SHORT, guarded, say
from experiments.cli.output import progress_bar

if TYPE_CHECKING:
    from simulators.memory.recording import CacheLevel


@guarded
def record(
    command: Annotated[
        list[str],
        typer.Argument(metavar="-- COMMAND", help="The program and its arguments; nothing goes through a shell."),
    ],
    output: Annotated[
        Path, typer.Option("--output", metavar="FILE", help="The trace, .stl.gz or .stl; the recipe lies beside it.")
    ],
    l1: Annotated[
        str, typer.Option("--l1", metavar="SIZE,WAYS", help="First level, one for code and one for data.")
    ] = "32KiB,8",
    l2: Annotated[str, typer.Option("--l2", metavar="SIZE,WAYS", help="Second level, or none.")] = "256KiB,16",
    l3: Annotated[str, typer.Option("--l3", metavar="SIZE,WAYS", help="Third level, or none.")] = "none",
    code: Annotated[
        bool, typer.Option("--code/--no-code", help="Whether instruction fetches go through the caches, too.")
    ] = True,
    skip: Annotated[int, typer.Option("--skip", metavar="N", help="Instructions before the recorded window.")] = 0,
    requests: Annotated[int, typer.Option("--requests", metavar="N", help="Length of the trace.")] = 10_000,
    most: Annotated[
        int, typer.Option("--max-instructions", metavar="N", help="The program is stopped after so many.")
    ] = 10**9,
    cpu: Annotated[float, typer.Option("--cpu-mhz", metavar="MHZ", help="Processor clock.")] = 3000.0,
    ipc: Annotated[float, typer.Option("--ipc", metavar="X", help="Instructions per processor cycle.")] = 1.0,
    clock: Annotated[float, typer.Option("--clock", metavar="MHZ", help="Memory clock that cycles count in.")] = 800.0,
    memory: Annotated[str, typer.Option("--memory-size", metavar="SIZE", help="Physical memory, for pages.")] = "1GiB",
    seed: Annotated[int, typer.Option("--seed", metavar="N", help="Seed of the placement of pages.")] = 0,
    stdin: Annotated[
        Path | None, typer.Option("--stdin", metavar="FILE", help="File that the program reads as standard input.")
    ] = None,
    variables: Annotated[
        list[str] | None, typer.Option("--env", metavar="NAME=VALUE", help="Environment variable (repeatable).")
    ] = None,
) -> None:
    """Record the memory trace of a program of yours.

    The program runs under valgrind (Debian package valgrind); what its caches do not hold becomes the trace. It runs in
    this directory, some hundred times slower, with an environment of PATH, LC_ALL=C and what --env adds, and its
    output is thrown away. Child processes are not recorded.

    \b
    Example:
      archgym trace record --output sort.stl.gz --skip 5000000 -- sort big.txt
      archgym trace record --output fit.stl.gz --l2 1MiB,16 --l3 8MiB,16 -- ./fit data.bin
    """
    from experiments.tables import check_writable
    from experiments.trace_recording import RecordingOptions, record_command

    check_writable(output)
    options = RecordingOptions(
        caches=tuple(cache_level(*pair) for pair in (("--l1", l1), ("--l2", l2), ("--l3", l3)) if _is_there(pair[1])),
        instruction_fetches=code,
        skip_instructions=skip,
        requests=requests,
        max_instructions=most,
        cpu_mhz=cpu,
        ipc=ipc,
        clock_mhz=clock,
        memory=memory,
        page_seed=seed,
        stdin=stdin,
        variables=tuple(variables or ()),
    )
    with progress_bar("instructions") as progress:
        done = record_command(command, output, options, progress)
    for note in done.notes:
        say(f"note: {note}")
    say(f"{len(done.trace):,} requests in {done.trace.duration_ns / 1000:,.1f} us: {output}; recipe: {done.recipe}")
    say(f"Next: archgym trace describe {output}")
    if done.failed:
        raise typer.Exit(FELL_SHORT)


def _is_there(text: str) -> bool:
    return text.strip().lower() != "none"


def cache_level(option: str, text: str) -> CacheLevel:
    """Return the cache that ``32KiB,8`` describes.

    Raises:
        InvalidInputError: another form, or an impossible size; names the option.
    """
    from simulators.errors import InvalidInputError
    from simulators.memory._sizes import parse_size
    from simulators.memory.recording import CacheLevel

    size, comma, ways = text.partition(",")
    size_bytes, ways_count = parse_size(size.strip()), parse_size(ways.strip())
    if not comma or size_bytes is None or ways_count is None:
        raise InvalidInputError(f"{option}: expected SIZE,WAYS such as 32KiB,8, got {text!r}")
    try:
        return CacheLevel(size_bytes, ways_count)
    except InvalidInputError as error:
        raise InvalidInputError(f"{option}: {error}") from None
