"""Search spaces of the memory controller: the two of ArchGym's published agents and a default of ours.

========= ========== =======================================================================================
name      designs    what it is
========= ========== =======================================================================================
ga        28 311 552 what ArchGym's genetic algorithm, Bayesian optimisation and random walk searched: buffer
                     size and refresh limits 1..8, credits 1..128
rl        442 368    what its reinforcement learning and Vizier agents searched: powers of two, buffer size and
                     credits 1..128, refresh limits 1..8 (166 464 canonical designs)
default   442 368    ours: buffer sizes that are worth building (2..256 in powers of two), credits 1..128
========= ========== =======================================================================================

Two facts hold in all of them: ``max_active_transactions`` has no effect with ``arbiter=Simple``, and the refresh
limits have none with ``refresh_policy=NoRefresh``. The defaults are the reference design: an open-page FR-FCFS
controller with eight requests per bank, as a data sheet would have it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulators.errors import UnknownNameError
from simulators.memory.kernel_codes import (
    ARBITERS,
    PAGE_POLICIES,
    REFRESH_POLICIES,
    RESPONSE_QUEUES,
    SCHEDULER_BUFFERS,
    SCHEDULERS,
)
from simulators.parameters import Parameter
from simulators.spaces import DesignSpace, InactiveRule

_ONE_TO_EIGHT: Final = tuple(range(1, 9))
_POWERS_TO_8: Final = (1, 2, 4, 8)
_POWERS_TO_128: Final = (1, 2, 4, 8, 16, 32, 64, 128)

_INACTIVE: Final = (
    InactiveRule("max_active_transactions", {"arbiter": ("Simple",)}, "the Simple arbiter has no credits"),
    InactiveRule("refresh_max_postponed", {"refresh_policy": ("NoRefresh",)}, "nothing to postpone"),
    InactiveRule("refresh_max_pulled_in", {"refresh_policy": ("NoRefresh",)}, "nothing to pull in"),
)


def _space(
    name: str, buffer_sizes: Sequence[int], refreshes: Sequence[int], transactions: Sequence[int]
) -> DesignSpace:
    parameters = (
        Parameter("page_policy", PAGE_POLICIES, "Open", group="scheduling", doc="when rows are closed"),
        Parameter("scheduler", SCHEDULERS, "FrFcfs", group="scheduling", doc="which request of a bank goes first"),
        Parameter("scheduler_buffer", SCHEDULER_BUFFERS, "Bankwise", group="scheduling", doc="how space is counted"),
        Parameter("request_buffer_size", buffer_sizes, 8, unit="requests", group="scheduling", doc="buffer space"),
        Parameter("response_queue", RESPONSE_QUEUES, "Fifo", group="front_end", doc="order of answers"),
        Parameter("refresh_policy", REFRESH_POLICIES, "AllBank", group="refresh", doc="how rows are refreshed"),
        Parameter("refresh_max_postponed", refreshes, 8, unit="refreshes", group="refresh", doc="refreshes put off"),
        Parameter("refresh_max_pulled_in", refreshes, 8, unit="refreshes", group="refresh", doc="refreshes done early"),
        Parameter("arbiter", ARBITERS, "Simple", group="front_end", doc="credits and order of answers"),
        Parameter("max_active_transactions", transactions, 128, unit="requests", group="front_end", doc="credits"),
    )
    return DesignSpace(parameters, inactive=_INACTIVE, name=name)


def memory_space_names() -> tuple[str, ...]:
    """Return the names of the search spaces."""
    return ("default", "ga", "rl")


def memory_space(name: str = "default") -> DesignSpace:
    """Return the search space of that name; see the module's table.

    Raises:
        UnknownNameError: no such space.
    """
    if name == "ga":
        return _space("ga", _ONE_TO_EIGHT, _ONE_TO_EIGHT, range(1, 129))
    if name == "rl":
        return _space("rl", _POWERS_TO_128, _POWERS_TO_8, _POWERS_TO_128)
    if name == "default":
        return _space("default", (2, 4, 8, 16, 32, 64, 128, 256), _POWERS_TO_8, _POWERS_TO_128)
    raise UnknownNameError("memory search space", name, memory_space_names())
