"""A planted problem: a best design, terms of single parameters, terms of pairs, and how much each part counts.

Words: ``d`` parameters of ``k`` levels, ``x`` a design (levels 0..k-1), ``x*`` the planted one, ``c`` the coupling.

=================  ================================================================================================
profile            ``F(s) = min(s, k - s) / (k // 2)`` for s = 0..k-1: how far apart two places on a circle are
place              ``z_j``: a bijection from the levels of parameter j to 0..k-1 with ``z_j(x*_j) = 0``. Of an ordered
                   parameter ``+-(x_j - x*_j) mod k``, so that neighbouring levels stay neighbours; else a random one
single term        the values of F, once each: of an ordered parameter in the order of ``|x_j - x*_j|``, else
                   ``F(z_j)``
pair term          ``F((z_j - z_i) mod k)``; of the pair that closes a component's cycle ``F((z_j - t(z_i)) mod k)``,
                   ``t`` a random bijection whose only fixed point is 0
cost               ``100 ** (sqrt(1 - c) * A + sqrt(c) * B)``, A the mean of the single terms, B that of the pair terms
=================  ================================================================================================

What follows, all of it exact:

* Every term is in [0, 1] and 0 at x*, so the cost of x* is 1 and no design costs less.
* x* is the only such design: where c < 1, since single terms are 0 only there; where c = 1, since pairs outside a cycle
  give all parameters of a component one place z, and its closing pair then asks ``z = t(z)``.
* For a fixed level of either parameter, a pair term takes every value of F once over the levels of the other one. So
  its mean over the other is the same for each level: interactions have no main effects. Terms are uncorrelated.
* A and B have equally many terms of equal mean and variance, so they have the same mean and variance over random
  designs. The variance of ``log(cost)`` does not depend on c, and interactions explain the share c of it.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from simulators.coupled.topology import SMALLEST_BLOCK, Pair, blocks_of, closing_pairs, interactions_of
from simulators.errors import InvalidInputError

PARAMETERS: Final = (SMALLEST_BLOCK, 500)
"""Fewest and most parameters."""
LEVELS: Final = (3, 64)
"""Fewest and most levels: with two, no bijection of the levels has one fixed point."""
SPREAD: Final = 100.0
"""Cost of the worst conceivable design of a problem of one part, c = 0 or c = 1."""
_STREAM: Final = zlib.crc32(b"coupled")
"""Keeps an instance's draws apart from those of a searcher that has the same seed."""
_CANDIDATES: Final = 1024
"""Random designs of which the reference design is the most average one."""


@dataclass(frozen=True, eq=False)
class CoupledInstance:
    """The tables of a planted problem; their entries are whole: terms times ``k // 2``.

    Attributes:
        name, digest: of the instance.
        settings: the arguments of :func:`plant`.
        blocks: the parameters of each subsystem.
        ordered: ``d`` booleans.
        pairs: the ``d`` interacting pairs.
        best: x*, int64 ``[d]``.
        reference: an average design, int64 ``[d]``; the same for every coupling.
        singles: int64 ``[d, k]``.
        couples: int64 ``[d, k, k]``, by pair and the levels of its first and second parameter.
        factors: float64 ``[2, d * (k // 2) + 1]``: what each sum of single terms, and of pair terms, makes of the cost.
    """

    name: str
    digest: str
    settings: dict[str, Any]
    blocks: tuple[tuple[int, ...], ...]
    ordered: tuple[bool, ...]
    pairs: tuple[Pair, ...]
    best: np.ndarray
    reference: np.ndarray
    singles: np.ndarray
    couples: np.ndarray
    factors: np.ndarray

    @property
    def parameters(self) -> int:
        """Number of parameters ``d``."""
        return self.singles.shape[0]

    @property
    def levels(self) -> int:
        """Number of levels ``k``."""
        return self.singles.shape[1]

    def sums(self, designs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums of the single and of the pair terms, int64 ``[n]``, of designs ``[n, d]``."""
        return _sums(designs, self.singles, self.couples, np.array(self.pairs))

    def cost(self, designs: np.ndarray) -> np.ndarray:
        """Return the cost ``[n]`` of designs, levels ``[n, d]``: 1 of the best, more of all others."""
        alone, together = self.sums(designs)
        return self.factors[0, alone] * self.factors[1, together]


def plant(
    parameters: int = 10,
    levels: int = 8,
    coupling: float = 0.5,
    seed: int = 0,
    topology: str = "blocks",
    block: int = 5,
) -> CoupledInstance:
    """Draw a problem; everything but ``factors`` is the same for every coupling.

    Args:
        parameters: 3 to 500.
        levels: of each parameter, 3 to 64.
        coupling: 0 (separable) to 1 (interactions only): the share of the variance of log(cost) that interactions
            explain.
        seed: of the instance, at least 0.
        topology: one of :data:`~simulators.coupled.topology.TOPOLOGIES`.
        block: parameters of a block, give or take one; at least 3. The first half of each block's is ordered.

    Raises:
        InvalidInputError: a number out of its range.
        UnknownNameError: no such topology.
    """
    d = _whole("parameters", parameters, *PARAMETERS)
    k = _whole("levels", levels, *LEVELS)
    share = _share(coupling)
    blocks = blocks_of(d, block)
    rng = np.random.default_rng([_whole("seed", seed, 0, 2**63 - 1), _STREAM])
    ordered = tuple(place < len(part) // 2 for part in blocks for place in range(len(part)))
    pairs = _named_last(interactions_of(topology, blocks, rng), ordered)
    best = rng.integers(k, size=d)
    profile = np.minimum(np.arange(k), k - np.arange(k))
    places = np.stack([_places(k, int(best[j]), ordered[j], rng) for j in range(d)])
    singles = np.stack([_single(profile, int(best[j]), places[j], ordered[j]) for j in range(d)])
    couples = np.stack([_couple(profile, places[[i, j]], end, rng) for (i, j), end in _ends(pairs)])
    candidates = rng.integers(k, size=(_CANDIDATES, d))
    tables = [np.array(pairs), best, singles, couples]
    return CoupledInstance(
        name=f"{topology}?coupling={share:g}&seed={seed}",
        digest=hashlib.sha256(b"".join(table.astype("<i8").tobytes() for table in tables)).hexdigest()[:16],
        settings={
            "parameters": d,
            "levels": k,
            "coupling": share,
            "seed": int(seed),
            "topology": topology,
            "block": block,
        },
        blocks=blocks,
        ordered=ordered,
        pairs=pairs,
        best=best,
        reference=_average(candidates, singles, couples, np.array(pairs)),
        singles=singles,
        couples=couples,
        factors=_factors(d, k, share),
    )


def _named_last(pairs: Sequence[Pair], ordered: Sequence[bool]) -> tuple[Pair, ...]:
    """Put pairs of named parameters last, so that one of them closes its cycle: its term is jagged anyway."""
    return tuple(sorted(pairs, key=lambda pair: -ordered[pair[0]] - ordered[pair[1]]))


def _ends(pairs: Sequence[Pair]) -> zip[tuple[Pair, bool]]:
    return zip(pairs, closing_pairs(pairs), strict=True)


def _places(k: int, best: int, ordered: bool, rng: np.random.Generator) -> np.ndarray:
    if ordered:
        return int(rng.choice((-1, 1))) * (np.arange(k) - best) % k
    return np.insert(1 + rng.permutation(k - 1), best, 0)


def _single(profile: np.ndarray, best: int, places: np.ndarray, ordered: bool) -> np.ndarray:
    if not ordered:
        return profile[places]
    term = np.empty_like(profile)
    term[np.argsort(np.abs(np.arange(len(profile)) - best), kind="stable")] = np.sort(profile)
    return term


def _couple(profile: np.ndarray, places: np.ndarray, closes: bool, rng: np.random.Generator) -> np.ndarray:
    first = _moved(len(profile), rng)[places[0]] if closes else places[0]
    return profile[(places[1][None, :] - first[:, None]) % len(profile)]


def _moved(k: int, rng: np.random.Generator) -> np.ndarray:
    """Return a random bijection of 0..k-1, ``[k]``, whose only fixed point is 0: a cycle of all others."""
    cycle = 1 + rng.permutation(k - 1)
    moved = np.zeros(k, dtype=np.int64)
    moved[cycle] = np.roll(cycle, 1)
    return moved


def _sums(
    designs: np.ndarray, singles: np.ndarray, couples: np.ndarray, pairs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    here = np.arange(len(singles))
    alone = singles[here, designs].sum(axis=1)
    together = couples[here, designs[:, pairs[:, 0]], designs[:, pairs[:, 1]]].sum(axis=1)
    return alone, together


def _average(designs: np.ndarray, singles: np.ndarray, couples: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Return the first of the designs whose two sums together are nearest to their mean over all designs."""
    mean = singles.mean(axis=1).sum()
    alone, together = _sums(designs, singles, couples, pairs)
    return designs[np.argmin(np.abs(alone - mean) + np.abs(together - mean))]


def _factors(d: int, k: int, coupling: float) -> np.ndarray:
    means = np.arange(d * (k // 2) + 1) / (d * (k // 2))
    return np.stack([SPREAD ** (np.sqrt(weight) * means) for weight in (1.0 - coupling, coupling)])


def _whole(name: str, value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or not low <= value <= high:
        raise InvalidInputError(f"{name!r} must be an integer from {low} to {high}, got {value!r}")
    return int(value)


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0.0 <= value <= 1.0:
        raise InvalidInputError(f"'coupling' must be a number from 0 to 1, got {value!r}")
    return float(value)
