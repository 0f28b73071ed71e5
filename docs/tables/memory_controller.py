"""The generated tables of docs/memory-controller.md: ``python -m docs.tables.memory_controller`` writes them anew.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end of table -->``. A test compares page and code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from simulators.memory import (
    MODES,
    REPAIRS,
    MemoryController,
    _specification_fields,
    constraints,
    load_memory_specification,
    mappings,
    memory_space,
    modes,
    specification,
)
from simulators.memory.constraints import Constraint, activate_window
from simulators.memory.kernel_codes import COMMANDS
from simulators.memory.specification import MemorySpecification

PAGE: Final = Path(__file__).parents[1] / "memory-controller.md"
MEMORIES: Final = ("ddr3-1600", "ddr4-2400", "lpddr4-3200", "hbm2")
POWER_COMMANDS: Final = ("PDEA", "PDXA", "PDEP", "PDXP", "SREN", "SREX")
SCOPES: Final = {
    "bank": "bank",
    "bank_group": "bank group",
    "rank": "rank",
    "other_rank": "other rank",
    "channel": "channel",
}

Cell = str | int | float
Case = tuple[str, str, str, Mapping[str, str | int]]

CASES: Final[tuple[Case, ...]] = (
    ("reference design", "ddr3-1600", "recorded/sqlite-query", {}),
    ("`request_buffer_size=2`", "ddr3-1600", "synthetic/cloud-mixture", {"request_buffer_size": 2}),
    ("`scheduler_buffer=ReadWrite`", "ddr3-1600", "synthetic/cloud-mixture", {"scheduler_buffer": "ReadWrite"}),
    (
        "`page_policy=ClosedAdaptive`, `power_down_policy=Staggered`",
        "ddr3-1600",
        "recorded/sqlite-query",
        {"page_policy": "ClosedAdaptive", "power_down_policy": "Staggered"},
    ),
    ("reference design", "ddr4-2400", "recorded/sqlite-query", {}),
)
"""Name, memory, workload and design of the examples; what a design leaves out is the reference design's."""
SHOWN: Final = ("makespan_ns", "energy_pj", "average_power_mw", "average_latency_from_arrival_ns")


def table(header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    text = "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
    return re.sub(r"\|  (?=\|)", "| ", text)


# ---- memories ---------------------------------------------------------------------------------------------------


def memories() -> str:
    """Return the table of the memories that ship, one column each."""
    found = [load_memory_specification(name) for name in MEMORIES]
    rows: list[list[Cell]] = [[title, *(cell(memory) for memory in found)] for title, cell in _MEMORY_ROWS.items()]
    return table(["", *(f"`{name}`" for name in MEMORIES)], rows)


def _size(count: float) -> str:
    """Return a number of bytes with the unit that keeps it short."""
    for unit in ("bytes", "KiB", "MiB"):
        if count < 1024:
            return f"{count:g} {unit}"
        count /= 1024
    return f"{count:g} GiB"


def _order(memory: MemorySpecification) -> str:
    """Return the name of the memory's own mapping."""
    names = (n for n in mappings.MAPPINGS if mappings.address_mapping(n, memory) == memory.mapping)
    return next(names, "BankRowColumn, bank group above bank")


_MEMORY_ROWS: Final[Mapping[str, Callable[[MemorySpecification], Cell]]] = {
    "standard": lambda s: s.standard,
    "clock, MHz": lambda s: f"{s.clock_mhz:g}",
    "transfers a second, millions": lambda s: f"{s.clock_mhz * s.organisation.data_rate:g}",
    "data bus": lambda s: f"{8 * s.organisation.bus_bytes} bits",
    "devices on it": lambda s: f"{s.organisation.devices_per_rank} x{s.organisation.device_width_bits}",
    "ranks (HBM2: pseudo-channels)": lambda s: s.organisation.ranks,
    "banks a rank": lambda s: s.organisation.banks_per_rank,
    "in bank groups": lambda s: s.organisation.bank_groups_per_rank,
    "rows a bank": lambda s: s.organisation.rows,
    "row": lambda s: _size(s.organisation.columns * s.organisation.bus_bytes),
    "capacity": lambda s: _size(s.capacity_bytes),
    "one request: one burst": lambda s: f"{s.burst_bytes} bytes, {s.burst_cycles} cycles",
    "peak bandwidth, Gbit/s": lambda s: f"{s.peak_bandwidth_gbit_per_s:g}",
    "read, ACT to end of data": lambda s: f"{_first_read(s) * s.cycle_ns:.4g} ns",
    "own address mapping": _order,
    "refresh of single banks": lambda s: "yes" if s.bank_refresh else "no",
    "energy": lambda s: "yes" if s.has_energy else "no",
}


def _first_read(memory: MemorySpecification) -> int:
    rules = (r for r in constraints(memory) if (r.before, r.after, r.scope) == ("ACT", "RD", "bank"))
    return max(rule.cycles for rule in rules) + memory.data_cycles[0]


# ---- timing constraints -----------------------------------------------------------------------------------------


def timing(name: str) -> str:
    """Return the timing constraints of a memory: those between commands, then those of power-down."""
    memory = load_memory_specification(name)
    rules = [rule for rule in constraints(memory) if rule.cycles > 0]
    lengths = [rule for rule in rules if rule.formula == _LENGTH]
    asleep = [rule for rule in rules if {rule.before, rule.after} & set(POWER_COMMANDS) and rule not in lengths]
    awake = [rule for rule in rules if rule not in asleep and rule not in lengths]
    window = activate_window(memory)
    counted = _names(window.counted)
    four = (
        "each of four" if counted == "ACT" else f"each of four {counted}",
        "the fifth",
        "rank",
        window.cycles,
        "FAW",
    )
    header = ("after", "this waits", "in the same", "cycles", "formula")
    return (
        f"{table(header, [*_grouped(awake), four, *_grouped(lengths)])}\n\n"
        "<details><summary>Power-down and self-refresh</summary>\n\n"
        f"{table(header, _grouped(asleep))}\n\n</details>"
    )


_LENGTH: Final = "command length"


def _grouped(rules: Iterable[Constraint]) -> list[tuple[str, str, str, int, str]]:
    """Return one row for all pairs of commands with the same rule: commands that precede, that follow, the rest."""
    followers: dict[tuple[str, int, str, str], list[str]] = {}
    for rule in rules:
        key = (rule.scope, rule.cycles, rule.formula, rule.before)
        followers.setdefault(key, []).append(rule.after)
    merged: dict[tuple[str, int, str, tuple[str, ...]], list[str]] = {}
    for (scope, cycles, formula, before), afters in followers.items():
        names = tuple(command for command in COMMANDS if command in afters)
        merged.setdefault((scope, cycles, formula, names), []).append(before)
    return [
        (_names(befores), _names(afters), SCOPES[scope], cycles, formula)
        for (scope, cycles, formula, afters), befores in merged.items()
    ]


def _names(commands: Iterable[str]) -> str:
    """Return names of commands, with CAS for all four kinds of it."""
    found: list[str] = [command for command in COMMANDS if command in set(commands)]
    if found == list(COMMANDS):
        return "any command"
    cas = ("RD", "RDA", "WR", "WRA")
    if set(cas) <= set(found):
        at = found.index("RD")
        found = [*found[:at], "CAS", *(c for c in found[at:] if c not in cas)]
    rest = [command for command in COMMANDS if command not in cas]
    return "any but CAS" if found == rest else ", ".join(found)


# ---- modes ------------------------------------------------------------------------------------------------------


def docstring_table(text: str, header: Sequence[str], code: bool = True) -> str:
    """Return the simple table of a docstring as Markdown; continuation lines have an empty first column."""
    lines = text.splitlines()
    rules = [at for at, line in enumerate(lines) if line.startswith("====")]
    columns = [match.span() for match in re.finditer("=+", lines[rules[0]])]
    starts = [start for start, _ in columns]
    rows: list[list[str]] = []
    for line in lines[rules[1] + 1 : rules[2]]:
        cells = [line[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
        if cells[0]:
            rows.append(cells)
        else:
            rows[-1] = [f"{old} {more}".strip() for old, more in zip(rows[-1], cells, strict=True)]
    plain = [[f"`{row[0]}`" if code else row[0], *(cell.replace("``", "`") for cell in row[1:])] for row in rows]
    return table(header, (_unhyphenated(row) for row in plain))


def _unhyphenated(cells: Sequence[str]) -> list[str]:
    """Join words that a docstring's line end separated."""
    return [cell.replace("auto- precharge", "auto-precharge") for cell in cells]


def repairs() -> str:
    """Return the table of the defects of the reference."""
    return docstring_table(
        modes.__doc__ or "", ("repair", "the reference (`mode=dramsys`)", "repaired (`mode=default`)")
    )


def address_mappings() -> str:
    """Return the table of the address mappings."""
    return docstring_table(mappings.__doc__ or "", ("`address_mapping`", "address bits, most significant first"))


def examples() -> str:
    """Return designs in both modes, and with those single repairs that change one of the numbers shown."""
    rows: list[Sequence[Cell]] = []
    for title, memory, workload, design in CASES:
        rows.append((f"**{title}**, {memory}, {workload}", *[""] * len(SHOWN)))
        runs = {"`dramsys`": _run(memory, workload, design, MODES.index("dramsys"), None)}
        for repair in REPAIRS:
            found = _run(memory, workload, design, MODES.index("default"), repair)
            if found != runs["`dramsys`"]:
                runs[f"only `{repair}`"] = found
        runs["`default`"] = _run(memory, workload, design, MODES.index("default"), None)
        rows.extend((name, *cells) for name, cells in runs.items())
    return table(("mode", "makespan, us", "energy, uJ", "average power, mW", "latency from arrival, ns"), rows)


def _run(memory: str, workload: str, design: Mapping[str, str | int], mode: int, repair: str | None) -> tuple[str, ...]:
    controller = MemoryController(memory, MODES[mode], repair)
    reference = {
        parameter.name: parameter.default for parameter in memory_space("default", controller.memory).parameters
    }
    columns = {name: [value] for name, value in {**reference, **design}.items()}
    evaluation = controller.simulate(columns, controller.load_workload(workload))
    values = dict(zip((m.name for m in evaluation.metrics), evaluation.values[0].tolist(), strict=True))
    makespan, energy, power, latency = (values[name] for name in SHOWN)
    return f"{makespan / 1e3:.3f}", f"{energy / 1e6:.3f}", f"{power:.2f}", f"{latency:.1f}"


# ---- design space and metrics -----------------------------------------------------------------------------------


def fields() -> str:
    """Return the fields of a specification file."""
    return docstring_table(specification.__doc__ or "", ("field", "content"), code=False)


def needed() -> str:
    """Return the timings and currents that each standard needs."""
    rows = [
        (standard, _words(names), _words(_specification_fields.POWER_DOWN_TIMINGS[standard]))
        for standard, names in _specification_fields.TIMINGS.items()
    ]
    return table(("standard", "timings", "for power-down also"), rows)


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


def parameters() -> str:
    """Return the parameters of the default space of a memory that has all of them."""
    space = memory_space("default", load_memory_specification("hbm2"))
    rows = [
        (
            f"`{p.name}`",
            ", ".join(f"**{value}**" if value == p.default else str(value) for value in p.values),
            p.unit or "",
            (p.group or "").replace("_", " "),
            p.doc,
        )
        for p in space.parameters
    ]
    return table(("parameter", "values", "unit", "group", "meaning"), rows)


def sizes() -> str:
    """Return how many designs the spaces have."""
    wanted = [
        *(("default", memory, memory) for memory in ("ddr3-1600", "ddr4-2400", "lpddr4-3200", "hbm2")),
        *((name, "ddr3-1600", "all") for name in ("ga", "rl")),
    ]
    rows = []
    for name, memory, where in wanted:
        space = memory_space(name, load_memory_specification(memory))
        rows.append((f"`{name}`", where, space.dimensions, _thousands(space.size), _thousands(space.count())))
    return table(("space", "memories", "parameters", "designs", "canonical designs"), rows)


def _thousands(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def metrics() -> str:
    """Return all metrics with units."""
    better = {"minimize": "less", "maximize": "more", "report": ""}
    rows = [
        (f"`{m.name}`", "" if m.unit == "1" else m.unit, better[m.direction], m.doc)
        for m in MemoryController("ddr3-1600").metrics
    ]
    return table(("metric", "unit", "better", "meaning"), rows)


TABLES: Final[Mapping[str, Callable[[], str]]] = {
    "memories": memories,
    **{f"timing of {name}": partial(timing, name) for name in MEMORIES},
    "address mappings": address_mappings,
    "fields": fields,
    "needed": needed,
    "parameters": parameters,
    "sizes": sizes,
    "metrics": metrics,
    "repairs": repairs,
    "examples": examples,
}


def tables_of(page: str) -> dict[str, str]:
    """Return the tables that stand in a page."""
    return dict(re.findall(r"<!-- table: (.+?) -->\n(.*?)\n<!-- end of table -->", page, flags=re.DOTALL))


def with_tables(page: str, tables: Mapping[str, Callable[[], str]]) -> str:
    """Return a page with every one of these tables written anew."""
    return re.sub(
        r"(<!-- table: (.+?) -->\n).*?(<!-- end of table -->)",
        lambda found: f"{found[1]}{tables[found[2]]()}\n{found[3]}" if found[2] in tables else found[0],
        page,
        flags=re.DOTALL,
    )


if __name__ == "__main__":
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), TABLES), encoding="utf-8")
