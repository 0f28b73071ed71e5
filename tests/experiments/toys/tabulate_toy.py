"""Tabulate the toy in a process of its own: ``tabulate_toy.py OUTPUT WORKERS [resume]``; prints the checksum."""

from __future__ import annotations

import sys
from pathlib import Path

import archgym_toys

from experiments.tabulate import tabulate

SLOW = {"levels": 9, "delay_s": 0.002}
"""729 designs of 2 ms."""

if __name__ == "__main__":
    archgym_toys.install()
    done = tabulate(
        archgym_toys.ENVIRONMENT,
        Path(sys.argv[1]),
        arguments=SLOW,
        workers=int(sys.argv[2]),
        resume="resume" in sys.argv[3:],
    )
    sys.stdout.write(f"{done.checksum} {done.computed}\n")
