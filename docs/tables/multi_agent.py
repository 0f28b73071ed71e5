"""The tables and picture of docs/multi-agent.md: ``python -m docs.tables.multi_agent --results DIR`` writes them anew.

``DIR`` is where ``python -m benchmarks.multi_agent`` wrote; its ``summary.json`` is kept beside this file: without
``--results`` the page is made from what was measured last. A table stands between ``<!-- table: NAME -->`` and
``<!-- end of table -->``. A test compares page and figures.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np

from docs.tables.memory_controller import Cell, table, with_tables

PAGE: Final = Path(__file__).parents[1] / "multi-agent.md"
SUMMARY: Final = Path(__file__).with_suffix(".json")
PICTURE: Final = PAGE.parent / "images" / "multi-agent-dial.png"
DIAL: Final = "coupling "
"""Beginning of the names of the strata that the picture shows."""

Summary = Mapping[str, Any]


def read_summary() -> dict[str, Any]:
    """Return the figures that the page shows."""
    found: dict[str, Any] = json.loads(SUMMARY.read_text(encoding="utf-8"))
    return found


def closed(summary: Summary, prefixes: Sequence[str]) -> str:
    """Return the share of the gap that each contender closed, in the strata whose names begin so."""
    names = _strata(summary["strata"], prefixes)
    rows = [
        [label, *(_closed_cell(summary["strata"][name].get(label)) for name in names)]
        for label in _labels(summary, summary["strata"], names)
    ]
    return table(("", *names), rows)


def solved(summary: Summary, prefixes: Sequence[str]) -> str:
    """Return how many runs closed 99 % of the gap, and after how many evaluations."""
    names = _strata(summary["strata"], prefixes)
    rows = [
        [label, *(_solved_cell(summary["strata"][name].get(label)) for name in names)]
        for label in _labels(summary, summary["strata"], names)
    ]
    return table(("", *names), rows)


def effects(tests: Sequence[Mapping[str, Any]], prefixes: Sequence[str]) -> str:
    """Return effect sizes: a row for each two contenders, a column for each stratum."""
    by_pair: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
    for test in tests:
        by_pair.setdefault((test["first"], test["second"]), {})[test["stratum"]] = test
    names = _strata(dict.fromkeys(test["stratum"] for test in tests), prefixes)
    rows = [
        [first, second, *(_effect_cell(found.get(name)) for name in names)]
        for (first, second), found in by_pair.items()
        if any(name in found for name in names)
    ]
    return table(("", "against", *names), rows)


def effects_of_search(tests: Sequence[Mapping[str, Any]]) -> str:
    """Return the effect sizes of evolution and models against each stratum's best learner: a row for each stratum."""
    firsts = list(dict.fromkeys(test["first"] for test in tests))
    by_stratum: dict[str, dict[str, Mapping[str, Any]]] = {}
    for test in tests:
        by_stratum.setdefault(test["stratum"], {})[test["first"]] = test
    rows = [
        [name, next(iter(found.values()))["second"], *(_effect_cell(found.get(first)) for first in firsts)]
        for name, found in by_stratum.items()
    ]
    return table(("", "best learner", *firsts), rows)


def choices(summary: Summary) -> str:
    """Return the hyperparameters that tuning chose, where they are not the defaults, and what it gained."""
    rows: list[list[Cell]] = []
    for contender in summary["contenders"]:
        for family, found in summary["choices"].items():
            choice = found.get(contender["label"])
            if choice and choice["scores"]:
                gained = choice["scores"][str(choice["draw"])] - choice["scores"]["0"]
                text = ", ".join(f"{name} {_short(value)}" for name, value in choice["hyperparameters"].items())
                rows.append([contender["label"], family, f"{gained:+.2f}", text if choice["draw"] else "defaults"])
    return table(("", "problems", "better than the defaults by", "hyperparameters"), rows)


def costs(summary: Summary) -> str:
    """Return the CPU seconds of a run."""
    names = [_strata(summary["strata"], (prefix,))[0] for prefix in (DIAL, "memory")]
    rows = [
        [label, *(_cost_cell(summary["strata"][name].get(label)) for name in names)]
        for label in _labels(summary, summary["strata"], names)
    ]
    return table(("CPU seconds of a run", *names), rows)


def check(summary: Summary) -> str:
    """Return what the second implementation reached, beside the first one's counterparts."""
    rows: list[list[Cell]] = []
    for label in _labels(summary, summary["check"], list(summary["check"])):
        rows.append([label, *(_closed_cell(found.get(label)) for found in summary["check"].values())])
    return table(("", *summary["check"]), rows)


def picture(summary: Summary, path: Path = PICTURE) -> None:
    """Draw the share of the gap closed against the coupling, a line with intervals for each contender shown."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    from experiments.figures import SETTINGS, agent_styles

    names = _strata(summary["strata"], (DIAL,))
    shown = [c["label"] for c in summary["contenders"] if c["shown"] and not c["check"]]
    styles = agent_styles(shown, shown[0])
    amounts = summary["amounts"]
    panels = (("early_iqm", "early_interval", amounts["early"]), ("iqm", "interval", amounts["budget"]))
    with matplotlib.rc_context(SETTINGS):
        figure, both = plt.subplots(1, 2, figsize=(10.4, 4.4), dpi=150, layout="constrained", sharey=True)
        for axes, (value, interval, evaluations) in zip(both, panels, strict=True):
            for place, label in enumerate(shown):
                found = [summary["strata"][name][label] for name in names]
                shift = 0.006 * (place - (len(shown) - 1) / 2)
                axes.errorbar(
                    [float(name.removeprefix(DIAL)) + shift for name in names],
                    [entry[value] for entry in found],
                    np.abs([np.array(entry[interval]) - entry[value] for entry in found]).T,
                    label=label,
                    color=styles[label].colour,
                    ls=styles[label].line,
                    marker="o",
                    ms=3.0,
                    lw=1.4,
                    capsize=1.5,
                    elinewidth=0.8,
                )
            axes.set_title(f"after {evaluations} evaluations", color="#111827", pad=8)
            axes.set_xlabel("coupling: share of variance due to interactions")
        both[0].set_ylabel("share of the gap closed")
        figure.legend(*both[0].get_legend_handles_labels(), loc="outside right upper", frameon=False)
        figure.savefig(path, metadata={"Software": None})
        plt.close(figure)


def tables_of(summary: Summary) -> dict[str, Callable[[], str]]:
    """Return the page's tables by name."""
    against = summary["multi_against_single"]
    return {
        "closed on the dial": partial(closed, summary, (DIAL,)),
        "closed in small blocks": partial(closed, summary, ("small",)),
        "closed on the memory controller": partial(closed, summary, ("memory",)),
        "solved on the dial": partial(solved, summary, (DIAL,)),
        "solved on the memory controller": partial(solved, summary, ("memory",)),
        "effects on the dial": partial(effects, against, (DIAL,)),
        "effects in small blocks": partial(effects, against, ("small",)),
        "effects on the memory controller": partial(effects, against, ("memory",)),
        "search against learners": partial(effects_of_search, summary["search_against_learners"]),
        "check": partial(check, summary),
        "effects of the check": partial(effects, summary["check_against_single"], (DIAL,)),
        "hyperparameters": partial(choices, summary),
        "costs": partial(costs, summary),
    }


def _strata(names: Iterable[str], prefixes: Sequence[str]) -> list[str]:
    return [name for name in names if name.startswith(tuple(prefixes))]


def _labels(summary: Summary, strata: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """Return the contenders that have runs in these strata, in the study's order."""
    known = {label for name in names for label in strata[name]}
    return [contender["label"] for contender in summary["contenders"] if contender["label"] in known]


def _closed_cell(entry: Mapping[str, Any] | None) -> Cell:
    if entry is None:
        return ""
    low, high = entry["interval"]
    return f"{entry['iqm']:.3f} [{low:.3f}, {high:.3f}]"


def _solved_cell(entry: Mapping[str, Any] | None) -> Cell:
    return "" if entry is None else f"{entry['solved']}/{entry['runs']}, {entry['evaluations']:.0f}"


def _cost_cell(entry: Mapping[str, Any] | None) -> Cell:
    return "" if entry is None else f"{entry['cpu_seconds']:.2f}"


def _effect_cell(test: Mapping[str, Any] | None) -> Cell:
    """Return ``0.81 [0.66, 0.93]``, bold where the corrected test finds a difference."""
    if test is None:
        return ""
    low, high = test["interval"]
    text = f"{test['a12']:.2f} [{low:.2f}, {high:.2f}]"
    return text if test["conclusion"] == "not distinguishable" else f"**{text}**"


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def main() -> None:
    """Write the page's tables and its picture."""
    parser = argparse.ArgumentParser(prog="python -m docs.tables.multi_agent", description=__doc__)
    parser.add_argument("--results", type=Path, metavar="DIR", help="of the study; default: the figures kept here")
    results = parser.parse_args().results
    if results is not None:
        shutil.copyfile(results / "summary.json", SUMMARY)
    summary = read_summary()
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8"), tables_of(summary)), encoding="utf-8")
    picture(summary)


if __name__ == "__main__":
    main()
