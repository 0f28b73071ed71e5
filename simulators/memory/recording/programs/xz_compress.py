"""Recipe of ``recorded/xz-compress``: four xz sessions compressing a server's log at once.

xz finds repetitions with hash chains over a dictionary of 1 MiB (preset 1): for each position it reads a bucket of
its hash table, follows a chain through an array of positions and compares the text there. So reads jump about in some
megabytes of tables, and nearly as many table entries are written as are read. Recording it needs the Debian package
``xz-utils`` and about two minutes of CPU time.
"""

from __future__ import annotations

from pathlib import Path

from simulators.memory.recording.programs.program import Program
from simulators.memory.recording.programs.texts import log_text
from simulators.memory.recording.recorder import Recipe

LINES, SEED = 60_000, 11

RECIPE = Recipe(
    name="xz-compress",
    summary="four xz sessions compressing a log: hash chains, tables read and written at random",
    command=("xz", "-1", "--threads=1", "--keep", "--stdout", "server.log"),
    sessions=4,
    skip_instructions=20_000_000,
    session_gap_instructions=12_000_000,
    max_instructions=76_000_000,
    requests=10_000,
    page_seed=2024,
)


def write_log(folder: Path) -> None:
    """Write ``server.log``, some 4 MB, into ``folder``."""
    (folder / "server.log").write_bytes(log_text(LINES, SEED))


PROGRAM = Program(
    recipe=RECIPE,
    prepare=write_log,
    input_made_by=(f"simulators.memory.recording.programs.texts.log_text({LINES}, {SEED})",),
    tools={"xz": ("xz", "--version")},
    packages={"xz": "xz-utils"},
)
