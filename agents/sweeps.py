"""Ranges that hyperparameters are swept over, and the drawing of hyperparameter sets from them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from simulators.errors import InvalidInputError

if TYPE_CHECKING:
    from agents.base import Searcher

_ATTEMPTS = 100
"""How often a draw that breaks a rule between hyperparameters is repeated."""


@dataclass(frozen=True)
class Choice:
    """Any of ``values`` with equal probability."""

    values: tuple[Any, ...]

    def __init__(self, *values: Any) -> None:
        if not values:
            raise InvalidInputError("a sweep over a choice needs at least one value")
        object.__setattr__(self, "values", values)

    def draw(self, rng: np.random.Generator) -> Any:
        """Return one value."""
        return self.values[int(rng.integers(len(self.values)))]

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serialisable data that :func:`sweep_from_dict` reads back."""
        return {"kind": "choice", "values": list(self.values)}


@dataclass(frozen=True)
class Uniform:
    """A real number, uniform in [low, high]."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, logarithmic=False)

    def draw(self, rng: np.random.Generator) -> float:
        """Return one number."""
        return float(rng.uniform(self.low, self.high))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serialisable data that :func:`sweep_from_dict` reads back."""
        return {"kind": "uniform", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class LogUniform:
    """A positive real number whose logarithm is uniform in [log low, log high]."""

    low: float
    high: float

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, logarithmic=True)

    def draw(self, rng: np.random.Generator) -> float:
        """Return one number."""
        return float(math.exp(rng.uniform(math.log(self.low), math.log(self.high))))

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serialisable data that :func:`sweep_from_dict` reads back."""
        return {"kind": "log_uniform", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Integer:
    """An integer in [low, high], ends included; with ``log`` the logarithm is (about) uniform."""

    low: int
    high: int
    log: bool = False

    def __post_init__(self) -> None:
        _check_range(self.low, self.high, logarithmic=self.log)

    def draw(self, rng: np.random.Generator) -> int:
        """Return one integer."""
        if not self.log:
            return int(rng.integers(self.low, self.high + 1))
        exact = math.exp(rng.uniform(math.log(self.low - 0.5), math.log(self.high + 0.5)))
        return min(max(round(exact), self.low), self.high)

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serialisable data that :func:`sweep_from_dict` reads back."""
        return {"kind": "integer", "low": self.low, "high": self.high, "log": self.log}


Sweep = Choice | Uniform | LogUniform | Integer
"""The range that one hyperparameter is drawn from."""


def sweep_from_dict(data: Mapping[str, Any]) -> Sweep:
    """Rebuild a sweep from :meth:`Choice.to_dict` and its siblings.

    Raises:
        InvalidInputError: an unknown kind.
    """
    kind = data.get("kind")
    if kind == "choice":
        return Choice(*data["values"])
    if kind == "uniform":
        return Uniform(data["low"], data["high"])
    if kind == "log_uniform":
        return LogUniform(data["low"], data["high"])
    if kind == "integer":
        return Integer(data["low"], data["high"], data.get("log", False))
    raise InvalidInputError(f"unknown kind of sweep {kind!r}; expected choice, uniform, log_uniform or integer")


def sweep_ranges(searcher: type[Searcher[Any]]) -> dict[str, Sweep]:
    """Return hyperparameter name -> sweep range, for those that declare one."""
    found: dict[str, Sweep] = {}
    for name, field in searcher.Hyperparameters.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and isinstance(extra.get("sweep"), dict):
            found[name] = sweep_from_dict(extra["sweep"])  # type: ignore[arg-type]
    return found


def draw_hyperparameters(searcher: type[Searcher[Any]], draws: int, seed: int = 0) -> list[dict[str, Any]]:
    """Return ``draws`` complete sets of hyperparameters; the first one is the defaults.

    Draw i depends on ``(seed, i)`` only: asking for more draws keeps the earlier ones. A set that
    breaks a rule between hyperparameters is drawn again.

    Raises:
        InvalidInputError: fewer than one draw, or ranges that hardly ever give a valid set.
    """
    if draws < 1:
        raise InvalidInputError(f"a sweep needs at least 1 draw, got {draws}")
    ranges = sweep_ranges(searcher)
    default = searcher.Hyperparameters().model_dump()
    return [default] + [_draw_one(searcher, ranges, np.random.default_rng([seed, i])) for i in range(1, draws)]


def _draw_one(searcher: type[Searcher[Any]], ranges: Mapping[str, Sweep], rng: np.random.Generator) -> dict[str, Any]:
    for _ in range(_ATTEMPTS):
        drawn = {name: sweep.draw(rng) for name, sweep in ranges.items()}
        try:
            return searcher.Hyperparameters(**drawn).model_dump()
        except ValueError:
            continue
    raise InvalidInputError(f"the sweep ranges of agent {searcher.name!r} gave no valid set in {_ATTEMPTS} attempts")


def _check_range(low: float, high: float, logarithmic: bool) -> None:
    if not low <= high or (logarithmic and low <= 0):
        raise InvalidInputError(f"a sweep needs low <= high{' and low > 0' if logarithmic else ''}, got {low}..{high}")
