"""What simulators of hardware against networks share: their workloads, suites, and checks of clock and threads."""

from __future__ import annotations

from abc import abstractmethod
from numbers import Real
from typing import Any, ClassVar, Final

from simulators.accelerator.layers import Layer, Network
from simulators.accelerator.suites import Composition, Suite, aggregate_evaluations, load_suite
from simulators.accelerator.workloads import load_network, network_facts, network_names
from simulators.audits import run_audits
from simulators.errors import InvalidInputError
from simulators.evaluation import Evaluation
from simulators.simulator import Simulator
from simulators.spaces import Columns

FASTEST_CLOCK_MHZ: Final = 1e6
"""A limit against slips of units only: a cycle of a femtosecond."""


class NetworkSimulator(Simulator):
    """Base of simulators whose workloads are networks and suites of them.

    Attributes:
        aggregate: how metrics of a suite's networks become one, one of ``suites.AGGREGATES``.
        composition: which metrics are parts of others, for that.
    """

    aggregate: str
    composition: ClassVar[Composition]

    def workload_names(self) -> tuple[str, ...]:
        """Return the names of the networks that ship."""
        return network_names()

    def workload_facts(self, name: str) -> dict[str, Any]:
        """Return what a network that ships asks of an accelerator."""
        return network_facts(name)

    def load_workload(self, name_or_path: str) -> Suite:
        """Return networks joined by ``+``; each is a name, a file, or ``network:layer`` or ``network/layer``.

        Raises:
            UnknownNameError: no such network or layer.
            InvalidInputError: a file that cannot be read.
        """
        return load_suite(name_or_path, load_network)

    def evaluate_checked(self, columns: Columns, workload: Suite | Network | Layer) -> Evaluation:
        """Evaluate checked designs; each network of a suite is audited on its own, then metrics are aggregated."""
        parts = self.evaluate_networks(columns, Suite.of(workload).networks)
        for part in parts:
            run_audits(self.audits, part, self.name)
        return aggregate_evaluations(parts, self.aggregate, self.composition)

    def evaluate_columns(self, columns: Columns, workload: Suite | Network | Layer) -> Evaluation:
        """Evaluate checked designs without audits; see :meth:`Simulator.simulate`."""
        parts = self.evaluate_networks(columns, Suite.of(workload).networks)
        return aggregate_evaluations(parts, self.aggregate, self.composition)

    @abstractmethod
    def evaluate_networks(self, columns: Columns, networks: tuple[Network, ...]) -> list[Evaluation]:
        """Return one evaluation of checked designs for each network."""


def checked_clock(clock_mhz: float) -> float:
    """Return a clock in MHz; raises InvalidInputError if it is no number above 0, at most FASTEST_CLOCK_MHZ."""
    if isinstance(clock_mhz, bool) or not isinstance(clock_mhz, Real) or not 0 < clock_mhz <= FASTEST_CLOCK_MHZ:
        raise InvalidInputError(
            f"clock_mhz must be a number above 0, at most {FASTEST_CLOCK_MHZ:.0f}, got {clock_mhz!r}"
        )
    return float(clock_mhz)


def checked_threads(threads: int) -> int:
    """Return a number of threads; raises InvalidInputError if it is below 1."""
    if threads < 1:
        raise InvalidInputError(f"threads must be at least 1, got {threads}")
    return threads
