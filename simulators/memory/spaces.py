"""Search spaces of the memory controller: the two of ArchGym's published agents and a default of ours.

========= ========== =======================================================================================
name      designs    what it is
========= ========== =======================================================================================
ga        28 311 552 what ArchGym's genetic algorithm, Bayesian optimisation and random walk searched: buffer
                     size and refresh limits 1..8, credits 1..128
rl        442 368    what its reinforcement learning and Vizier agents searched: powers of two, buffer size and
                     credits 1..128, refresh limits 1..8 (166 464 canonical designs)
default   1 769 472  ours: buffer sizes that are worth building (2..256 in powers of two), credits 1..128, address
                     mapping and power-down as parameters, and always refreshed; where the memory can refresh
                     single banks, that is a choice (3 538 944 designs on LPDDR4; 4 423 680 on HBM2, whose own
                     address mapping is none of the named ones)
========= ========== =======================================================================================

Facts that hold in all of them: ``max_active_transactions`` has no effect with ``arbiter=Simple``, and the refresh
limits have none with ``refresh_policy=NoRefresh``. The defaults are the reference design: an open-page FR-FCFS
controller with eight requests per bank, as a data sheet would have it. ``NoRefresh`` is in ArchGym's spaces although
such a memory forgets; on short traces it looks attractive, so our default space leaves it out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from simulators.errors import UnknownNameError
from simulators.memory.kernel_codes import (
    ARBITERS,
    PAGE_POLICIES,
    POWER_DOWN_POLICIES,
    RESPONSE_QUEUES,
    SCHEDULER_BUFFERS,
    SCHEDULERS,
)
from simulators.memory.mappings import MAPPINGS, SPECIFICATION, address_mapping
from simulators.memory.specification import MemorySpecification, load_memory_specification
from simulators.parameters import Parameter
from simulators.spaces import DesignSpace, InactiveRule

_ONE_TO_EIGHT: Final = tuple(range(1, 9))
_POWERS_TO_8: Final = (1, 2, 4, 8)
_POWERS_TO_128: Final = (1, 2, 4, 8, 16, 32, 64, 128)

_NO_CREDITS: Final = InactiveRule(
    "max_active_transactions", {"arbiter": ("Simple",)}, "the Simple arbiter has no credits"
)
_NO_REFRESHES: Final = (
    InactiveRule("refresh_max_postponed", {"refresh_policy": ("NoRefresh",)}, "nothing to postpone"),
    InactiveRule("refresh_max_pulled_in", {"refresh_policy": ("NoRefresh",)}, "nothing to pull in"),
)


def _refresh_policy(policies: Sequence[str]) -> Parameter:
    return Parameter("refresh_policy", policies, "AllBank", group="refresh", doc="how rows are refreshed")


def _shared(
    buffer_sizes: Sequence[int], refreshes: Sequence[int], transactions: Sequence[int], refresh: Sequence[Parameter]
) -> tuple[Parameter, ...]:
    """Return the parameters that all spaces have; ``refresh``: the refresh policy, where it is a choice."""
    return (
        Parameter("page_policy", PAGE_POLICIES, "Open", group="scheduling", doc="when rows are closed"),
        Parameter("scheduler", SCHEDULERS, "FrFcfs", group="scheduling", doc="which request of a bank goes first"),
        Parameter("scheduler_buffer", SCHEDULER_BUFFERS, "Bankwise", group="scheduling", doc="how space is counted"),
        Parameter("request_buffer_size", buffer_sizes, 8, unit="requests", group="scheduling", doc="buffer space"),
        Parameter("response_queue", RESPONSE_QUEUES, "Fifo", group="front_end", doc="order of answers"),
        *refresh,
        Parameter("refresh_max_postponed", refreshes, 8, unit="refreshes", group="refresh", doc="refreshes put off"),
        Parameter("refresh_max_pulled_in", refreshes, 8, unit="refreshes", group="refresh", doc="refreshes done early"),
        Parameter("arbiter", ARBITERS, "Simple", group="front_end", doc="credits and order of answers"),
        Parameter("max_active_transactions", transactions, 128, unit="requests", group="front_end", doc="credits"),
    )


def _archgym(name: str, sizes: Sequence[int], refreshes: Sequence[int], transactions: Sequence[int]) -> DesignSpace:
    parameters = _shared(sizes, refreshes, transactions, [_refresh_policy(("NoRefresh", "AllBank"))])
    return DesignSpace(parameters, inactive=(_NO_CREDITS, *_NO_REFRESHES), name=name)


def _default(memory: MemorySpecification) -> DesignSpace:
    """Return our space, with what the memory can do: refresh of single banks, power-down."""
    refresh = [] if memory.bank_refresh is None else [_refresh_policy(("AllBank", "PerBank"))]
    parameters = _shared((2, 4, 8, 16, 32, 64, 128, 256), _POWERS_TO_8, _POWERS_TO_128, refresh)
    if memory.can_power_down:
        doc = "whether idle ranks power down"
        power_down = Parameter("power_down_policy", POWER_DOWN_POLICIES, "NoPowerDown", group="power", doc=doc)
        parameters = (*parameters, power_down)
    others = [name for name in MAPPINGS if address_mapping(name, memory) != memory.mapping]
    doc = "which address bits select bank, row and column"
    mapping = Parameter("address_mapping", (SPECIFICATION, *others), SPECIFICATION, group="scheduling", doc=doc)
    return DesignSpace((*parameters, mapping), inactive=(_NO_CREDITS,), name="default")


def memory_space_names() -> tuple[str, ...]:
    """Return the names of the search spaces."""
    return ("default", "ga", "rl")


def memory_space(name: str = "default", memory: MemorySpecification | None = None) -> DesignSpace:
    """Return the search space of that name; see the module's table.

    Args:
        name: ``default``, ``ga`` or ``rl``.
        memory: the memory behind the controller; ``default`` follows what it can do, and leaves out the named address
            mapping that its specification has already (None: ddr3-1600).

    Raises:
        UnknownNameError: no such space.
    """
    if name == "ga":
        return _archgym("ga", _ONE_TO_EIGHT, _ONE_TO_EIGHT, range(1, 129))
    if name == "rl":
        return _archgym("rl", _POWERS_TO_128, _POWERS_TO_8, _POWERS_TO_128)
    if name == "default":
        return _default(memory or load_memory_specification("ddr3-1600"))
    raise UnknownNameError("memory search space", name, memory_space_names())
