"""Which parameters of a planted problem interact.

All topologies have as many interacting pairs as parameters, and each connected component has exactly one cycle: so the
two parts of the cost have equally many terms, and the cycle is what makes the best design the only one (see
:mod:`simulators.coupled.instance`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from simulators.errors import InvalidInputError, UnknownNameError

TOPOLOGIES: Final = ("blocks", "chain", "random")
"""``blocks``: a ring within each block; ``chain``: one ring through all parameters in their order; ``random``: each
parameter with another one drawn at random."""
SMALLEST_BLOCK: Final = 3
"""Parameters of a block at least: with two, both interactions of the ring would be of the same pair."""

Pair = tuple[int, int]


def blocks_of(parameters: int, block: int) -> tuple[tuple[int, ...], ...]:
    """Return the blocks: ``parameters // block`` runs of neighbouring parameters, of equal size give or take one.

    Raises:
        InvalidInputError: a block of fewer than 3 parameters, or of more than there are.
    """
    if isinstance(block, bool) or not isinstance(block, int) or not SMALLEST_BLOCK <= block <= parameters:
        raise InvalidInputError(
            f"'block' must be an integer from {SMALLEST_BLOCK} to {parameters}, the number of parameters; got {block!r}"
        )
    return tuple(tuple(part.tolist()) for part in np.array_split(np.arange(parameters), parameters // block))


def interactions_of(topology: str, blocks: Sequence[Sequence[int]], rng: np.random.Generator) -> tuple[Pair, ...]:
    """Return the interacting pairs ``(i, j)``, as many as parameters, no pair twice.

    Raises:
        UnknownNameError: no such topology.
    """
    if topology not in TOPOLOGIES:
        raise UnknownNameError("topology", topology, TOPOLOGIES)
    if topology == "blocks":
        return tuple(pair for block in blocks for pair in _ring(block))
    everything = [parameter for block in blocks for parameter in block]
    return _ring(everything) if topology == "chain" else _random_pairs(len(everything), rng)


def closing_pairs(pairs: Sequence[Pair]) -> tuple[bool, ...]:
    """Return for each pair, in this order, whether it closes the cycle of its component."""
    component: dict[int, int] = {}

    def root(parameter: int) -> int:
        while component.setdefault(parameter, parameter) != parameter:
            parameter = component[parameter]
        return parameter

    closes = []
    for i, j in pairs:
        first, second = root(i), root(j)
        closes.append(first == second)
        component[first] = second
    return tuple(closes)


def _ring(members: Sequence[int]) -> tuple[Pair, ...]:
    return tuple(zip(members, [*members[1:], members[0]], strict=True))


def _random_pairs(parameters: int, rng: np.random.Generator) -> tuple[Pair, ...]:
    """Return each parameter with its image under a random function that has no cycle of fewer than 3.

    Components of such a function's graph have one cycle each.
    """
    here = np.arange(parameters)
    while True:
        images = (here + rng.integers(1, parameters, size=parameters)) % parameters
        if (images[images] != here).all():
            return tuple(zip(here.tolist(), images.tolist(), strict=True))
