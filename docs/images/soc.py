"""The picture of docs/soc.md, written beside this file by ``python -m docs.images.soc``.

It is what ``archgym soc docs/images/soc-chip.yaml --plot FILE.png`` draws.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from experiments.soc_designs import load_chip
from experiments.soc_figure import write_figure
from simulators.soc.chip_report import ChipReport, report_chip

CHIP: Final = Path(__file__).parent / "soc-chip.yaml"
PICTURE: Final = CHIP.with_suffix(".png")


def report() -> ChipReport:
    """Return what the picture shows."""
    return report_chip(*load_chip(CHIP))


if __name__ == "__main__":
    write_figure(report(), "edge_detection on soc-chip.yaml", PICTURE)
