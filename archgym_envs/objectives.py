"""Objectives: what a search is after, declared once as data.

Five kinds, written the same way in Python and in a config file::

    {minimize: energy_pj}                        one metric, or a product of metrics
    {minimize: "energy_pj * makespan_ns"}        (repeat a metric for a power: "energy_pj * makespan_ns * makespan_ns")
    {maximize: bandwidth_gbit_per_s}
    {meet: {average_power_mw: 1000, makespan_ns: 80000}, tie_break: energy_pj}
    {pareto: [energy_pj, makespan_ns]}
    {paper: {average_power_mw: 1000, makespan_ns: 100000}}

``meet`` is a specification: a budget per metric, and optionally what to improve once all are met.
``pareto`` trades metrics off, each in its own direction: what counts is the hypervolume of all designs that a run
evaluated, see :mod:`archgym_envs.scoring`.
``paper`` is ArchGym's product of T / |x - T|, kept only to reproduce that paper (ISCA 2023): it
punishes a design for beating its target.

An objective is not yet tied to a problem; :class:`archgym_envs.scoring.Scorer` is the bound form.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from simulators.errors import InvalidInputError, UnknownNameError

Kind = Literal["minimize", "maximize", "meet", "pareto", "paper"]
KINDS: tuple[Kind, ...] = ("minimize", "maximize", "meet", "pareto", "paper")
_EXAMPLE = "{minimize: energy_pj} or {meet: {average_power_mw: 1000, makespan_ns: 80000}}"


@dataclass(frozen=True)
class Objective:
    """What is searched for. Build one with :meth:`parse`.

    Equal specifications give equal objectives whatever the order they were written in: metric names
    are kept sorted.

    Attributes:
        kind: ``minimize``, ``maximize``, ``meet`` or ``paper``.
        metrics: metric names, sorted; a product may repeat one.
        targets: ``meet`` and ``paper``: one positive number per metric, in the metric's own unit.
        tie_break: ``meet`` only: the metric or product that orders the designs which meet all budgets.
    """

    version: ClassVar[int] = 1
    """Part of every run's identity: changes whenever scores or rewards change."""

    kind: Kind
    metrics: tuple[str, ...]
    targets: tuple[float, ...] = ()
    tie_break: tuple[str, ...] = ()

    @classmethod
    def parse(cls, spec: Mapping[str, Any] | Objective) -> Objective:
        """Return the objective that ``spec`` writes down (see the module's grammar).

        Raises:
            UnknownNameError: a kind of objective that does not exist, with the nearest one.
            InvalidInputError: anything else that is wrong with it, naming the place.
        """
        if isinstance(spec, Objective):
            return spec
        if not isinstance(spec, Mapping) or not spec:
            raise InvalidInputError(f"an objective is a mapping such as {_EXAMPLE}, got {spec!r}")
        kind = _kind_of(spec)
        tie_break = spec.get("tie_break")
        if tie_break is not None and kind != "meet":
            raise InvalidInputError(f"objective.tie_break belongs to 'meet' only, but this objective is {kind!r}")
        if kind in ("minimize", "maximize"):
            return cls(kind, _product(spec[kind], kind))
        if kind == "pareto":
            return cls(kind, _several(spec[kind]))
        names, targets = _targets(spec[kind], kind)
        return cls(kind, names, targets, _product(tie_break, "tie_break") if tie_break is not None else ())

    def to_dict(self) -> dict[str, Any]:
        """Return canonical JSON-serialisable data; ``Objective.parse`` reads it back."""
        if self.kind in ("minimize", "maximize"):
            return {self.kind: " * ".join(self.metrics), "version": self.version}
        if self.kind == "pareto":
            return {self.kind: list(self.metrics), "version": self.version}
        result: dict[str, Any] = {self.kind: dict(zip(self.metrics, self.targets, strict=True))}
        if self.tie_break:
            result["tie_break"] = " * ".join(self.tie_break)
        return result | {"version": self.version}

    def label(self) -> str:
        """Return a short text for tables, such as ``minimize energy_pj * makespan_ns``."""
        if self.kind in ("minimize", "maximize"):
            return f"{self.kind} {' * '.join(self.metrics)}"
        if self.kind == "pareto":
            return f"pareto {', '.join(self.metrics)}"
        targets = ", ".join(f"{name} {target:g}" for name, target in zip(self.metrics, self.targets, strict=True))
        suffix = f", then {' * '.join(self.tie_break)}" if self.tie_break else ""
        return f"{self.kind} {targets}{suffix}"

    @property
    def direction(self) -> Literal["minimize", "maximize"]:
        """Which way the *score* is better (distances are minimised, volumes and ArchGym's reward maximised)."""
        return "maximize" if self.kind in ("maximize", "pareto", "paper") else "minimize"


def _kind_of(spec: Mapping[str, Any]) -> Kind:
    """Return the one key that says the kind; refuse several, none and unknown keys."""
    for key in spec:
        if key not in (*KINDS, "tie_break", "version"):
            raise UnknownNameError("kind of objective", key, (*KINDS, "tie_break"), f"Write for example {_EXAMPLE}.")
    found = [kind for kind in KINDS if kind in spec]
    if len(found) != 1:
        raise InvalidInputError(
            f"an objective has exactly one of {', '.join(KINDS)}, got {found or 'none of them'}; "
            f"write for example {_EXAMPLE}"
        )
    version = spec.get("version", Objective.version)
    if version != Objective.version:
        raise InvalidInputError(
            f"objective.version is {version!r}, but this archgym computes version {Objective.version}; "
            "use the archgym that wrote it, or leave the version out"
        )
    return found[0]


def _product(text: object, place: str) -> tuple[str, ...]:
    """Read ``a * b`` as the sorted names of its factors."""
    factors = [factor.strip() for factor in text.split("*")] if isinstance(text, str) else []
    if not factors or not all(factor.isidentifier() for factor in factors):
        raise InvalidInputError(
            f"objective.{place} must be a metric or a product of metrics such as 'energy_pj * makespan_ns' "
            f"(write 'makespan_ns * makespan_ns' for a square), got {text!r}"
        )
    return tuple(sorted(factors))


def _several(names: object) -> tuple[str, ...]:
    """Read ``[a, b]`` as sorted names, at least two different ones."""
    found = list(names) if isinstance(names, list | tuple) else []
    if len(found) < 2 or len(set(found)) < len(found) or not all(isinstance(name, str) for name in found):
        raise InvalidInputError(
            f"objective.pareto must be a list of at least two different metrics such as [energy_pj, makespan_ns], "
            f"got {names!r}"
        )
    return tuple(sorted(found))


def _targets(spec: object, kind: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Read ``{metric: target}`` as names and numbers, sorted by name."""
    if not isinstance(spec, Mapping) or not spec:
        raise InvalidInputError(f"objective.{kind} must map metrics to targets, as in {_EXAMPLE}, got {spec!r}")
    for name, target in spec.items():
        number = isinstance(target, int | float) and not isinstance(target, bool)
        if not number or not math.isfinite(target) or target <= 0:
            raise InvalidInputError(
                f"objective.{kind}.{name} must be a positive number in the metric's own unit, got {target!r}"
            )
    names = tuple(sorted(map(str, spec)))
    return names, tuple(float(spec[name]) for name in names)
