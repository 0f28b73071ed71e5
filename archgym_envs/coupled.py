"""archgym/Coupled-v0: a planted problem with a dial for how strongly its parameters interact.

The problem factory only; docs/coupled.md has the formulas and what the dial does.

Version history
    v0: topologies ``blocks``, ``chain`` and ``random``. Until release 0.1.0 the numbers behind a v0 may change.
"""

from __future__ import annotations

from simulators.coupled import CoupledProblem, CoupledSimulator


def coupled(
    parameters: int = 10,
    levels: int = 8,
    coupling: float = 0.5,
    seed: int = 0,
    topology: str = "blocks",
    block: int = 5,
) -> CoupledProblem:
    """Build the problem: ``levels ** parameters`` designs, one metric ``cost``, at least 1, and 1 of one design only.

    The first half of each block's parameters, rounded down, are numbers 1, 2 ... (``size_0`` ...), the others names
    without an order (``kind_2`` ...). The blocks are the parameters' groups, whatever the topology.

    Args:
        parameters: 3 to 500.
        levels: of each parameter, 3 to 64.
        coupling: 0 to 1: the share of the variance of log(cost) that interactions of pairs explain. 0: every parameter
            can be chosen on its own; 1: no single parameter says anything about a design's cost.
        seed: which instance; the same best design and terms for every coupling.
        topology: who interacts: ``blocks`` (within each block only), ``chain`` (neighbours, across blocks) or
            ``random``.
        block: parameters of a block, give or take one, at least 3.

    Raises:
        UnknownNameError: an unknown topology, with the nearest.
        InvalidInputError: a number out of its range.
    """
    return CoupledProblem.of(CoupledSimulator(parameters, levels, coupling, seed, topology, block))
