"""Run an experiment in a process of its own: ``run_toy.py CONFIG.json OUTPUT [resume]``; prints the digest."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import archgym_toys

from experiments.config import parse_config
from experiments.runner import run_experiment
from simulators import ArchgymError

if __name__ == "__main__":
    archgym_toys.install()
    config = parse_config(json.loads(Path(sys.argv[1]).read_text()))
    try:
        summary = run_experiment(config, Path(sys.argv[2]), resume="resume" in sys.argv[3:], progress=False)
    except ArchgymError as error:
        sys.exit(f"{type(error).__name__}: {error}")
    sys.stdout.write(f"{summary.digest} {summary.exit_status}\n")
