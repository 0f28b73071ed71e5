"""The documentation page is what the registry has: agents, citations, hyperparameters, formulations, environments."""

from __future__ import annotations

import pytest

from agents import agent_class
from docs.tables.agents import PAGE, TABLES, own_agents
from docs.tables.memory_controller import tables_of, with_tables


@pytest.mark.parametrize("name", own_agents())
def test_the_page_has_a_section_with_citation_and_hyperparameters(name):
    section = PAGE.read_text().split(f"### `{name}`\n")[1].split("\n## ")[0].split("\n### ")[0]
    assert agent_class(name).citation in section
    assert list(tables_of(section)) == [f"hyperparameters of {name}"]
    assert f"| `{name}` | " in PAGE.read_text().split("In a config")[0]


def test_its_tables_are_up_to_date():
    page = PAGE.read_text()
    assert set(tables_of(page)) == set(TABLES)
    assert with_tables(page, TABLES) == page, "run: python -m docs.tables.agents"
