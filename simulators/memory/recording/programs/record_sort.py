"""Recipe of ``recorded/record-sort``: four GNU sort sessions ordering records at once.

sort keeps the text of the records in one half of a buffer and pointers to their lines in the other, and merges runs of
pointers: each comparison reads two lines that lie anywhere in the text, while the pointers stream. Recording it needs
the Debian package ``coreutils`` and about two minutes of CPU time.
"""

from __future__ import annotations

from pathlib import Path

from simulators.memory.recording.programs.program import Program
from simulators.memory.recording.programs.texts import record_text
from simulators.memory.recording.recorder import Recipe

LINES, SEED = 60_000, 12

RECIPE = Recipe(
    name="record-sort",
    summary="four GNU sort sessions: merging pointers to lines that lie anywhere",
    command=("sort", "--parallel=1", "--buffer-size=32M", "records.txt"),
    sessions=4,
    skip_instructions=15_000_000,
    session_gap_instructions=18_000_000,
    max_instructions=90_000_000,
    requests=10_000,
    page_seed=2025,
)


def write_records(folder: Path) -> None:
    """Write ``records.txt``, 2.6 MB, into ``folder``."""
    (folder / "records.txt").write_bytes(record_text(LINES, SEED))


PROGRAM = Program(
    recipe=RECIPE,
    prepare=write_records,
    input_made_by=(f"simulators.memory.recording.programs.texts.record_text({LINES}, {SEED})",),
    tools={"sort": ("sort", "--version")},
    packages={"sort": "coreutils"},
)
