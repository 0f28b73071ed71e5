"""The documentation page names every agent, hyperparameter and default that the registry has."""

from __future__ import annotations

from pathlib import Path

import pytest

from agents import agent_class, agent_names

PAGE = Path(__file__).parents[2] / "docs" / "agents.md"


@pytest.mark.parametrize("name", [n for n in agent_names() if agent_class(n).__module__.startswith("agents.")])
def test_the_page_has_the_agent_as_it_is(name):
    found = agent_class(name)
    section = PAGE.read_text().split(f"### `{name}`\n")[1].split("\n## ")[0].split("\n### ")[0]
    assert found.citation in section
    for field, info in found.Hyperparameters.model_fields.items():
        default = str(info.default).lower() if isinstance(info.default, bool | None) else str(info.default)
        assert f"| `{field}` | {default} |" in section
        assert info.description in section
