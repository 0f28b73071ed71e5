"""What ``timeloop-model.stats.txt`` says: counts and energies of each level, cycles, total energy.

Both forms of the file are read: that of dense runs, and that of later versions, which print actual and algorithmic
counts apart. Facts from Timeloop's source, NVlabs/timeloop: ``src/model/buffer.cpp``, ``arithmetic.cpp``,
``network-legacy.cpp``, ``topology.cpp``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from typing import Final

from simulators.external import ProgramFailure

_NUMBER: Final = r"([-+0-9.eE]+)"
_SECTION: Final = re.compile(r"^=== (.+) ===$", re.MULTILINE)
_NETWORK: Final = re.compile(r"^(\S.*) <==> (\S.*)$", re.MULTILINE)
_TENSOR: Final = re.compile(r"^ +(Weights|Inputs|Outputs):[ \t]*$", re.MULTILINE)
_COUNTS: Final = ("reads", "fills", "updates")
_PRINTED_UJ: Final = 0.005
"""The total is printed with two decimals of a microjoule."""


@dataclass(frozen=True)
class TensorStats:
    """Words per instance, instances in use, energy of all of them."""

    reads: int
    fills: int
    updates: int
    instances: float
    energy_pj: float


@dataclass(frozen=True)
class TimeloopStats:
    """A statistics file.

    Attributes:
        cycles: of the whole layer.
        mac_energy_pj: of the arithmetic level.
        mac_cycles: steps of a MAC, without stalls.
        macs_in_use: instances of the arithmetic level that are used.
        levels: level -> tensor it keeps -> its statistics.
        network_pj: level -> energy of the network below it.
        energy_uj: the total as printed, with two decimals.
    """

    cycles: int
    mac_energy_pj: float
    mac_cycles: float
    macs_in_use: float
    levels: Dictionary[str, Dictionary[str, TensorStats]]
    energy_uj: float
    network_pj: Dictionary[str, float] = field(default_factory=dict)

    def level_pj(self, name: str) -> float:
        """Return the energy of a level and of the network below it."""
        return sum(stats.energy_pj for stats in self.levels[name].values()) + self.network_pj.get(name, 0.0)

    @property
    def energy_pj(self) -> float:
        """The sum of all parts, which is more precise than the printed total."""
        return self.mac_energy_pj + sum(self.level_pj(name) for name in self.levels)


def read_stats(text: str, arithmetic: str) -> TimeloopStats:
    """Read a statistics file.

    Args:
        text: its content.
        arithmetic: the name of the arithmetic level.

    Raises:
        ProgramFailure: a part is missing, or the total is not the sum of the parts.
    """
    body, _, rest = text.partition("\nNetworks\n")
    sections = _sections(body)
    if arithmetic not in sections:
        raise ProgramFailure(f"no result: the statistics have no level {arithmetic!r}")
    compute = sections.pop(arithmetic)
    stats = TimeloopStats(
        cycles=int(_number(text, r"^Cycles: ")),
        mac_energy_pj=_number(compute, r"^ +Energy \(total\) +: ", "pJ"),
        mac_cycles=_number(compute, r"^ +Cycles +: "),
        macs_in_use=_number(compute, r"^ +Utilized instances.*?: "),
        levels={name: _tensors(section, name) for name, section in sections.items()},
        energy_uj=_number(text, r"^Energy: ", "uJ"),
        network_pj=_networks(rest),
    )
    if abs(stats.energy_pj / 1e6 - stats.energy_uj) > 1.01 * _PRINTED_UJ + 1e-9 * stats.energy_uj:
        raise ProgramFailure(
            f"no result: the statistics' total of {stats.energy_uj} uJ is not the sum of the parts, "
            f"{stats.energy_pj / 1e6:.2f} uJ"
        )
    return stats


def _sections(body: str) -> dict[str, str]:
    """Return the text of each level."""
    return {head.group(1): text for head, text in _cut(_SECTION, body)}


def _cut(pattern: re.Pattern[str], text: str) -> list[tuple[re.Match[str], str]]:
    """Return each heading with the text up to the next."""
    heads = list(pattern.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return [(head, text[head.end() : end]) for head, end in zip(heads, ends, strict=False)]


def _tensors(section: str, level: str) -> dict[str, TensorStats]:
    found = {head.group(1): text for head, text in _cut(_TENSOR, section)}
    return {tensor: _tensor(text, f"{level}, {tensor}") for tensor, text in found.items()}


def _tensor(text: str, where: str) -> TensorStats:
    reads, fills, updates = (
        int(_number(text, rf"^ +(?:Actual s|S)calar {what} \(per-instance\) +: ", where=where)) for what in _COUNTS
    )
    instances = _number(text, r"^ +Utilized instances \(max\) +: ", where=where)
    return TensorStats(reads, fills, updates, instances, _sum(text, where, needed=True))


def _networks(text: str) -> dict[str, float]:
    """Return level -> energy of the network between it and the next level inside."""
    found: dict[str, float] = {}
    for head, of_network in _cut(_NETWORK, text):
        found[head.group(1)] = found.get(head.group(1), 0.0) + _sum(of_network, head.group(0))
    return found


def _sum(text: str, where: str, needed: bool = False) -> float:
    """Return the sum of all total energies in a text: accesses, reductions, address generation, transfers."""
    found = re.findall(rf"^ +[A-Za-z ]*[Ee]nergy \(total\) +: {_NUMBER} pJ", text, re.MULTILINE)
    if needed and not found:
        raise ProgramFailure(f"no result: the statistics have no energy of {where}")
    return sum(float(number) for number in found)


def _number(text: str, pattern: str, unit: str = "", where: str = "") -> float:
    """Return the number behind the last place where a pattern fits: the summary stands at the end."""
    found = re.findall(rf"{pattern}{_NUMBER}{' ' + unit if unit else ''}", text, re.MULTILINE)
    try:
        return float(found[-1])
    except (IndexError, ValueError):
        what = re.sub(r"[\\^+?*:]|\(\?.*?\)", "", pattern).strip()
        raise ProgramFailure(
            f"no result: the statistics have no line {what!r}{' of ' + where if where else ''}"
        ) from None
