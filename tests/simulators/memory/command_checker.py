"""A checker of command traces, written from the standards' rules and sharing nothing with the simulator.

It models what a device sees, not how a controller decides:

* every delay is a JEDEC parameter between the *last* cycles of two commands (commands of LPDDR4 take two or four
  cycles, an ACT of HBM2 two), unless the rule says otherwise; the command bus is taken for the whole command;
* an auto-precharge is a precharge of its own (AP) that starts inside the device once read-to-precharge or write
  recovery and the row's RAS are over;
* banks are open or closed, ranks awake, powered down or in self-refresh;
* data bursts do not overlap on the data bus.

Facts: JESD79-3 (DDR3), JESD79-4 (DDR4), JESD209-4 (LPDDR4), JESD235 (HBM2) as DRAMSys 4.0 reads them
(library/src/controller/checker/Checker*.cpp). Where the two differ a comment says so.

Not checked because the model behind the simulator does not have it: XPDLL (a read after precharged power-down with the
DLL off), refresh counts per temperature, MRS, ZQ calibration.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from simulators.memory import MemorySpecification

READS, WRITES = ("RD", "RDA"), ("WR", "WRA")
CAS = (*READS, *WRITES)
ENTRIES, EXITS = ("PDEA", "PDEP"), ("PDXA", "PDXP")
RANK_WIDE = ("PREA", "REFA", *ENTRIES, *EXITS, "SREN", "SREX")
REFRESHES = ("REFA", "REFB")
ALL = ("ACT", "PRE", *CAS, "REFB", *RANK_WIDE)
WAKES = {"PDEA": "PDXA", "PDEP": "PDXP", "SREN": "SREX"}


@dataclass(frozen=True)
class Command:
    """One line of a command trace; ``bank``: flat number, for rank-wide commands any bank of the rank."""

    time: int
    name: str
    bank: int
    request: int = -1


@dataclass(frozen=True)
class Request:
    """What the trace asks for, and when the controller accepted and answered it."""

    bank: int
    row: int
    is_write: bool
    accepted: int = 0
    answered: int | None = None


@dataclass(frozen=True)
class Violation:
    """A command that broke a rule; ``rule`` reads "before -> after: parameter" or names a broken state."""

    time: int
    command: str
    bank: int
    rule: str


@dataclass(frozen=True)
class Rule:
    before: str
    after: str
    scope: str
    delay: int  # from first cycle to first cycle
    name: str

    @property
    def text(self) -> str:
        return f"{self.before} -> {self.after}: {self.name}"


Delay = tuple[str | Sequence[str], str | Sequence[str], str, int, str]


def _each(names: str | Sequence[str]) -> Sequence[str]:
    return (names,) if isinstance(names, str) else names


# ---- the standards -----------------------------------------------------------------------------------------------


def lengths(memory: MemorySpecification) -> dict[str, int]:
    """Cycles of a command on its bus."""
    if memory.standard == "LPDDR4":
        of = dict.fromkeys(ALL, 2) | dict.fromkeys((*ENTRIES, *EXITS), 1) | dict.fromkeys(("ACT", *CAS), 4)
    else:
        of = dict.fromkeys(ALL, 1) | {"ACT": 2 if memory.standard == "HBM2" else 1}
    return of | {"AP": of["PRE"]}


def _timing(memory: MemorySpecification) -> dict[str, int]:
    """The parameters that all standards have, under one name."""
    t, burst = memory.timings, memory.burst_cycles
    if memory.standard == "LPDDR4":
        own = {
            "RCDR": t["RCD"],
            "RCDW": t["RCD"],
            "RC": t["RCPB"],
            "RP": t["RPPB"],
            "RPA": t["RPAB"],
            "RFC": t["RFCAB"],
            "RFCB": t["RFCPB"],
            "RTP": t["RTP"] + burst - 8,
            "WRP": t["WL"] + 1 + burst + t["WR"],
            "XS": t.get("XSR", 0),
            "CKESR": t.get("SR", 0),
        }
    elif memory.standard == "HBM2":
        own = {
            "RCDR": t["RCDRD"],
            "RCDW": t["RCDWR"],
            "RPA": t["RP"],
            "RFCB": t["RFCSB"],
            "WRP": t["WL"] + burst + t["WR"],
            "CKESR": t.get("CKE", 0) + 1,
        }
    else:
        own = {
            "RCDR": t["RCD"] - t["AL"],
            "RCDW": t["RCD"] - t["AL"],
            "RPA": t["RP"],
            "RFCB": 0,
            "RTP": t["AL"] + t["RTP"],
            "WRP": t["WL"] + burst + t["WR"],
        }
    return {**t, **own}


def _rows(t: Mapping[str, int]) -> Iterator[Delay]:
    """Opening, closing and refreshing rows."""
    refreshes = (*REFRESHES, "SREN")
    yield "ACT", READS, "bank", t["RCDR"], "RCD"
    yield "ACT", WRITES, "bank", t["RCDW"], "RCD"
    yield "ACT", "ACT", "bank", t["RC"], "RC"
    yield "ACT", "PRE", "bank", t["RAS"], "RAS"
    yield "ACT", "PREA", "rank", t["RAS"], "RAS"
    yield READS, "PRE", "bank", t["RTP"], "RTP"
    yield READS, "PREA", "rank", t["RTP"], "RTP"
    yield WRITES, "PRE", "bank", t["WRP"], "WR"
    yield WRITES, "PREA", "rank", t["WRP"], "WR"
    yield "AP", "PREA", "rank", 0, "auto-precharge under way"
    for closing, scope in (("PRE", "bank"), ("AP", "bank"), ("PREA", "rank")):
        delay = t["RPA"] if closing == "PREA" else t["RP"]
        yield closing, ("ACT", "REFB"), scope, delay, "RP"
        yield closing, ("REFA", "SREN"), "rank", delay, "RP"
    yield "ACT", "REFB", "bank", t["RC"], "RC"
    yield "ACT", ("REFA", "SREN"), "rank", t["RC"], "RC"
    yield "REFA", ("ACT", *refreshes), "rank", t["RFC"], "RFC"
    yield "REFB", ("ACT", "REFB"), "bank", t["RFCB"], "RFC of one bank"
    yield "REFB", ("PREA", "REFA", "SREN"), "rank", t["RFCB"], "RFC of one bank"


def _ddr(memory: MemorySpecification, t: Mapping[str, int]) -> Iterator[Delay]:
    burst, ddr4 = memory.burst_cycles, memory.standard == "DDR4"
    for scope, suffix in (("bank_group", "_L"), ("rank", "_S")) if ddr4 else (("rank", ""),):
        yield READS, READS, scope, t["CCD" + suffix], "CCD" + suffix
        yield WRITES, WRITES, scope, t["CCD" + suffix], "CCD" + suffix
        yield WRITES, READS, scope, t["WL"] + burst + t["WTR" + suffix] - t["AL"], "WTR" + suffix
        yield "ACT", "ACT", scope, t["RRD" + suffix], "RRD" + suffix
    preamble = 1 + t["WPRE"] if ddr4 else 2
    yield READS, WRITES, "rank", t["RL"] + burst - t["WL"] + preamble, "bus turnaround"
    gap = burst + t["RTRS"]
    yield READS, READS, "other_rank", gap, "RTRS"
    yield WRITES, WRITES, "other_rank", gap, "RTRS"
    yield READS, WRITES, "other_rank", t["RL"] + gap - t["WL"] + (t["WPRE"] if ddr4 else 0), "RTRS"
    yield WRITES, READS, "other_rank", t["WL"] + gap - t["RL"] + (t["RPRE"] if ddr4 else 0), "RTRS"
    if memory.can_power_down:
        yield "ACT", ENTRIES, "rank", t["ACTPDEN"], "ACTPDEN"
        yield ("PRE", "PREA"), ENTRIES, "rank", t["PRPDEN"], "PRPDEN"
        yield "REFA", ENTRIES, "rank", t["REFPDEN"], "REFPDEN"
        yield READS, (*ENTRIES, "SREN"), "rank", t["RL"] + burst + 1, "RDPDEN"
        yield "WR", ENTRIES, "rank", t["WRP"], "WRPDEN"
        yield "WRA", (*ENTRIES, "SREN"), "rank", t["WRP"] + 1, "WRAPDEN"
        yield "SREX", CAS, "rank", t["XSDLL"], "XSDLL"


def _lpddr4(memory: MemorySpecification, t: Mapping[str, int]) -> Iterator[Delay]:
    burst = memory.burst_cycles
    yield READS, READS, "rank", t["CCD"], "CCD"
    yield WRITES, WRITES, "rank", t["CCD"], "CCD"
    yield WRITES, READS, "rank", t["WL"] + 1 + burst + t["WTR"], "WTR"
    yield READS, WRITES, "rank", t["RL"] + t["DQSCK"] + burst + t["RPST"] + t["WPRE"] - t["WL"], "bus turnaround"
    yield "ACT", ("ACT", "REFB"), "rank", t["RRD"], "RRD"
    yield "REFB", "ACT", "rank", t["RRD"], "RRD"
    yield "REFB", "REFB", "rank", t["RFCB"], "RFC of one bank"
    yield "PRE", ("PRE", "PREA"), "rank", t["PPD"], "PPD"
    gap = burst + t["RTRS"]
    yield READS, READS, "other_rank", gap, "RTRS"
    yield WRITES, WRITES, "other_rank", gap, "RTRS"
    yield READS, WRITES, "other_rank", t["RL"] + gap - t["WL"], "RTRS"
    yield WRITES, READS, "other_rank", t["WL"] + gap - t["RL"], "RTRS"
    if memory.can_power_down:
        strobe = t["DQSS"] + t["DQS2DQ"]
        yield ("ACT", "PRE", "PREA", *REFRESHES), ENTRIES, "rank", t["CMDCKE"], "CMDCKE"
        yield READS, ENTRIES, "rank", t["RL"] + t["DQSCK"] + burst + t["RPST"], "read before CKE low"
        yield "WR", ENTRIES, "rank", t["WL"] + strobe + burst + t["WR"], "write before CKE low"
        yield "WRA", ENTRIES, "rank", t["WL"] + strobe + burst + t["WR"] + 2, "write before CKE low"
        yield "RDA", "SREN", "rank", t["RL"] + t["DQSCK"] + burst + t["RPST"], "read before self-refresh"
        yield "WRA", "SREN", "rank", t["WL"] + strobe + burst + t["WR"] + 2, "write before self-refresh"


def _hbm2(memory: MemorySpecification, t: Mapping[str, int]) -> Iterator[Delay]:
    burst = memory.burst_cycles
    for scope, suffix in (("bank_group", "L"), ("rank", "S")):
        yield READS, READS, scope, t["CCD" + suffix], "CCD" + suffix
        yield WRITES, WRITES, scope, t["CCD" + suffix], "CCD" + suffix
        yield WRITES, READS, scope, t["WL"] + burst + t["WTR" + suffix], "WTR" + suffix
        yield "ACT", ("ACT", "REFB"), scope, t["RRD" + suffix], "RRD" + suffix
    yield READS, WRITES, "rank", t["RTW"], "RTW"
    yield "REFB", ("ACT", "REFB"), "rank", t["RREFD"], "RREFD"
    if memory.can_power_down:
        for_data = t["PL"] + burst + 1
        read_entry, write_entry = t["RL"] + for_data, t["WL"] + for_data + t["WR"]
        yield READS, (*ENTRIES, "SREN"), "rank", read_entry, "RDPDE"
        yield WRITES, ENTRIES, "rank", write_entry, "WRPDE"
        # What DRAMSys keeps between pseudo-channels, see _sleeping.
        yield READS, ENTRIES, "channel", read_entry, "RDPDE"
        yield "RDA", "SREN", "channel", read_entry, "RDPDE"
        yield "WR", "PDEA", "channel", write_entry, "WRPDE"
        yield "WRA", ENTRIES, "channel", write_entry, "WRPDE"


_STANDARDS = {"DDR3": _ddr, "DDR4": _ddr, "LPDDR4": _lpddr4, "HBM2": _hbm2}


def _sleeping(memory: MemorySpecification, t: Mapping[str, int]) -> Iterator[Delay]:
    """Clock enable, rank by rank.

    The pseudo-channels of HBM2 share one clock enable (JESD235), so really they sleep and wake together. DRAMSys lets
    one sleep alone and makes the other keep most of the distances, not all; those it keeps are checked.
    """
    if not memory.can_power_down:
        return
    rows, awake = ("ACT", *REFRESHES, "SREN"), ("ACT", "PRE", "PREA", *CAS, *REFRESHES, "SREN")
    yield EXITS, awake, "rank", t["XP"], "XP"
    yield "SREX", (*awake, *ENTRIES), "rank", t["XS"], "XS"
    yield "SREN", "SREX", "rank", t["CKESR"], "CKESR"
    yield ENTRIES, EXITS, "rank", t["CKE"], "CKE low"
    yield EXITS, ENTRIES, "rank", t["CKE"], "CKE high"
    if memory.standard == "HBM2":
        yield "PDXA", ("ACT", "PRE", "PREA", *CAS, "REFB"), "channel", t["XP"], "XP"
        yield "PDXP", rows, "channel", t["XP"], "XP"
        yield "SREX", (*rows, "PDEP"), "channel", t["XS"], "XS"
        yield "SREN", "SREX", "channel", t["CKESR"], "CKESR"
        for entry, leave in zip(ENTRIES, EXITS, strict=True):
            yield entry, leave, "channel", t["CKE"], "CKE low"
            yield leave, entry, "channel", t["CKE"], "CKE high"


FROM_FIRST_CYCLE = ("CKE low", "CKE high", "XP")
"""Clock-enable delays count to a command's first cycle; XP of HBM2 to the last, as in DRAMSys (XP - 1 for ACT)."""


def rules(memory: MemorySpecification) -> list[Rule]:
    """All delays, from first cycle to first cycle."""
    t, length = _timing(memory), lengths(memory)
    found = []
    for befores, afters, scope, cycles, name in (
        *_rows(t),
        *_STANDARDS[memory.standard](memory, t),
        *_sleeping(memory, t),
    ):
        for before in _each(befores):
            for after in _each(afters):
                plain = name in FROM_FIRST_CYCLE and memory.standard != "HBM2"
                delay = cycles + (0 if plain else length[before] - length[after])
                found.append(Rule(before, after, scope, delay, name))
    return found


# ---- the checker -------------------------------------------------------------------------------------------------


class CommandChecker:
    """Checks one command trace.

    Args:
        memory: geometry and timings.
        tick: units of the trace's times per clock cycle.
    """

    def __init__(self, memory: MemorySpecification, tick: int = 1) -> None:
        self.memory, self.tick = memory, tick
        self._timing, self._length = _timing(memory), lengths(memory)
        self._rules: dict[str, list[Rule]] = defaultdict(list)
        for rule in rules(memory):
            self._rules[rule.after].append(rule)
        self._banks = memory.organisation.banks_per_rank
        self._per_group = self._banks // memory.organisation.bank_groups_per_rank

    def check(self, commands: Iterable[Command], requests: Sequence[Request]) -> list[Violation]:
        """Return everything that is wrong with a trace."""
        self._found: list[Violation] = []
        self._last: dict[tuple[str, str, int], int] = {}
        self._open: dict[int, int] = {}
        self._asleep: dict[int, str] = {}
        self._owes_refresh: set[int] = set()
        self._activates: dict[int, list[int]] = defaultdict(list)
        self._round: dict[int, set[int]] = defaultdict(set)
        self._opened: dict[int, int] = {}
        self._data: dict[int, list[tuple[int, int, Command]]] = defaultdict(list)
        self._served: list[int] = []
        self._bus_free: dict[bool, int] = {}
        self._requests = requests
        for command in commands:
            self._check_bus(command)
            self._check_delays(command)
            self._check_activates(command)
            self._check_round(command)
            self._check_sleep(command)
            self._check_banks(command)
            if command.request >= 0:
                self._check_request(command)
            self._note(command.name, command.bank, command.time)
        self._check_data()
        for request in set(range(len(requests))).symmetric_difference(self._served):
            self._found.append(Violation(-1, "", -1, f"request {request} was not served"))
        if len(self._served) != len(set(self._served)):
            self._found.append(Violation(-1, "", -1, "a request was served twice"))
        return self._found

    def _say(self, command: Command, rule: str) -> None:
        self._found.append(Violation(command.time, command.name, command.bank, rule))

    def _rank(self, bank: int) -> int:
        return bank // self._banks

    def _banks_of(self, rank: int) -> range:
        return range(rank * self._banks, (rank + 1) * self._banks)

    def _note(self, name: str, bank: int, time: int) -> None:
        rank = self._rank(bank)
        places = (("bank", bank), ("bank_group", bank // self._per_group), ("rank", rank), ("channel", 0))
        for scope, where in places[2 if name in RANK_WIDE else 0 :]:
            key = (name, scope, where)
            self._last[key] = max(time, self._last.get(key, time))

    def _latest(self, rule: Rule, bank: int) -> int | None:
        rank = self._rank(bank)
        if rule.scope == "other_rank":
            others = [r for r in range(self.memory.organisation.ranks) if r != rank]
            return max((self._last[at] for r in others if (at := (rule.before, "rank", r)) in self._last), default=None)
        where = {"bank": bank, "bank_group": bank // self._per_group, "rank": rank, "channel": 0}[rule.scope]
        return self._last.get((rule.before, rule.scope, where))

    def _check_bus(self, command: Command) -> None:
        """One command at a time; HBM2 has a bus for rows and one for columns."""
        bus = self.memory.standard == "HBM2" and command.name in CAS
        if command.time < self._bus_free.get(bus, command.time):
            self._say(command, "command bus")
        self._bus_free[bus] = command.time + self._length[command.name] * self.tick

    def _check_delays(self, command: Command) -> None:
        for rule in self._rules[command.name]:
            before = self._latest(rule, command.bank)
            if before is not None and command.time < before + rule.delay * self.tick:
                self._say(command, rule.text)

    def _check_activates(self, command: Command) -> None:
        """At most four activates within FAW; where a bank is refreshed alone, that counts as one."""
        counted = ("ACT", "REFB") if self.memory.bank_refresh is not None else ("ACT",)
        if command.name in counted:
            ends = self._activates[self._rank(command.bank)]
            end = command.time + (self._length[command.name] - 1) * self.tick
            if len(ends) >= 4 and end < ends[-4] + self.memory.timings["FAW"] * self.tick:
                self._say(command, "FAW")
            ends.append(end)

    def _check_round(self, command: Command) -> None:
        """Refreshes of single banks go around: every bank once; HBM2 finishes a round before the next."""
        rank = self._rank(command.bank)
        if command.name == "REFA":
            self._round[rank] = set()
        if command.name != "REFB":
            return
        if command.bank in self._round[rank]:
            self._say(command, "a bank refreshed twice in a round")
        last = self._last.get(("REFB", "rank", rank))
        begins = not self._round[rank] and self.memory.standard == "HBM2" and last is not None
        if begins and command.time < last + self._timing["RFCB"] * self.tick:
            self._say(command, "RFCSB after a round")
        self._round[rank].add(command.bank)
        if len(self._round[rank]) == self._banks:
            self._round[rank] = set()

    def _check_sleep(self, command: Command) -> None:
        rank, name = self._rank(command.bank), command.name
        asleep = self._asleep.get(rank)
        if asleep is not None and name != WAKES[asleep]:
            self._say(command, f"{name} to a rank in {asleep}")
        if asleep is None and name in WAKES.values():
            self._say(command, f"{name} to a rank that is awake")
        if name in WAKES:
            self._asleep[rank] = name
        elif name in WAKES.values():
            self._asleep.pop(rank, None)
        if name == "SREN" and rank in self._owes_refresh:
            self._say(command, "self-refresh again without a refresh")
        if name == "SREX":
            self._owes_refresh.add(rank)
        elif name in REFRESHES:
            self._owes_refresh.discard(rank)

    def _check_banks(self, command: Command) -> None:
        name, bank = command.name, command.bank
        opened = [b for b in self._banks_of(self._rank(bank)) if b in self._open]
        if name in ("ACT", "REFB") and bank in self._open:
            self._say(command, f"{name} to an open bank")
        elif name == "PRE" and self._open.pop(bank, None) is None:
            self._say(command, "PRE of a closed bank")
        elif name in ("REFA", "PDEP", "SREN") and opened:
            self._say(command, f"{name} with a bank open")
        elif name == "PDEA" and not opened:
            self._say(command, "PDEA with all banks closed")
        elif name == "PREA":
            for b in opened:
                del self._open[b]
        if name == "ACT":
            self._opened[bank] = command.time
        if name != "PRE" and (name in CAS or name == "ACT") == (command.request < 0):
            self._say(command, "a request of its own, where there should be none, or none where there should be one")

    def _check_request(self, command: Command) -> None:
        name, bank, request = command.name, command.bank, self._requests[command.request]
        if bank != request.bank:
            self._say(command, "the wrong bank for its request")
        if command.time < request.accepted:
            self._say(command, "a command before its request was accepted")
        if name == "ACT":
            self._open[bank] = request.row
        if name not in CAS:
            return
        self._served.append(command.request)
        if self._open.get(bank) != request.row:
            self._say(command, "CAS to a closed bank or a wrong row")
        if request.is_write != (name in WRITES):
            self._say(command, "the wrong direction for its request")
        if name in ("RDA", "WRA"):
            self._open.pop(bank, None)
            self._precharge_inside(command)
        self._transfer(command, request)

    def _precharge_inside(self, command: Command) -> None:
        """Enter the precharge that an RDA or WRA causes; it waits for RAS and must not cut a write's recovery."""
        t, length, tick = self._timing, self._length, self.tick
        recovery = t["RTP"] if command.name == "RDA" else t["WRP"]
        wanted = command.time + (recovery + length[command.name] - length["AP"]) * tick
        opened = self._opened.get(command.bank, command.time)
        written = self._last.get(("WR", "bank", command.bank), -1)
        recovered = written + (t["WRP"] + length["WR"] - length["AP"]) * tick
        if written > opened and wanted < recovered:
            self._say(command, "WR -> AP: WR")
        self._note("AP", command.bank, max(wanted, opened + (t["RAS"] + length["ACT"] - length["AP"]) * tick))

    def _transfer(self, command: Command, request: Request) -> None:
        """Note the burst; HBM2's pseudo-channels (ranks) have a data bus each."""
        t, standard = self.memory.timings, self.memory.standard
        start = self._length[command.name] - 1
        if command.name in READS:
            start += t["RL"] + (t["DQSCK"] if standard in ("LPDDR4", "HBM2") else 0)
        else:
            start += t["WL"] + (t["DQSS"] + t["DQS2DQ"] if standard == "LPDDR4" else 0)
        begin = command.time + start * self.tick
        end = begin + self.memory.burst_cycles * self.tick
        bus = self._rank(command.bank) if standard == "HBM2" else 0
        self._data[bus].append((begin, end, command))
        if request.answered is not None and request.answered < end:
            self._say(command, "answered before its data ended")

    def _check_data(self) -> None:
        for bursts in self._data.values():
            ordered = sorted(bursts, key=lambda burst: burst[0])
            for (_, end, _), (begin, _, command) in pairwise(ordered):
                if begin < end:
                    self._say(command, "bursts overlap on the data bus")
