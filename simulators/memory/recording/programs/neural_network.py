"""Recipe of ``recorded/neural-network``: one core training a small neural network, example by example.

The program is ``neural_network.c`` beside this file. The weights of the first layer (400 KB) do not fit into the
caches: forward they are streamed through once, backward the rows of active units are read, changed and written back.
So long sequential runs, a share of writes that changes by phases, and more demand than the memory can meet: vector
instructions ask for a line every few nanoseconds. Recording it needs the Debian package ``gcc`` and about a minute of
CPU time.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from simulators.memory.recording.programs.program import Program
from simulators.memory.recording.recorder import PLAIN_ENVIRONMENT, Recipe

SOURCE = Path(__file__).with_suffix(".c")
COMPILE = ("gcc", "-O3", "-std=c11", "-o", "neural-network")

RECIPE = Recipe(
    name="neural-network",
    summary="training a small neural network: weights streamed through, changed and written back",
    command=("./neural-network", "200"),
    skip_instructions=6_000_000,
    requests=12_000,
    page_seed=2026,
)


def compile_program(folder: Path) -> None:
    """Compile the network into ``folder``."""
    subprocess.run([*COMPILE, str(SOURCE), "-lm"], cwd=folder, env=dict(PLAIN_ENVIRONMENT), check=True)


PROGRAM = Program(
    recipe=RECIPE,
    prepare=compile_program,
    input_made_by=(f"{' '.join(COMPILE)} simulators/memory/recording/programs/{SOURCE.name} -lm",),
    tools={"gcc": ("gcc", "--version")},
    packages={"gcc": "gcc"},
)
