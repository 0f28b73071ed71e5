"""A design parameter: a named, finite list of values that an architect may choose from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from simulators.errors import InvalidInputError, nearest

Value = bool | int | float | str
"""What a parameter may be set to. All values of one parameter are of one kind."""


@dataclass(frozen=True)
class Parameter:
    """One choice left open in a design space.

    Attributes:
        name: Python identifier, unique in its space; it carries its unit when it has one.
        values: the values, at least one, all different, all strings, all booleans or all numbers.
        default: the value of the reference design; one of ``values``.
        unit: physical unit of the values, or None.
        ordered: True where neighbouring values mean neighbouring designs (numbers, usually).
        group: the subsystem the parameter belongs to, used to partition designs among agents.
        doc: one sentence for tables and ``--help``.

    Raises:
        InvalidInputError: on an empty or repeated list, mixed kinds, or a default not in it.
    """

    name: str
    values: tuple[Value, ...]
    default: Value
    unit: str | None = None
    ordered: bool = False
    group: str | None = None
    doc: str = ""
    _position: dict[Value, int] = field(init=False, repr=False, compare=False)
    _array: np.ndarray = field(init=False, repr=False, compare=False)

    def __init__(
        self,
        name: str,
        values: Sequence[Value],
        default: Value | None = None,
        unit: str | None = None,
        ordered: bool | None = None,
        group: str | None = None,
        doc: str = "",
    ) -> None:
        plain = tuple(_plain(value) for value in values)
        numeric = _check_values(name, plain)
        chosen = plain[0] if default is None and plain else _plain(default)
        for attribute, value in (
            ("name", name),
            ("values", plain),
            ("default", chosen),
            ("unit", unit),
            ("ordered", numeric if ordered is None else ordered),
            ("group", group),
            ("doc", doc),
            ("_position", {value: index for index, value in enumerate(plain)}),
            ("_array", _value_array(plain)),
        ):
            object.__setattr__(self, attribute, value)
        self.index(chosen)

    def __len__(self) -> int:
        """Return the number of values."""
        return len(self.values)

    @property
    def array(self) -> np.ndarray:
        """The values as a read-only array of shape ``[len(self)]`` (int64, float64, bool or str)."""
        return self._array

    @property
    def default_index(self) -> int:
        """Position of the default in :attr:`values`."""
        return self._position[self.default]

    def index(self, value: object) -> int:
        """Return the position of ``value``; text is accepted where it spells a value.

        Raises:
            InvalidInputError: naming the parameter, its values and the nearest one.
        """
        plain = _plain(value)
        for candidate in (plain, _parse_like(self.values[0], plain)):
            try:
                return self._position[candidate]  # type: ignore[index]
            except (KeyError, TypeError):
                continue
        raise InvalidInputError(self._complaint(plain))

    def _complaint(self, value: object) -> str:
        close = nearest(str(value), self.values)
        hint = f"; did you mean {close!r}?" if close is not None else "."
        return f"parameter {self.name!r} cannot be {value!r}{hint} Expected one of {_brief(self.values)}."


def _plain(value: object) -> Value:
    return value.item() if isinstance(value, np.generic) else value  # type: ignore[return-value]


def _check_values(name: str, values: tuple[Value, ...]) -> bool:
    """Check the list and return whether it is numeric."""
    if not name.isidentifier():
        raise InvalidInputError(f"a parameter's name must be a Python identifier, got {name!r}")
    if not values:
        raise InvalidInputError(f"parameter {name!r} has no values; give at least one")
    if len(set(values)) != len(values):
        raise InvalidInputError(f"parameter {name!r} repeats a value: {_brief(values)}")
    kinds = {bool if isinstance(v, bool) else str if isinstance(v, str) else float for v in values}
    if len(kinds) != 1 or not all(isinstance(v, bool | int | float | str) for v in values):
        raise InvalidInputError(
            f"parameter {name!r} mixes kinds of values ({_brief(values)}); use all numbers, all strings or all booleans"
        )
    return kinds == {float}


def _value_array(values: tuple[Value, ...]) -> np.ndarray:
    array = np.asarray(values)
    array.setflags(write=False)
    return array


def _parse_like(example: Value, text: object) -> object:
    """Read ``text`` as a value of the kind of ``example`` ("8" as 8, "true" as True)."""
    if not isinstance(text, str) or isinstance(example, str):
        return text
    if isinstance(example, bool):
        return {"true": True, "false": False}.get(text.strip().lower(), text)
    try:
        return float(text)
    except ValueError:
        return text


def _brief(values: Sequence[object], most: int = 12) -> str:
    shown = ", ".join(repr(value) for value in values[:most])
    return f"{shown}, ... ({len(values)} values)" if len(values) > most else shown
