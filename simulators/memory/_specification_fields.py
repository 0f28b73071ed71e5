"""Reading the fields of a specification file, with errors that name file and field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from simulators.errors import InvalidInputError, nearest

FORMAT: Final = "archgym-memory-specification/1"
ORGANISATION_FIELDS: Final = (
    "ranks",
    "bank_groups_per_rank",
    "banks_per_rank",
    "rows",
    "columns",
    "device_width_bits",
    "devices_per_rank",
    "burst_length",
    "data_rate",
)
MAPPING_FIELDS: Final = ("byte", "column", "bank_group", "bank", "row", "rank")
TIMINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "DDR3": (
        "AL",
        "CCD",
        "DQSCK",
        "FAW",
        "RAS",
        "RC",
        "RCD",
        "REFI",
        "RFC",
        "RL",
        "RP",
        "RRD",
        "RTP",
        "WL",
        "WR",
        "WTR",
    ),
}
"""Timings a standard needs; others are kept, for features that need them."""
CURRENTS: Final[Mapping[str, tuple[str, ...]]] = {"DDR3": ("idd0", "idd2n", "idd3n", "idd4r", "idd4w", "idd5")}
_MISSING: Final = object()


class Fields:
    """One JSON object, at ``path`` inside the file ``origin``."""

    def __init__(self, content: Any, origin: str, path: str = "") -> None:
        self._origin, self._path = origin, path
        if not isinstance(content, dict):
            raise InvalidInputError(f"memory specification {origin}: {path or 'the file'} must be a JSON object")
        self._content = content
        self._seen: set[str] = set()

    def wrong(self, name: str, expected: str) -> InvalidInputError:
        """Return the error that field ``name`` should have been ``expected``."""
        got: Any = self._content
        for part in name.split("."):
            got = got.get(part, "nothing") if isinstance(got, dict) else "nothing"
        return InvalidInputError(
            f"memory specification {self._origin}: field {self._path}{name}: expected {expected}, got {got!r}"
        )

    def text(self, name: str, default: Any = _MISSING) -> str:
        """Return a string field."""
        value = self._get(name, default)
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return value

    def number(self, name: str) -> float:
        """Return a positive number."""
        value = self._get(name, _MISSING)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
            raise self.wrong(name, "a positive number")
        return float(value)

    def table(self, name: str, default: Any = _MISSING) -> Fields:
        """Return a nested object."""
        return Fields(self._get(name, default), self._origin, f"{self._path}{name}.")

    def integers(self, names: Iterable[str], minimum: int, more: bool = False) -> dict[str, int]:
        """Return the integer fields ``names``; ``more`` keeps others too, instead of refusing them."""
        self.need(names)
        if more:
            names = self._content
        values = {}
        for name in names:
            value = self._get(name, _MISSING)
            if isinstance(value, bool) or not isinstance(value, int) or value < minimum:
                raise self.wrong(name, f"an integer of at least {minimum}")
            values[name] = value
        self.refuse_others()
        return values

    def numbers(self) -> dict[str, float]:
        """Return all fields, which must be numbers of at least 0."""
        for name, value in self._content.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < float("inf"):
                raise self.wrong(name, "a number of at least 0")
        return {name: float(value) for name, value in self._content.items()}

    def bit_lists(self, names: Iterable[str]) -> dict[str, tuple[int, ...]]:
        """Return lists of address bits, 0..63."""
        lists = {}
        for name in names:
            value = self._get(name, [])
            if not isinstance(value, list) or not all(type(bit) is int and 0 <= bit < 64 for bit in value):
                raise self.wrong(name, "a list of address bits from 0 to 63, least significant first")
            lists[name] = tuple(value)
        self.refuse_others()
        return lists

    def need(self, names: Iterable[str]) -> None:
        """Raise unless all of ``names`` are there."""
        for name in names:
            self._get(name, _MISSING)

    def refuse_others(self) -> None:
        """Raise if there is a field that nobody asked for."""
        for name in self._content:
            if name not in self._seen:
                close = nearest(name, self._seen)
                hint = f"; did you mean {close!r}?" if close else ""
                raise InvalidInputError(
                    f"memory specification {self._origin}: unknown field {self._path}{name}{hint} "
                    f"Known: {', '.join(sorted(self._seen))}."
                )

    def _get(self, name: str, default: Any) -> Any:
        self._seen.add(name)
        if name in self._content:
            return self._content[name]
        if default is _MISSING:
            raise InvalidInputError(f"memory specification {self._origin}: field {self._path}{name} is missing")
        return default
