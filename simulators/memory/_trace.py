"""The class :class:`Trace`: what a processor asks of the memory controller, and when."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulators.errors import InvalidInputError

REQUEST_BYTES = 64
"""Bytes that one request moves: a burst of 8 beats on a 64-bit channel (JESD79-3, BL8)."""


@dataclass(frozen=True, eq=False)
class Trace:
    """An immutable sequence of ``n >= 1`` memory requests, in the order in which they are sent.

    Attributes:
        name: what tables and files call it; not part of ``digest``.
        cycle: int64[n], earliest cycle of each request, counted in ``clock_mhz`` from 0. A reader refuses
            times that go backwards unless told otherwise; see :attr:`is_ordered`.
        is_write: bool[n].
        address: uint64[n], byte addresses.
        clock_mhz: the clock in which ``cycle`` counts, MHz.

    The arrays are copied and read-only. Two traces are equal when name and ``digest`` are.

    Raises:
        InvalidInputError: no requests, arrays of different lengths or unfit types, a negative cycle, a clock
            that is not a positive number.
    """

    name: str
    cycle: NDArray[np.int64]
    is_write: NDArray[np.bool_]
    address: NDArray[np.uint64]
    clock_mhz: float = 800.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "cycle", _column(self.name, "cycle", self.cycle, np.int64))
        object.__setattr__(self, "is_write", _column(self.name, "is_write", self.is_write, np.bool_))
        object.__setattr__(self, "address", _column(self.name, "address", self.address, np.uint64))
        object.__setattr__(self, "clock_mhz", checked_clock(self.clock_mhz))
        sizes = (self.cycle.size, self.is_write.size, self.address.size)
        if len(set(sizes)) != 1 or sizes[0] == 0:
            raise InvalidInputError(
                f"trace {self.name!r}: cycle, is_write and address must have one common length of at least 1, "
                f"got {sizes[0]}, {sizes[1]} and {sizes[2]}"
            )
        if int(self.cycle.min()) < 0:
            raise InvalidInputError(f"trace {self.name!r}: cycles must not be negative, got {int(self.cycle.min())}")

    def __len__(self) -> int:
        return int(self.cycle.size)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Trace):
            return NotImplemented
        return self.name == other.name and self.digest == other.digest

    def __hash__(self) -> int:
        return hash((self.name, self.digest))

    def __reduce__(self) -> tuple[Any, ...]:
        # Through the constructor, so that a trace sent to another process is read-only there too.
        return Trace, (self.name, self.cycle, self.is_write, self.address, self.clock_mhz)

    @cached_property
    def digest(self) -> str:
        """SHA-256 (64 hex digits) of clock and requests, in little-endian order: the same on every platform."""
        content = hashlib.sha256(struct.pack("<8sqd", b"trace-v1", len(self), self.clock_mhz))
        content.update(self.cycle.astype("<i8", copy=False).tobytes())
        content.update(np.packbits(self.is_write, bitorder="little").tobytes())
        content.update(self.address.astype("<u8", copy=False).tobytes())
        return content.hexdigest()

    @cached_property
    def is_ordered(self) -> bool:
        """Whether no request's cycle lies before that of the request ahead of it (equal is fine)."""
        return first_backward_step(self.cycle) is None

    @property
    def duration_ns(self) -> float:
        """Time of the latest request, from cycle 0, in ns: no controller can finish the trace sooner."""
        return float(self.cycle.max()) * 1000.0 / self.clock_mhz

    def head(self, n: int) -> Trace:
        """Return the first ``n`` requests (the whole trace when it has no more), named ``<name>[:n]``.

        Raises:
            InvalidInputError: ``n < 1``.
        """
        if n < 1:
            raise InvalidInputError(f"trace {self.name!r}: head needs at least 1 request, got {n}")
        if n >= len(self):
            return self
        return Trace(f"{self.name}[:{n}]", self.cycle[:n], self.is_write[:n], self.address[:n], self.clock_mhz)

    def at_clock(self, clock_mhz: float) -> Trace:
        """Return the same requests at the same times in ns, counted in another clock (nearest cycle)."""
        if clock_mhz == self.clock_mhz:
            return self
        cycle = np.rint(self.cycle * (checked_clock(clock_mhz) / self.clock_mhz)).astype(np.int64)
        return Trace(self.name, cycle, self.is_write, self.address, clock_mhz)


def first_backward_step(cycle: NDArray[np.int64]) -> int | None:
    """Return the first request whose cycle lies before that of the request ahead of it."""
    backward = cycle[1:] < cycle[:-1]
    at = int(np.argmax(backward)) if backward.size else 0
    return at + 1 if backward.size and backward[at] else None


def _column(trace: str, column: str, values: ArrayLike, dtype: type[Any]) -> NDArray[Any]:
    array = np.asarray(values)
    kinds = "b" if dtype is np.bool_ else "iu"
    if array.ndim != 1 or (array.size and array.dtype.kind not in kinds):
        wanted = "booleans" if dtype is np.bool_ else "integers"
        raise InvalidInputError(
            f"trace {trace!r}: {column} must be a one-dimensional array of {wanted}, "
            f"got shape {array.shape} of {array.dtype}"
        )
    limit = np.iinfo(dtype) if dtype is not np.bool_ else None
    if limit is not None and array.size and not (limit.min <= int(array.min()) and int(array.max()) <= limit.max):
        raise InvalidInputError(f"trace {trace!r}: {column} must lie in {limit.min}..{limit.max}")
    array = np.array(array, dtype=dtype, order="C", copy=True)
    array.setflags(write=False)
    return array


def checked_clock(clock_mhz: float) -> float:
    try:
        clock = float(clock_mhz)
    except (TypeError, ValueError):
        clock = float("nan")
    if not 0.0 < clock < float("inf"):
        raise InvalidInputError(f"clock_mhz must be a positive number of MHz, got {clock_mhz!r}")
    return clock
