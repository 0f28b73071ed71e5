"""Agreement of the systolic array, mode ``scalesim``, with measured results of SCALE-Sim 3.0."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

import numpy as np

from simulators._agreement import Detail, Number, UnreadableRowError, read_packed
from simulators.accelerator.layers import Layer, Network
from simulators.accelerator.systolic.kernel_codes import (
    O_BUSY,
    O_CYCLES,
    O_FILTER_READS,
    O_IFMAP_READS,
    O_MACS,
    O_MAPPED,
    O_OFFERED,
    O_OFMAP_WRITES,
    O_STALL,
)
from simulators.accelerator.systolic.simulator import SystolicArray
from simulators.errors import InvalidInputError

COUNTS: Final[Mapping[str, int]] = {
    "compute_cycles_reported": O_CYCLES,
    "stall_cycles": O_STALL,
    "ifmap_sram_reads": O_IFMAP_READS,
    "filter_sram_reads": O_FILTER_READS,
    "ofmap_sram_writes": O_OFMAP_WRITES,
}
"""Columns that must be equal, and the kernel's output that is compared."""
PERCENTAGES: Final = ("overall_util_pct", "mapping_eff_pct", "compute_util_pct")
"""Columns that are printed with six decimals."""
_HALF_A_DIGIT: Final = 0.5e-6
_INPUTS: Final = (
    *("array_rows", "array_cols", "ifmap_h", "ifmap_w", "filt_h", "filt_w", "channels", "num_filters", "stride"),
    *("ifmap_sram_kB", "filter_sram_kB", "ofmap_sram_kB", "word_bytes"),
)


def compare_scalesim(
    path: str | Path, refuse: Callable[[int, InvalidInputError], None] | None = None
) -> Iterator[Detail]:
    """Simulate every row of a table of SCALE-Sim results and yield each value that the closed forms cover.

    DRAM counts and ``overall_cycles_incl_prefetch`` come from SCALE-Sim's simulated buffers and are not compared;
    neither are stalls of rows whose ``bw_mode`` is not CALC.

    Args:
        path: ``scalesim_points.csv``, perhaps compressed (``.csv.gz``).
        refuse: called for each row that cannot be simulated, which is then left out, with its number from 0 and the
            reason: an UnreadableRowError where the row is damaged, another InvalidInputError where we have no such
            array.

    Raises:
        InvalidInputError: a file that cannot be read, or, without ``refuse``, a row without what is needed; names file
            and row.
    """
    simulator, file = SystolicArray(mode="scalesim"), Path(path)
    table = file.name.removesuffix(".gz").removesuffix(".csv")
    for position, row in enumerate(_rows(file)):
        try:
            found = _results(row, simulator)
            expected = {name: _number(row[name]) for name in found if row.get(name)}
        except (KeyError, TypeError, ValueError, ZeroDivisionError) as error:
            if refuse is None:
                raise InvalidInputError(f"{file}, row {position}: {_why(error)}") from error
            refuse(position, error if isinstance(error, InvalidInputError) else UnreadableRowError(_why(error)))
            continue
        if row.get("bw_mode", "CALC") != "CALC":
            expected.pop("stall_cycles", None)
        yield from (Detail(table, position, name, value, found[name]) for name, value in expected.items())


def agrees(metric: str, expected: Number, got: Number) -> bool:
    """Return whether two values of a column are equal; percentages to the six decimals that the reference prints."""
    if metric not in PERCENTAGES:
        return expected == got
    return abs(float(expected) - float(got)) <= _HALF_A_DIGIT * (1 + 1e-6)


def _results(row: Mapping[str, str], simulator: SystolicArray) -> dict[str, int | float]:
    """Return our results under the reference's column names."""
    numbers = {name: int(row[name]) for name in _INPUTS if name in row or name in _INPUTS[:9]}
    layer = _layer(row.get("layer", "layer"), numbers)
    columns = simulator.check_columns(
        {
            "array_rows": np.array([numbers["array_rows"]]),
            "array_columns": np.array([numbers["array_cols"]]),
            "dataflow": np.array([row["dataflow"]]),
            **{
                f"{operand}_sram_kib": np.array([numbers[f"{operand}_sram_kB"]])
                for operand in ("ifmap", "filter", "ofmap")
                if f"{operand}_sram_kB" in numbers
            },
        }
    )
    outputs = simulator.kernel_outputs(columns, Network.of(layer.name, (layer,)))[0]
    pes, macs = numbers["array_rows"] * numbers["array_cols"], outputs[O_MACS]
    found: dict[str, int | float] = {name: int(outputs[output]) for name, output in COUNTS.items()}
    found["overall_util_pct"] = float(100.0 * macs / (outputs[O_CYCLES] * pes))
    found["mapping_eff_pct"] = float(100.0 * outputs[O_MAPPED] / outputs[O_OFFERED])
    found["compute_util_pct"] = float(100.0 * macs / (outputs[O_BUSY] * pes))
    return found


def _layer(name: str, numbers: Mapping[str, int]) -> Layer:
    stride, tall, wide = numbers["stride"], numbers["filt_h"], numbers["filt_w"]
    return Layer(
        name,
        m=numbers["num_filters"],
        c=numbers["channels"],
        r=tall,
        s=wide,
        p=(numbers["ifmap_h"] - tall) // stride + 1,
        q=(numbers["ifmap_w"] - wide) // stride + 1,
        stride_h=stride,
        stride_w=stride,
        input_h=numbers["ifmap_h"],
        input_w=numbers["ifmap_w"],
    )


def _rows(file: Path) -> list[dict[str, str]]:
    text = read_packed(file)
    if text is None:
        raise InvalidInputError(f"{file}: there is no such file")
    return list(csv.DictReader(text.splitlines()))


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)


def _why(error: Exception) -> str:
    return f"column {error} is missing" if isinstance(error, KeyError) else str(error)
