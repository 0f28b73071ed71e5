"""docs/memory-controller.md says what the code says, and every formula of a constraint gives its cycles."""

from __future__ import annotations

import re

import pytest

from docs.tables.memory_controller import MEMORIES, PAGE, TABLES, tables_of
from simulators.memory import REPAIRS, constraints, load_memory_specification, memory_specification_names

ON_THE_PAGE = tables_of(PAGE.read_text(encoding="utf-8"))


def test_the_page_has_every_table_and_every_memory():
    assert sorted(ON_THE_PAGE) == sorted(TABLES)
    assert sorted(MEMORIES) == sorted(memory_specification_names())
    assert all(f"`{repair}`" in ON_THE_PAGE["repairs"] for repair in REPAIRS)


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_what_the_code_says(name):
    assert ON_THE_PAGE[name] == TABLES[name](), "python -m docs.tables.memory_controller writes the tables anew"


def test_pictures_of_the_page_are_there():
    pictures = re.findall(r"!\[.+?\]\((.+?)\)", PAGE.read_text(encoding="utf-8"))
    assert len(pictures) == 3
    assert all((PAGE.parent / picture).is_file() for picture in pictures)


@pytest.mark.parametrize("name", MEMORIES)
def test_formulas_of_constraints_give_their_cycles(name):
    memory = load_memory_specification(name)
    values = {timing.upper(): cycles for timing, cycles in memory.timings.items()}
    checked = 0
    for rule in constraints(memory):
        formula = rule.formula.split(" = ")[-1].replace("BL/2", str(memory.burst_cycles))
        words = re.findall(r"[A-Za-z_]\w*", formula)
        if not {word.upper() for word in words} <= values.keys() or "," in formula or ";" in formula:
            continue  # in words: the length of a command, the longer of two
        found = eval(re.sub(r"[A-Za-z_]\w*", lambda word: str(values[word[0].upper()]), formula))
        assert found == rule.cycles, rule
        checked += 1
    assert checked > 80
