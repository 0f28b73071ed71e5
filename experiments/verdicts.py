"""What a comparison comes to, in sentences."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from experiments.comparison_records import AgentSummary, BaselineTest, PairTest
from experiments.run_groups import ProblemRuns


def find_winner(ranked: Sequence[AgentSummary], pairs: Sequence[PairTest]) -> str | None:
    """Return the agent that is better than every other one by its corrected test, or None.

    Agents without a run that counts take no part: they can neither win nor keep another from winning.
    """
    agents = [summary.agent for summary in ranked if summary.runs]
    wins = dict.fromkeys(agents, 0)
    for test in pairs:
        if test.conclusion != "not distinguishable":
            wins[test.first if test.conclusion == "better" else test.second] += 1
    return next((agent for agent in agents if len(agents) > 1 and wins[agent] == len(agents) - 1), None)


def verdict(
    ranked: Sequence[AgentSummary],
    pairs: Sequence[PairTest],
    tests: Sequence[BaselineTest],
    winner: str | None,
    reference: float,
    has_target: bool,
) -> tuple[str, ...]:
    """Return the sentences of a problem's verdict: the winner, the baseline, the reference design."""
    counted = [summary for summary in ranked if summary.runs]
    sentences = [_winner_sentence(counted, pairs, winner)]
    missing = [summary.agent for summary in ranked if not summary.runs]
    if counted and missing:
        verb = "has" if len(missing) == 1 else "have"
        sentences[0] += f" Left out: {join_words(missing)}, which {verb} no finished runs."
    if tests:
        sentences.append(_baseline_sentence(tests, ranked))
    if has_target and counted:
        sentences.append(_target_sentence(counted))
    if math.isfinite(reference):
        sentences.append(_reference_sentence(counted))
    return tuple(sentence for sentence in sentences if sentence)


def _winner_sentence(counted: Sequence[AgentSummary], pairs: Sequence[PairTest], winner: str | None) -> str:
    if not counted:
        return "No run has been finished, so there is nothing to compare yet."
    if len(counted) == 1:
        return f"Only {counted[0].agent} has finished runs, so there is nothing to compare it with."
    if winner is not None:
        largest = max(test.adjusted for test in pairs if winner in (test.first, test.second))
        return f"{winner} is best: better than every other agent ({p_text(largest, 'all p')})."
    if _all_tied(counted, pairs):
        return "No winner: all agents are tied: every run ended with the same score."
    leader = counted[0].agent
    tests = {test.second if test.first == leader else test.first: test for test in pairs if leader in _names(test)}
    equals = [agent for agent, test in tests.items() if test.conclusion == "not distinguishable"]
    if not equals:
        return f"No winner: {leader} leads, but no agent is better than all others."
    named = _with_p({agent: p_text(tests[agent].adjusted) for agent in equals})
    return f"No winner: {leader} leads but cannot be distinguished from {named}."


def _all_tied(counted: Sequence[AgentSummary], pairs: Sequence[PairTest]) -> bool:
    """Whether all runs have one score, and no pair differs in what it is ranked by (evaluations to a target)."""
    scores = {score for summary in counted for score in (summary.best, summary.worst)}
    return len(scores) == 1 and all(test.superiority == 0.5 and test.adjusted == 1.0 for test in pairs)


def _names(test: PairTest) -> tuple[str, str]:
    return test.first, test.second


def _baseline_sentence(tests: Sequence[BaselineTest], ranked: Sequence[AgentSummary]) -> str:
    """Say who is better than, worse than and not distinguishable from the baseline, with adjusted p-values."""
    order = {summary.agent: position for position, summary in enumerate(ranked)}
    parts = []
    for conclusion in ("better", "worse", "not distinguishable"):
        named = {
            test.agent: p_text(test.adjusted_worse if conclusion == "worse" else test.adjusted_better)
            for test in sorted(tests, key=lambda test: order[test.agent])
            if test.conclusion == conclusion
        }
        parts.append(f"{conclusion}: {_with_p(named)}")
    return f"Against {tests[0].baseline}: {'; '.join(parts)}."


def _with_p(named: Mapping[str, str]) -> str:
    """Return ``a (p = 0.01) and b (p = 0.02)``, or ``a and b (all p < 0.001)`` where they are equal."""
    if not named:
        return "none"
    texts = set(named.values())
    if len(named) > 1 and len(texts) == 1:
        return f"{join_words(list(named))} (all {texts.pop()})"
    return join_words([f"{agent} ({text})" for agent, text in named.items()])


def _target_sentence(counted: Sequence[AgentSummary]) -> str:
    reached = [(summary, summary.target) for summary in counted if summary.target is not None]
    if not any(target.reached for _, target in reached):
        return "No run met the specification."
    named = [f"{summary.agent} {target.reached}/{summary.runs}" for summary, target in reached]
    return f"Runs that met the specification: {', '.join(named)}."


def _reference_sentence(counted: Sequence[AgentSummary]) -> str:
    total = sum(summary.runs for summary in counted)
    better = sum(summary.beats_reference for summary in counted)
    if not total:
        return ""
    share = "All" if better == total else "None" if better == 0 else f"{better}"
    return f"{share} of the {total} runs did better than the reference design."


def notes(runs: ProblemRuns, ranked: Sequence[AgentSummary], at: Sequence[int], alpha: float) -> tuple[str, ...]:
    """Return what a reader must know to judge the numbers: missing runs, unequal budgets, too few seeds."""
    found = [note for agent in runs.agents if (note := _missing(runs, agent))]
    budgets = sorted({curve.run.budget for curve in runs.all_curves})
    if len(budgets) > 1:
        listed = ", ".join(map(str, budgets))
        found.append(f"runs have different budgets ({listed}); they are compared at the smallest, {runs.budget}")
    beyond = sorted(checkpoint for checkpoint in at if checkpoint > runs.budget)
    if beyond:
        found.append(f"not compared at {', '.join(map(str, beyond))}: the budget is {runs.budget}")
    met = any(summary.target is not None and summary.target.reached for summary in ranked)
    if met and not runs.orders_met_designs:
        found.append("runs that met the specification are ranked by the evaluations they needed, the others by score")
    counts = {summary.agent: summary.runs for summary in ranked if summary.runs}
    per_draw = {count / len(set(runs.strata(agent, runs.budget).tolist())) for agent, count in counts.items()}
    if len(per_draw) > 1 and len(set(counts.values())) > 1:
        found.append("agents have different numbers of runs: " + ", ".join(f"{a} {n}" for a, n in counts.items()))
    found += [note for agent in counts if (note := _pooled(runs, agent, counts[agent]))]
    smallest = _smallest_p(sorted(counts.values()))
    if smallest > alpha:
        found.append(
            f"too few runs to distinguish any two agents: the smallest p-value that can come out is "
            f"{smallest:.2g}, not below {alpha:g}; run more seeds"
        )
    return tuple(found)


def _missing(runs: ProblemRuns, agent: str) -> str:
    """Say which of the agent's runs are missing from the comparison and why."""
    left_out = [curve.run for curve in runs.curves[agent] if not curve.counts_at(runs.budget)]
    if not left_out:
        return ""
    failed = [run for run in left_out if run.state == "failed"]
    parts = [f"{len(failed)} failed"] if failed else []
    if len(left_out) > len(failed):
        parts.append(f"{len(left_out) - len(failed)} not finished")
    reason = f" (first error: {_first_line(failed[0].error)})" if failed and failed[0].error else ""
    return f"{agent}: {' and '.join(parts)} of {len(runs.curves[agent])} runs, left out{reason}"


def _pooled(runs: ProblemRuns, agent: str, count: int) -> str:
    """Say that the agent's tests pool several hyperparameter draws, whose runs they take as independent."""
    draws = len(set(runs.strata(agent, runs.budget).tolist()))
    if draws < 2:
        return ""
    return (
        f"{agent}: {count} runs of {draws} hyperparameter draws are pooled; the p-values treat the runs of one draw "
        "as independent, so they hold for these draws only"
    )


def _first_line(text: str, most: int = 160) -> str:
    line = next((line for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= most else line[: most - 3] + "..."


def _smallest_p(counts: Sequence[int]) -> float:
    """Return the smallest adjusted two-sided p the two largest samples can reach: 2 * pairs / C(n + m, n)."""
    if len(counts) < 2:
        return 0.0
    n, m = counts[-1], counts[-2]
    return min(1.0, 2 / math.comb(n + m, n) * math.comb(len(counts), 2))


def p_text(p: float, name: str = "p") -> str:
    """Return a p-value as text: ``p = 0.031``, ``p < 0.001``; with a name in the plural ``all p <= 0.031``."""
    if p < 0.001:
        return f"{name} < 0.001"
    relation = "=" if name == "p" else "<="
    return f"{name} {relation} {min(p, 1.0):.2g}" if p >= 0.1 else f"{name} {relation} {p:.3f}"


def join_words(words: Sequence[str]) -> str:
    """Return ``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
