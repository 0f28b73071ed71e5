"""SRAM macros: CACTI 7's figures at the tabulated sizes and ports, and the rules between and beyond them.

Curve: macros with a 64-bit port from 2 kB to 2 MB, straight lines between neighbouring sizes in log-log coordinates,
hence exact at every tabulated figure and monotone wherever the table is (at 22 nm CACTI reads 128 kB with 0.8 % less
energy than 108 kB). CACTI itself is not smooth: it changes how it folds the array from one size to the next (at 65 nm
the read energy grows as size^0.27 from 64 to 108 kB and as size^0.71 from there to 256 kB). Interior sizes left out at
22 and 45 nm are met within 12 % in both energies, the largest error being -11.9 % (45 nm, 16 kB, read); at 65 nm, where
32 and 128 kB are not known, three of five read energies are not, by up to 15.4 %. Cubic interpolation (monotone or
Akima), least-squares parabolas, the physical form a + b sqrt(size) + c size with its residuals interpolated, and
Gaussian processes were compared by leaving out sizes of which all figures are known: none had a smaller worst error.
"""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from simulators.errors import UnknownNameError

SRAM_METRICS: Final = ("read_pj", "write_pj", "area_mm2", "leakage_mw", "cycle_ns")
"""What CACTI says of a macro, in the order of the columns of the table and of ``SramFigures``."""
SRAM_PORT_BITS: Final = 64
"""Port of the macros that form the curve; wider memories put several side by side."""
INTERPOLATION_BAR: Final = 0.12
"""Relative error of interpolated energies against CACTI that is accepted, for 64-bit ports from 8 kB up."""
INTERPOLATED_FROM_BYTES: Final = 8 * 1024
_DATA: Final = Path(__file__).parent / "data"
_SMALLEST_PORT_BITS: Final = 32

Figure = NDArray[np.float64]


@dataclass(frozen=True)
class SramFigures:
    """Figures of SRAMs, each an array in the common shape of the arguments.

    Attributes:
        read_pj, write_pj: energy of one access of the whole port.
        area_mm2: all macros, without the wires between them.
        leakage_mw: standby leakage of all macros.
        cycle_ns: random cycle time of one macro. It goes up in steps with size, so between tabulated sizes it is rough:
            sizes left out of the table are missed by up to 43 %.
    """

    read_pj: Figure
    write_pj: Figure
    area_mm2: Figure
    leakage_mw: Figure
    cycle_ns: Figure


@dataclass(frozen=True)
class SramPoint:
    """One macro of the table: node, size, port and the five figures ``values`` in the order of ``SRAM_METRICS``.

    Figures that are not known are NaN; ``complete`` says whether there are none such.
    """

    node_nm: int
    size_bytes: int
    port_bits: int
    values: tuple[float, ...]

    @property
    def complete(self) -> bool:
        """Whether all five figures are known."""
        return not any(map(math.isnan, self.values))


@dataclass(frozen=True)
class HeldOutPoint:
    """A size left out of the curve and interpolated from the others.

    Attributes:
        metric: one of ``SRAM_METRICS``.
        cacti, interpolated: the tabulated figure and that of the curve without it, in the metric's unit.
        relative_error: ``interpolated / cacti - 1``.
        interior: whether the curve has sizes from 8 kB up on both sides; the largest size is extrapolated.
    """

    node_nm: int
    size_bytes: int
    metric: str
    cacti: float
    interpolated: float
    relative_error: float
    interior: bool


class SramCurve:
    """Power laws between neighbouring sizes of one node's 64-bit macros.

    Args:
        sizes: bytes, ascending ``[k]``.
        known: ``[5, k]``, rows in the order of ``SRAM_METRICS``; NaN where a figure is not known, which is then
            interpolated like any other size.
    """

    def __init__(self, sizes: NDArray[np.float64], known: NDArray[np.float64]) -> None:
        self.sizes, self.known = sizes, known
        self.values = values = np.stack([_filled(sizes, figures) for figures in known])
        slopes = np.diff(np.log(values), axis=1) / np.diff(np.log(sizes))
        self._slopes = np.concatenate([slopes, slopes[:, -1:]], axis=1)

    def at(self, size_bytes: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return ``[5, *shape]``; beyond the ends the outer power laws go on."""
        left = np.clip(np.searchsorted(self.sizes, size_bytes, side="right") - 1, 0, None)
        return np.asarray(self.values[:, left] * (size_bytes / self.sizes[left]) ** self._slopes[:, left])

    def without(self, position: int) -> SramCurve:
        """Return the curve that does not know the size at ``position``."""
        return SramCurve(np.delete(self.sizes, position), np.delete(self.known, position, axis=1))


def _filled(sizes: NDArray[np.float64], figures: NDArray[np.float64]) -> NDArray[np.float64]:
    known = ~np.isnan(figures)
    between = np.exp(np.interp(np.log(sizes), np.log(sizes[known]), np.log(figures[known])))
    return np.where(known, figures, between)


@cache
def sram_points(node_nm: int) -> tuple[SramPoint, ...]:
    """Return the tabulated macros of a node, ascending in size; raises UnknownNameError for a node without any."""
    points = tuple(point for point in _all_points() if point.node_nm == node_nm)
    if not points:
        raise UnknownNameError("technology node (nm) of SRAM", node_nm, sram_nodes())
    return points


def sram_nodes() -> tuple[int, ...]:
    """Return the nodes (nm) whose SRAM is tabulated."""
    return tuple(sorted({point.node_nm for point in _all_points()}))


@cache
def sram_curve(node_nm: int) -> SramCurve:
    """Return the curve of a node's 64-bit macros."""
    points = [point for point in sram_points(node_nm) if point.port_bits == SRAM_PORT_BITS]
    sizes = np.array([point.size_bytes for point in points], dtype=np.float64)
    return SramCurve(sizes, np.array([point.values for point in points]).T)


def sram_figures(
    node_nm: int, size_bytes: NDArray[np.float64], port_bits: NDArray[np.int64], banks: NDArray[np.int64]
) -> SramFigures:
    """Return the figures of ``banks`` banks; the rules are those of ``Technology.sram``, arguments broadcast."""
    size, port, count = np.broadcast_arrays(size_bytes / banks, port_bits, banks)
    values = _side_by_side(sram_curve(node_nm), size, port)
    for point in sram_points(node_nm):
        if point.port_bits != SRAM_PORT_BITS:
            exact = np.asarray(point.values).reshape(-1, *([1] * size.ndim))
            values = np.where(_is_built_as(point, size, port), exact, values)
    return SramFigures(values[0], values[1], values[2] * count, values[3] * count, values[4])


def _is_built_as(point: SramPoint, size: NDArray[np.float64], port: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Say which memories are a tabulated macro of another port: that very one, or what fits into the smallest."""
    if point.port_bits <= _SMALLEST_PORT_BITS:
        return (size <= point.size_bytes) & (port <= point.port_bits)
    return (size == point.size_bytes) & (port == point.port_bits)


def _side_by_side(curve: SramCurve, size: NDArray[np.float64], port: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ``[5, *shape]`` of memories made of 64-bit macros: lanes across the port, rows of macros above 2 MB."""
    lanes = -(-port // SRAM_PORT_BITS)
    smallest, largest = curve.sizes[0], curve.sizes[-1]
    rows = np.maximum(np.ceil(size / lanes / largest), 1.0)
    read, write, area, leakage, cycle = curve.at(np.clip(size / lanes, smallest, largest))
    return np.stack([read * lanes, write * lanes, area * lanes * rows, leakage * lanes * rows, cycle])


def leave_one_out(node_nm: int) -> tuple[HeldOutPoint, ...]:
    """Leave each size from 8 kB up out of the curve in turn and interpolate it from the others.

    Returns:
        One row per size and known figure. The 2 kB macro stays as the curve's lower end; the largest size, 2 MB, has
        no neighbour above, so its row shows how well the last power law extrapolates, which the model never does.

    Raises:
        UnknownNameError: a node without SRAM.
    """
    return tuple(_held_out(node_nm, sram_curve(node_nm)))


def _held_out(node_nm: int, curve: SramCurve) -> Iterator[HeldOutPoint]:
    kept = np.flatnonzero(curve.sizes >= INTERPOLATED_FROM_BYTES).tolist()
    for position in kept:
        size = curve.sizes[position]
        guesses = curve.without(position).at(size)
        for metric, cacti, guess in zip(SRAM_METRICS, curve.known[:, position].tolist(), guesses.tolist(), strict=True):
            if math.isnan(cacti):
                continue
            interior = kept[0] < position < kept[-1]
            yield HeldOutPoint(node_nm, int(size), metric, cacti, guess, guess / cacti - 1.0, interior)


def read_table(name: str) -> list[dict[str, str]]:
    """Return the rows of ``data/<name>.csv``, lines of comment left out."""
    lines = (_DATA / f"{name}.csv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader(line for line in lines if not line.startswith("#")))


@cache
def _all_points() -> tuple[SramPoint, ...]:
    return tuple(
        SramPoint(
            int(row["node_nm"]),
            1024 * int(row["size_kb"]),
            int(row["port_bits"]),
            tuple(float(row[metric] or math.nan) for metric in SRAM_METRICS),
        )
        for row in read_table("sram")
    )
