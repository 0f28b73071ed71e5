"""Do several agents that share a design beat one that decides it alone? ``python -m benchmarks.multi_agent``.

Tunes every searcher on problems of their own, compares them on others, and writes ``summary.json``, from which
``python -m docs.tables.multi_agent --results DIR`` makes the tables and the picture of docs/multi-agent.md. What an
interrupted study, or an earlier one with fewer searchers, has computed is kept: give the same command again.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from agents import agent_names
from benchmarks.multi_agent.estimate import estimate
from benchmarks.multi_agent.phases import run_study
from benchmarks.multi_agent.study import CONTENDERS, FULL, QUICK
from benchmarks.multi_agent.summary import summarise
from simulators import ArchgymError


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.multi_agent", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few runs, some minutes: shows that it works, no more")
    parser.add_argument(
        "--output", type=Path, help="default: results/multi-agent, with --quick results/multi-agent-quick"
    )
    parser.add_argument(
        "--agents", nargs="+", metavar="NAME", help="only these of the registry (default: all of the study)"
    )
    parser.add_argument(
        "--estimate", action="store_true", help="run everyone once and say how long the study will take"
    )
    parser.add_argument("--workers", type=int, help="processes at once; default: one per core")
    arguments = parser.parse_args()
    amounts = QUICK if arguments.quick else FULL
    output = arguments.output or Path("results") / ("multi-agent-quick" if arguments.quick else "multi-agent")
    known = set(agent_names())
    for missing in sorted({c.agent for c in CONTENDERS} - known):
        print(f"left out, not in the registry: {missing}")
    chosen = [c for c in CONTENDERS if c.agent in known and c.agent in (arguments.agents or known)]
    if not chosen:
        parser.error("none of these agents is in the study")
    if arguments.estimate:
        print(f"{estimate(chosen, amounts, output) / 3600:.1f} hours of CPU time")
        return
    start = time.perf_counter()
    try:
        run_study(chosen, amounts, output, "auto" if arguments.workers is None else arguments.workers)
    except ArchgymError as error:
        raise SystemExit(f"error: {error}") from None
    summary = summarise(chosen, amounts, output)
    path = output / "summary.json"
    path.write_text(json.dumps(summary, indent=1) + "\n", encoding="utf-8")
    print(f"{path}, after {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
