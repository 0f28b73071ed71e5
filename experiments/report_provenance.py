"""What was run: config, budget, versions, hosts, times and digest."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import yaml

from experiments.html import Markup, Row, element, table

if TYPE_CHECKING:
    from experiments.results import Results

_NAMED_PACKAGES = (
    "numpy",
    "numba",
    "scipy",
    "gymnasium",
    "optuna",
    "stable_baselines3",
    "stable-baselines3",
    "torch",
    "ray",
)


def times_sentence(results: Results) -> str:
    """Return one line for the head of the page: runs, evaluations, when."""
    runs = results.runs
    evaluations = sum(run.evaluations for run in runs)
    started = sorted(run.started for run in runs if run.started)
    when = f", {_day(started[0])}" if started else ""
    if started and _day(started[-1]) != _day(started[0]):
        when += f" to {_day(started[-1])}"
    agents = len({run.agent_group for run in runs})
    return (
        f"{_count(agents, 'agent')} on {_count(len(results.problems), 'problem')}: {_count(len(runs), 'run')}, "
        f"{evaluations:,} evaluations{when}"
    )


def _day(iso: str) -> str:
    return iso[:10]


def _count(number: int, word: str) -> str:
    return f"{number:,} {word}" + ("" if number == 1 else "s")


def what_was_run(results: Results) -> Markup:
    """Return the section on configs, versions, hosts, times and hyperparameters."""
    entries = {
        "digest of all trajectories": results.digest,
        "runs": ", ".join(f"{count} {state}" for state, count in Counter(run.state for run in results.runs).items()),
        "why runs stopped": ", ".join(f"{reason}: {n}" for reason, n in _reasons(results).items()) or "-",
        "budget": ", ".join(f"{budget:,} evaluations" for budget in sorted({run.budget for run in results.runs})),
        "time in simulators": _hours(sum(run.simulator_seconds for run in results.runs)),
        "time in agents": _hours(sum(run.agent_seconds for run in results.runs)),
        "hosts": ", ".join(sorted({run.host for run in results.runs if run.host})) or "-",
        "directories": ", ".join(map(str, getattr(results, "directories", ()))) or "-",
    }
    parts = [element("h2", "What was run"), _list(entries)]
    for provenance in getattr(results, "provenances", (results.provenance,)):
        parts += [_session(session) for session in provenance.get("sessions", [])[-3:]]
    parts.append(element("h3", "Problems"))
    parts.append(_problems(results))
    parts.append(element("details", element("summary", "Hyperparameters of every agent"), _hyperparameters(results)))
    for config in getattr(results, "configs", (results.config,)):
        text = yaml.safe_dump(dict(config), sort_keys=False, allow_unicode=True, width=100)
        parts.append(element("details", element("summary", f"Config: {config.get('name', '')}"), element("pre", text)))
    return element("section", *parts)


def _reasons(results: Results) -> Counter[str]:
    return Counter(run.stop_reason for run in results.runs if run.stop_reason)


def _hours(seconds: float) -> str:
    return (
        f"{seconds:.1f} s"
        if seconds < 600
        else f"{seconds / 60:.1f} min"
        if seconds < 36000
        else f"{seconds / 3600:.1f} h"
    )


def _list(entries: dict[str, str]) -> Markup:
    return element(
        "dl", *(part for name, text in entries.items() for part in (element("dt", name), element("dd", text)))
    )


def _session(session: dict[str, Any]) -> Markup:
    """Return one session's machine and versions, packages that decide results by name, all of them folded away."""
    packages: dict[str, str] = session.get("packages") or {}
    named = [f"{name} {packages[name]}" for name in _NAMED_PACKAGES if name in packages]
    git = session.get("git") or {}
    commit = f", commit {git['commit'][:12]}{' (modified)' if git.get('modified') else ''}" if git.get("commit") else ""
    cores = _count(session["cores"], "core") if session.get("cores") else ""
    entries = {
        "command": " ".join(map(str, session.get("command") or ())) or "-",
        "archgym": f"{session.get('archgym') or 'from a checkout'}{commit}",
        "machine": ", ".join(filter(None, (session.get("host"), session.get("processor"), cores))),
        "software": ", ".join([f"Python {session.get('python', '-')}", *named, str(session.get("platform", ""))]),
    }
    summary = f"Session of {str(session.get('started', '-')).replace('T', ' ')}"
    everything = ", ".join(f"{name} {version}" for name, version in packages.items())
    folded = element("details", element("summary", "All packages"), element("p", everything, css="small"))
    return element("div", element("h3", summary), _list(entries), folded)


def _problems(results: Results) -> Markup:
    return _list(
        {
            record.label: f"{record.environment} with "
            + ", ".join(f"{name}={value}" for name, value in record.arguments.items())
            + f"; space {record.space_name}, {record.space_size:,} designs"
            for record in results.problems.values()
        }
    )


def _hyperparameters(results: Results) -> Markup:
    seen = {run.agent: run for run in results.runs}
    rows = [
        Row([agent, run.agent_version, ", ".join(f"{name}={value}" for name, value in run.hyperparameters.items())])
        for agent, run in seen.items()
    ]
    return table(["agent", "version", "hyperparameters"], rows)
