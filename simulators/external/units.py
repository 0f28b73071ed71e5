"""Units that results of programs come in, and their conversion into the units of metrics."""

from __future__ import annotations

from fractions import Fraction
from typing import Final

from simulators.errors import InvalidInputError, UnknownNameError

_PREFIXES: Final = {"f": -15, "p": -12, "n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12}


def _power_of_ten(exponent: int) -> Fraction:
    return Fraction(10) ** exponent


def _table() -> dict[str, tuple[str, Fraction]]:
    """Return unit -> quantity and how many of the quantity's base unit it is."""
    table = {"1": ("count", Fraction(1)), "cycles": ("count", Fraction(1)), "%": ("count", Fraction(1, 100))}
    for prefix, exponent in _PREFIXES.items():
        scale = _power_of_ten(exponent)
        table |= {prefix + unit: (unit, scale) for unit in ("s", "J", "W", "Hz")}
        if exponent <= 0:
            table |= {f"{prefix}m2": ("m2", scale * scale), f"{prefix}m^2": ("m2", scale * scale)}
        if exponent >= 0:
            table |= {
                f"{prefix}bit": ("bit", scale),
                f"{prefix}B": ("bit", 8 * scale),
                f"{prefix}bit/s": ("bit/s", scale),
                f"{prefix}B/s": ("bit/s", 8 * scale),
            }
    return table


UNITS: Final = _table()
"""Unit -> its quantity, and its size in the quantity's base unit: seconds, joules, watts, hertz, square metres, bits,
bits per second, counts. Prefixes are decimal."""


def convert(value: float, unit: str, wanted: str) -> float:
    """Return ``value`` in another unit of the same quantity; exact where the factor is a power of ten.

    Args:
        value: a number.
        unit: what it is in.
        wanted: what it should be in. A unit that is not in UNITS converts into itself only.

    Raises:
        UnknownNameError: a unit that is not known, with the nearest.
        InvalidInputError: units of different quantities (energy is not power).
    """
    if unit == wanted:
        return value
    for name in (unit, wanted):
        if name not in UNITS:
            raise UnknownNameError("unit", name, UNITS)
    (quantity, size), (wanted_quantity, wanted_size) = UNITS[unit], UNITS[wanted]
    if quantity != wanted_quantity:
        raise InvalidInputError(
            f"{value!r} {unit} cannot become {wanted}: expected a unit of {wanted_quantity}, got one of {quantity}"
        )
    factor = size / wanted_size
    return value * factor.numerator / factor.denominator
