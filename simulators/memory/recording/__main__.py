"""Record workloads that ship with archgym again::

python -m simulators.memory.recording xz-compress record-sort --output DIRECTORY
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from simulators.errors import ArchgymError
from simulators.memory.recording.programs import PROGRAMS, record_program


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: names of programs, and ``--output DIRECTORY``."""
    parser = argparse.ArgumentParser(
        prog="python -m simulators.memory.recording", description="Record workloads that ship with archgym again."
    )
    parser.add_argument("names", nargs="+", choices=sorted(PROGRAMS), metavar="NAME", help=", ".join(sorted(PROGRAMS)))
    parser.add_argument("--output", type=Path, required=True, help="directory for NAME.stl.gz and NAME.json")
    words = parser.parse_args(arguments)
    for name in words.names:
        try:
            record_program(PROGRAMS[name], words.output)
        except ArchgymError as error:
            parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
