"""The picture of docs/accelerator.md, written beside this file by ``python -m docs.images.accelerator``.

It is what ``archgym mapping resnet18:layer2.0.conv2 --plot FILE.png`` draws.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from experiments.mapping_figure import write_figure
from simulators.accelerator.mapper import map_layer
from simulators.accelerator.mapping_report import MappingReport, report_mapping
from simulators.accelerator.mapping_simulator import LayerMapping, one_layer

PICTURE: Final = Path(__file__).parent / "accelerator-mapping.png"
LAYER, HARDWARE, OBJECTIVE = "resnet18:layer2.0.conv2", "eyeriss", "edp"


def report() -> MappingReport:
    """Return what the picture shows."""
    simulator = LayerMapping(HARDWARE)
    _, layer = one_layer(simulator.load_workload(LAYER))
    mapped = map_layer(layer, simulator.architecture, OBJECTIVE)
    return report_mapping(layer, mapped.mapping, simulator.architecture)


if __name__ == "__main__":
    write_figure(report(), f"{LAYER} on {HARDWARE}, mapped for {OBJECTIVE}", PICTURE)
