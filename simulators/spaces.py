"""Design spaces: the one object from which every agent's encoding is derived.

Words used throughout: ``n`` designs in a batch, ``d`` parameters, ``indices`` an integer array of
shape ``[n, d]`` whose entry ``indices[i, j]`` is the position of design i's choice in the values of
parameter j. ``columns`` is the decoded form: one array of shape ``[n]`` per parameter name.

A space may hold

* *constraints*: named conditions a design must satisfy. A design that breaks one is still a point
  of the space (it has a flat index), but it is infeasible and is never sampled or enumerated.
* *inactive rules*: a parameter that has no effect for some designs. Designs that differ only in
  inactive parameters are the same design; its canonical form has the defaults in those places.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from simulators._one_design import OneDesign, Rule
from simulators.errors import InvalidInputError, SamplingError, UnknownNameError
from simulators.parameters import Parameter, Value

Columns = Mapping[str, np.ndarray]
"""Decoded designs: parameter name -> array of shape ``[n]``."""

_INT64_SIZE = 2**62
"""Up to this size flat indices are computed in int64 without any risk of overflow."""
LARGEST_ENUMERATION = 2**32
"""Up to this size spaces are walked through as a whole: some minutes."""


@dataclass(frozen=True)
class Constraint:
    """A named condition: ``holds(columns)`` gives a boolean array of shape ``[n]``."""

    name: str
    holds: Callable[[Columns], np.ndarray]
    doc: str = ""


@dataclass(frozen=True)
class InactiveRule:
    """``parameter`` has no effect on designs for which all of ``when`` hold.

    ``when`` maps another parameter's name to the values under which the rule applies, e.g.
    ``InactiveRule("max_active_transactions", {"arbiter": ("Simple",)})``.
    """

    parameter: str
    when: Mapping[str, Sequence[Value]]
    doc: str = ""


class DesignSpace:
    """A finite product of parameters with constraints and inactive rules.

    Args:
        parameters: at least one, names unique; their order is the order of the index columns.
        constraints: named conditions on decoded designs.
        inactive: rules. A rule is judged on its conditions' canonical values: where the parameter it depends on is
            itself inactive, that parameter counts as being at its default.
        name: what the space is called where several exist for one simulator.

    Raises:
        InvalidInputError: repeated names, or rules by which a parameter inhibits itself.
        UnknownNameError: a rule naming a parameter that is not in the space.
    """

    def __init__(
        self,
        parameters: Sequence[Parameter],
        constraints: Sequence[Constraint] = (),
        inactive: Sequence[InactiveRule] = (),
        name: str = "default",
    ) -> None:
        self.name = name
        self.parameters = tuple(parameters)
        self.constraints = tuple(constraints)
        self.inactive = tuple(inactive)
        self.names = tuple(parameter.name for parameter in self.parameters)
        if not self.parameters or len(set(self.names)) != len(self.names):
            raise InvalidInputError(f"a design space needs parameters with unique names, got {list(self.names)}")
        self._column_of = {name: column for column, name in enumerate(self.names)}
        self.cardinalities = np.array([len(p) for p in self.parameters], dtype=np.int64)
        self._unsigned_counts = self.cardinalities.astype(np.uint64)
        self.size = math.prod(len(p) for p in self.parameters)
        self._weights = _radix_weights([len(p) for p in self.parameters])
        self._small_weights = np.array(self._weights, dtype=np.int64) if self.size < _INT64_SIZE else None
        self._defaults = np.array([p.default_index for p in self.parameters], dtype=np.int64)
        self._rules = _parents_first([self._compile_rule(rule) for rule in self.inactive], self.names)
        self._one = OneDesign(self.parameters, self._rules)

    def __repr__(self) -> str:
        return f"DesignSpace({self.name!r}, {self.dimensions} parameters, {self.size} designs)"

    @property
    def dimensions(self) -> int:
        """Number of parameters ``d``."""
        return len(self.parameters)

    @property
    def default_indices(self) -> np.ndarray:
        """The canonical design with every parameter at its default, shape ``[1, d]``."""
        return self.canonical(self._defaults[None, :])

    def parameter(self, name: str) -> Parameter:
        """Return the parameter called ``name``; raises UnknownNameError with the nearest one."""
        return self.parameters[self.column(name)]

    def column(self, name: str) -> int:
        """Return the position of the parameter called ``name`` among the index columns."""
        if name not in self._column_of:
            raise UnknownNameError("parameter", name, self.names)
        return self._column_of[name]

    def groups(self) -> dict[str, tuple[str, ...]]:
        """Return the declared subsystems: group -> parameter names (no group counts as ``"other"``)."""
        found: dict[str, list[str]] = {}
        for parameter in self.parameters:
            found.setdefault(parameter.group or "other", []).append(parameter.name)
        return {group: tuple(names) for group, names in found.items()}

    # ---- designs as numbers -------------------------------------------------------------------

    def check(self, indices: np.ndarray) -> np.ndarray:
        """Return ``indices`` as an int64 array of shape ``[n, d]``, or say what is wrong with it.

        Raises:
            InvalidInputError: wrong shape, not integers, or an index outside its parameter.
        """
        array = np.asarray(indices)
        if self._one.row(array) is not None:
            return array
        if array.ndim != 2 or array.shape[1] != self.dimensions:
            raise InvalidInputError(
                f"designs must be an integer array of shape [n, {self.dimensions}] "
                f"(one column per parameter: {', '.join(self.names)}), got shape {list(array.shape)}"
            )
        if not np.issubdtype(array.dtype, np.integer):
            raise InvalidInputError(f"designs must be integers (positions in values), got dtype {array.dtype}")
        array = array.astype(np.int64, copy=False)
        if (array.view(np.uint64) >= self._unsigned_counts).any():  # read as unsigned, a negative index is a huge one
            row, column = np.argwhere((array < 0) | (array >= self.cardinalities))[0]
            parameter = self.parameters[column]
            raise InvalidInputError(
                f"design {row}: index {array[row, column]} of parameter {parameter.name!r} is outside "
                f"0..{len(parameter) - 1}"
            )
        return array

    def flatten(self, indices: np.ndarray) -> list[int]:
        """Return each design's flat index, a Python integer in ``[0, size)`` (any size of space).

        Mixed radix, the last parameter fastest: a bijection with :meth:`unflatten`.
        """
        array = self.check(indices)
        if self._small_weights is not None:
            return (array @ self._small_weights).tolist()
        return [sum(map(int.__mul__, row, self._weights)) for row in array.tolist()]

    def flat_array(self, indices: np.ndarray) -> np.ndarray:
        """Return what :meth:`flatten` gives as an int64 array ``[n]``.

        Raises:
            InvalidInputError: a space of 2^62 designs or more, whose flat indices do not fit.
        """
        if self._small_weights is None:
            raise InvalidInputError(f"the flat indices of {self.size} designs do not fit 64 bits; use flatten()")
        return self.check(indices) @ self._small_weights

    def unflatten(self, flat: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return the designs, shape ``[n, d]``, with these flat indices (inverse of :meth:`flatten`).

        Raises:
            InvalidInputError: an index outside ``[0, size)``.
        """
        if isinstance(flat, np.ndarray):
            bad = flat[(flat < 0) | (flat >= self.size)].tolist()
        else:
            bad = [number for number in flat if not 0 <= int(number) < self.size]
        if bad:
            raise InvalidInputError(f"flat index {bad[0]} is outside this space's 0..{self.size - 1}")
        if self._small_weights is not None:
            numbers = np.asarray(flat, dtype=np.int64).reshape(-1, 1)
            return numbers // self._small_weights % self.cardinalities
        rows = [[int(f) // w % len(p) for w, p in zip(self._weights, self.parameters, strict=True)] for f in flat]
        return np.array(rows, dtype=np.int64).reshape(-1, self.dimensions)

    def decode(self, indices: np.ndarray) -> dict[str, np.ndarray]:
        """Return the typed columns, one array ``[n]`` per parameter, of designs ``[n, d]``."""
        return self._decode(self.check(indices))

    def _decode(self, array: np.ndarray) -> dict[str, np.ndarray]:
        """Return the columns of checked designs; text columns of a single one are shared and read-only."""
        if len(array) == 1:
            return self._one.columns(array.tolist()[0])
        return {p.name: p.array[array[:, j]] for j, p in enumerate(self.parameters)}

    def describe(self, design: np.ndarray | Sequence[int]) -> dict[str, Value]:
        """Return one design, shape ``[d]``, as parameter name -> plain Python value."""
        return self._one.describe(design.tolist() if isinstance(design, np.ndarray) else design)

    def encode(self, columns: Mapping[str, Sequence[object] | np.ndarray]) -> np.ndarray:
        """Return the indices, shape ``[n, d]``, of decoded designs; missing columns take defaults.

        Raises:
            UnknownNameError: a column that is not a parameter.
            InvalidInputError: columns of different lengths, or a value that is not in the space.
        """
        for name in columns:
            self.column(name)
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            raise InvalidInputError(f"columns must have one length, got {lengths}")
        count = next(iter(lengths.values()), 1)
        indices = np.repeat(self._defaults[None, :], count, axis=0)
        for name, values in columns.items():
            parameter = self.parameter(name)
            indices[:, self.column(name)] = [parameter.index(value) for value in values]
        return indices

    # ---- sameness and feasibility ---------------------------------------------------------------

    def active(self, indices: np.ndarray) -> np.ndarray:
        """Return a boolean array ``[n, d]``: False where a parameter has no effect."""
        row = self._one.row(np.asarray(indices))
        return self._one.active(row) if row is not None else self._canonical(self.check(indices))[1]

    def canonical(self, indices: np.ndarray) -> np.ndarray:
        """Return designs ``[n, d]`` with every inactive parameter at its default (idempotent)."""
        row = self._one.row(np.asarray(indices))
        return self._one.canonical(row) if row is not None else self._canonical_only(self.check(indices))

    def violations(self, indices: np.ndarray) -> np.ndarray:
        """Return a boolean array ``[n, c]``: True where design i breaks constraint ``constraints[c]``.

        Constraints are judged on the canonical design: a parameter without effect cannot break one.
        """
        array = self.canonical(indices)
        broken = np.zeros((len(array), len(self.constraints)), dtype=bool)
        if self.constraints and len(array):
            columns = self.decode(array)
            for position, constraint in enumerate(self.constraints):
                broken[:, position] = ~np.asarray(constraint.holds(columns), dtype=bool)
        return broken

    def feasible(self, indices: np.ndarray) -> np.ndarray:
        """Return a boolean array ``[n]``: True where no constraint is broken."""
        if not self.constraints:
            return np.ones(len(self.check(indices)), dtype=bool)
        return np.logical_not(self.violations(indices).any(axis=1))

    def _canonical(self, array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Apply the rules once: each comes after those that decide its conditions, so nothing changes later."""
        result = array.copy()
        active = np.ones(array.shape, dtype=bool)
        for column, conditions in self._rules:
            off = np.ones(len(result), dtype=bool)
            for other, applies in conditions:
                off &= applies[result[:, other]]
            active[:, column] &= ~off
            result[off, column] = self._defaults[column]
        return result, active

    def _canonical_only(self, array: np.ndarray) -> np.ndarray:
        """Apply the rules to checked designs without noting which parameters are active: half the time."""
        result = array.copy()
        for column, conditions in self._rules:
            off = conditions[0][1][result[:, conditions[0][0]]]
            for other, applies in conditions[1:]:
                off &= applies[result[:, other]]
            np.copyto(result[:, column], self._defaults[column], where=off)
        return result

    def _compile_rule(self, rule: InactiveRule) -> tuple[int, tuple[tuple[int, np.ndarray], ...]]:
        column = self.column(rule.parameter)
        if rule.parameter in rule.when or not rule.when:
            raise InvalidInputError(f"inactive rule for {rule.parameter!r} must depend on other parameters")
        conditions = []
        for name, values in rule.when.items():
            applies = np.zeros(len(self.parameter(name)), dtype=bool)
            applies[[self.parameter(name).index(value) for value in values]] = True
            conditions.append((self.column(name), applies))
        return column, tuple(conditions)

    # ---- walking the space ------------------------------------------------------------------------

    def sample(self, count: int, rng: np.random.Generator, minimum_acceptance: float = 1e-4) -> np.ndarray:
        """Draw designs ``[count, d]`` uniformly (with replacement) from the feasible ones.

        Rejection sampling: feasible designs come out uniformly because proposals are uniform.

        Raises:
            SamplingError: when fewer than ``minimum_acceptance`` of the proposals are feasible.
        """
        if not self.constraints:
            return rng.integers(0, self.cardinalities, size=(count, self.dimensions), dtype=np.int64)
        found: list[np.ndarray] = []
        accepted = proposed = 0
        while accepted < count:
            batch = rng.integers(0, self.cardinalities, size=(max(256, count), self.dimensions), dtype=np.int64)
            found.append(batch[self.feasible(batch)])
            accepted, proposed = accepted + len(found[-1]), proposed + len(batch)
            if proposed * minimum_acceptance >= 16 and accepted < proposed * minimum_acceptance:
                raise SamplingError(
                    f"only {accepted} of {proposed} random designs of space {self.name!r} satisfy its constraints "
                    f"({', '.join(c.name for c in self.constraints)}); below the stated acceptance "
                    f"{minimum_acceptance}. Reformulate the parameters so that most designs are feasible."
                )
        return np.concatenate(found)[:count]

    def neighbours(self, design: np.ndarray) -> np.ndarray:
        """Return the feasible canonical designs ``[k, d]`` one step away from ``design`` (shape ``[d]``).

        One step changes one active parameter: an ordered one to an adjacent value, an unordered one
        to any other value. Sorted by parameter, then value; without repeats and without ``design``.
        """
        origin, active = self._canonical(self.check(np.asarray(design)[None, :]))
        steps = [
            (column, value)
            for column, parameter in enumerate(self.parameters)
            if active[0, column]
            for value in _steps(int(origin[0, column]), len(parameter), parameter.ordered)
        ]
        moved = np.repeat(origin, len(steps), axis=0)
        for row, (column, value) in enumerate(steps):
            moved[row, column] = value
        moved = self.canonical(moved)
        moved = moved[self.feasible(moved) & (moved != origin).any(axis=1)]
        _, first = np.unique(moved, axis=0, return_index=True)
        return moved[np.sort(first)]

    def batches(self, size: int = 65536, canonical: bool = True, start: int = 0) -> Iterator[np.ndarray]:
        """Enumerate the feasible designs in flat-index order, in batches of up to ``size`` rows.

        Args:
            size: flat indices looked at per batch; a batch holds those that qualify (maybe none).
            canonical: only designs that are their own canonical form (each design once).
            start: flat index to begin at.
        """
        for first in range(start, self.size, size):
            array = self._range(first, min(first + size, self.size))
            if canonical:
                array = array[self._is_canonical(array)]
            yield array[self.feasible(array)] if self.constraints else array

    def canonical_flat(self, batch: int = 262144) -> np.ndarray:
        """Return the flat indices of the distinct feasible designs, int64 ``[count]``, ascending: 8 bytes per design.

        Raises:
            InvalidInputError: the space is too large to be walked through.
        """
        if self.size > LARGEST_ENUMERATION:
            raise InvalidInputError(
                f"space {self.name!r} has {self.size:,} designs, too many to walk through "
                f"(at most {LARGEST_ENUMERATION:,}); restrict some of its parameters"
            )
        parts = [self.flat_array(designs) for designs in self.batches(batch)]
        return np.concatenate(parts)

    def restricted(self, values: Mapping[str, Sequence[Value]], name: str | None = None) -> DesignSpace:
        """Return the part of this space in which some parameters take only these values.

        Each keeps its place, and its default where that is still among its values, else the first one left.

        Raises:
            UnknownNameError: a parameter that is not in the space, with the nearest one.
            InvalidInputError: a value that is not in the space, or no value at all.
        """
        kept = {given: {self.parameter(given).index(value) for value in chosen} for given, chosen in values.items()}
        parameters = [_cut(p, sorted(kept[p.name])) if p.name in kept else p for p in self.parameters]
        by_name = {parameter.name: parameter for parameter in parameters}
        rules = []
        for rule in self.inactive:
            when = {other: tuple(v for v in vs if v in by_name[other].values) for other, vs in rule.when.items()}
            if all(when.values()):
                rules.append(InactiveRule(rule.parameter, when, rule.doc))
        return DesignSpace(parameters, self.constraints, rules, name or self.name)

    def _range(self, first: int, last: int) -> np.ndarray:
        """Return the designs ``[last - first, d]`` with the flat indices from ``first`` up to ``last``, exclusive."""
        if self._small_weights is None:
            return self.unflatten(range(first, last))
        positions = np.unravel_index(np.arange(first, last), tuple(self.cardinalities.tolist()))
        return np.stack(positions, axis=1)

    def _is_canonical(self, array: np.ndarray) -> np.ndarray:
        """Return a boolean ``[n]``: designs that no rule changes, so that rules can be judged on the design itself."""
        keep = np.ones(len(array), dtype=bool)
        for column, conditions in self._rules:
            active = array[:, column] == self._defaults[column]
            for other, applies in conditions:
                active |= ~applies[array[:, other]]
            keep &= active
        return keep

    def count(self, batch: int = 262144) -> int:
        """Return the number of distinct feasible designs.

        Closed form where nothing restricts the product; otherwise by enumeration, so only for
        spaces that can be enumerated.
        """
        if not self.constraints and not self.inactive:
            return self.size
        return sum(len(designs) for designs in self.batches(batch))

    # ---- encodings ----------------------------------------------------------------------------------

    def to_unit(self, indices: np.ndarray) -> np.ndarray:
        """Return designs as fractions in (0, 1), shape ``[n, d]``: the middle of each value's share."""
        return (self.check(indices) + 0.5) / self.cardinalities

    def from_unit(self, fractions: np.ndarray) -> np.ndarray:
        """Return the designs ``[n, d]`` at points of the unit box; every value owns an equal share.

        Fractions outside [0, 1] are clipped, so that each value of each parameter is reachable from
        any continuous searcher. ``from_unit(to_unit(x)) == x``.
        """
        clipped = np.clip(np.asarray(fractions, dtype=np.float64), 0.0, 1.0)
        if clipped.ndim != 2 or clipped.shape[1] != self.dimensions or np.isnan(clipped).any():
            raise InvalidInputError(f"fractions must be finite with shape [n, {self.dimensions}], got {clipped.shape}")
        return np.minimum((clipped * self.cardinalities).astype(np.int64), self.cardinalities - 1)


def _radix_weights(cardinalities: list[int]) -> list[int]:
    weights = [1]
    for count in reversed(cardinalities[1:]):
        weights.append(weights[-1] * count)
    return weights[::-1]


def _parents_first(rules: Sequence[Rule], names: Sequence[str]) -> tuple[Rule, ...]:
    """Order rules so that each follows all rules for the parameters it depends on (Kahn's algorithm).

    Raises:
        InvalidInputError: rules that depend on one another in a circle.
    """
    waiting, ordered = list(rules), list[Rule]()
    while waiting:
        undecided = {column for column, _ in waiting}
        blocked = [any(other in undecided for other, _ in conditions) for _, conditions in waiting]
        if all(blocked):
            circle = ", ".join(sorted({names[column] for column in undecided}))
            raise InvalidInputError(f"inactive rules depend on one another in a circle: {circle}; break it")
        ordered += [rule for rule, wait in zip(waiting, blocked, strict=True) if not wait]
        waiting = [rule for rule, wait in zip(waiting, blocked, strict=True) if wait]
    return tuple(ordered)


def _cut(parameter: Parameter, positions: Sequence[int]) -> Parameter:
    """Return ``parameter`` with the values at these positions only."""
    values = [parameter.values[position] for position in positions]
    default = parameter.default if parameter.default in values or not values else values[0]
    p = parameter
    return Parameter(p.name, values, default, unit=p.unit, ordered=p.ordered, group=p.group, doc=p.doc)


def _steps(index: int, count: int, ordered: bool) -> list[int]:
    if ordered:
        return [value for value in (index - 1, index + 1) if 0 <= value < count]
    return [value for value in range(count) if value != index]
