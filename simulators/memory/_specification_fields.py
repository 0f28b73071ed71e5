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
_DDR: Final = ("AL", "DQSCK", "FAW", "RAS", "RC", "RCD", "REFI", "RFC", "RL", "RP", "RTP", "RTRS", "WL", "WR")
_BANK_GROUPS: Final = ("CCD_L", "CCD_S", "RRD_L", "RRD_S", "WTR_L", "WTR_S")
TIMINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "DDR3": (*_DDR, "CCD", "RRD", "WTR"),
    "DDR4": (*_DDR, *_BANK_GROUPS, "RPRE", "WPRE"),
    "LPDDR4": (
        *("CCD", "DQS2DQ", "DQSCK", "DQSS", "FAW", "PPD", "RAS", "RCD", "RCPB", "REFI", "REFIPB", "RFCAB", "RFCPB"),
        *("RL", "RPAB", "RPPB", "RPST", "RRD", "RTP", "RTRS", "WL", "WPRE", "WR", "WTR"),
    ),
    "HBM2": (
        *("CCDL", "CCDS", "DQSCK", "FAW", "PL", "RAS", "RC", "RCDRD", "RCDWR", "REFI", "REFISB", "RFC", "RFCSB"),
        *("RL", "RP", "RRDL", "RRDS", "RREFD", "RTP", "RTW", "WL", "WR", "WTRL", "WTRS"),
    ),
}
"""Timings a standard needs; others are kept, for features that need them."""
POWER_DOWN_TIMINGS: Final[Mapping[str, tuple[str, ...]]] = {
    "DDR3": ("ACTPDEN", "CKE", "CKESR", "PRPDEN", "REFPDEN", "XP", "XS", "XSDLL"),
    "DDR4": ("ACTPDEN", "CKE", "CKESR", "PRPDEN", "REFPDEN", "XP", "XS", "XSDLL"),
    "LPDDR4": ("CKE", "CMDCKE", "SR", "XP", "XSR"),
    "HBM2": ("CKE", "XP", "XS"),
}
"""Timings that power-down needs."""
_CURRENTS: Final = ("idd0", "idd2n", "idd3n", "idd4r", "idd4w", "idd5")
CURRENTS: Final[Mapping[str, tuple[str, ...]]] = {"DDR3": _CURRENTS, "DDR4": _CURRENTS, "LPDDR4": (), "HBM2": ()}
"""Currents that the energy model of a standard needs; none where there is no model."""
_MISSING: Final = object()


class Fields:
    """One JSON object, at ``path`` inside the file ``origin``."""

    def __init__(self, content: Any, origin: str, path: str = "") -> None:
        self._origin, self._path = origin, path
        if not isinstance(content, dict):
            raise InvalidInputError(
                f"memory specification {origin}: {path.rstrip('.') or 'the file'} must be a JSON object"
            )
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

    def has(self, name: str) -> bool:
        """Return whether there is such a field."""
        return name in self._content

    def integer(self, name: str, default: int | None = None) -> int:
        """Return an integer of at least 1."""
        value = self._get(name, _MISSING if default is None else default)
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise self.wrong(name, "an integer of at least 1")
        return value

    def sequence(self, name: str) -> list[Any]:
        """Return a list."""
        value = self._get(name, _MISSING)
        if not isinstance(value, list):
            raise self.wrong(name, "a list")
        return value

    def table(self, name: str, default: Any = _MISSING) -> Fields:
        """Return a nested object."""
        return Fields(self._get(name, default), self._origin, f"{self._path}{name}.")

    def integers(
        self, names: Iterable[str], minimum: int, more: bool = False, besides: Iterable[str] = ()
    ) -> dict[str, int]:
        """Return the integer fields ``names``; ``more`` keeps others too (except ``besides``) and refuses none."""
        self.need(names)
        if more:
            names = [name for name in self._content if name not in set(besides)]
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
        return lists

    def bit_pairs(self, name: str) -> tuple[tuple[int, int], ...]:
        """Return a list of pairs of address bits, empty if the field is absent."""
        value = self._get(name, [])
        if not isinstance(value, list) or not all(_is_bit_pair(pair) for pair in value):
            raise self.wrong(name, "a list of pairs of address bits from 0 to 63")
        return tuple((pair[0], pair[1]) for pair in value)

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


def _is_bit_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2 and all(type(bit) is int and 0 <= bit < 64 for bit in value)
