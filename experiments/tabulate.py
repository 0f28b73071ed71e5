"""Tabulating: every design of a space evaluated once, stored, and summed up.

In outline::

    problem   = the environment's, its space restricted if asked
    designs   = canonical feasible designs, in flat-index order
    parts     = evaluate what no part holds yet, in workers; each part is on the disk before the next question
    FILE      = all parts in order, with header and checksum, renamed into place
    landscape = optima, Pareto front and spread, read back from FILE, and written beside it as JSON
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archgym_envs import spec
from experiments.comparison_records import plain_json
from experiments.evaluate import chosen_arguments
from experiments.identity import canonical_json, digest_of
from experiments.landscape import Landscape, Questions, survey
from experiments.prepare import entry_point_of
from experiments.provenance import available_cores
from experiments.tables import check_writable, replaced_file
from experiments.tabulation_parts import TabulationParts, discard, force_to_disk, sync_directory
from experiments.tabulation_pool import Only, ProblemRecipe, evaluate_all, restrict
from simulators import InvalidInputError, Problem
from simulators.tabular import TableHeader, TableReader, TableWriter, table_schema

PARTIAL = ".partial"
SUMMARY = ".summary.json"
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Tabulation:
    """A finished table.

    Attributes:
        output: the file; ``summary`` the landscape as JSON beside it.
        checksum: of the content: equal for equal numbers, whoever computed them, when, where and with how many workers.
        computed: how many designs this call evaluated; the others were there.
        landscape: of the space.
    """

    output: Path
    summary: Path
    checksum: str
    computed: int
    landscape: Landscape

    def to_dict(self) -> dict[str, Any]:
        """Return JSON-serialisable data."""
        data = {"output": str(self.output), "summary": str(self.summary), "checksum": self.checksum}
        return data | {"computed": self.computed, "landscape": self.landscape.to_dict()}


def tabulate(
    environment: str,
    output: Path,
    workload: str | None = None,
    arguments: Mapping[str, Any] | None = None,
    *,
    only: Only | None = None,
    objectives: Sequence[Mapping[str, Any]] = (),
    front: Sequence[str] | None = None,
    workers: int | None = None,
    resume: bool = False,
    progress: Progress | None = None,
) -> Tabulation:
    """Evaluate every design of an environment's space and store the table ``output``.

    Args:
        environment: its id.
        output: a ``.parquet`` file; what is unfinished lies in ``output.partial`` beside it.
        workload: a name or a file; None: the environment's default.
        arguments: further arguments of the environment.
        only: parameter -> the values to which it is restricted.
        objectives: to sum up besides the environment's own.
        front: metrics of the Pareto front; None: the natural few.
        workers: processes; None: one per core.
        resume: go on with what an interrupted call left.
        progress: called with (designs done, designs in all).

    Raises:
        UnknownNameError: environment, argument, workload, metric or parameter, with the nearest.
        InvalidInputError: a value that cannot be used, a space too large, a file that cannot be written, or something
            unfinished beside it without ``resume``.
        ArchgymError: the simulation failed.
    """
    if not output.name.lower().endswith(".parquet"):
        raise InvalidInputError(f"{output}: a stored table is a Parquet file; let its name end in .parquet")
    if workers is not None and workers < 1:
        raise InvalidInputError(f"workers must be at least 1, got {workers}")
    chosen = chosen_arguments(workload, arguments)
    declared = spec(environment)
    problem = restrict(declared.make_problem(**chosen), only or {})
    default = declared.objective_of(problem)
    questions = Questions.of(problem, default, objectives, front)
    recorded: dict[str, Any] = json.loads(canonical_json({**declared.arguments, **chosen}))
    header = TableHeader.of(problem, default.to_dict(), environment, recorded)
    table_schema(header)  # refuses names that no table can have before hours of work
    check_writable(output)
    computed = 0
    if resume and _is_finished(output, header):
        discard(output.with_name(output.name + PARTIAL))
    else:
        builder = declared.problem
        entry_point = builder if isinstance(builder, str) else entry_point_of(builder)
        built = {**declared.arguments, **chosen}
        recipe = ProblemRecipe(entry_point, built, dict(only or {}), digest_of(problem.identity()))
        computed = _compute(problem, recipe, header, output, workers or available_cores(), resume, progress)
    return _summed_up(problem, questions, output, computed)


def _is_finished(output: Path, header: TableHeader) -> bool:
    """Whether the table was complete before a crash hit what comes after."""
    try:
        return TableReader(output).header.to_json() == header.to_json()
    except InvalidInputError:
        return False


def _compute(
    problem: Problem,
    recipe: ProblemRecipe,
    header: TableHeader,
    output: Path,
    workers: int,
    resume: bool,
    progress: Progress | None,
) -> int:
    """Evaluate what is missing and write the table; return how many designs were evaluated."""
    flat = problem.space.canonical_flat()
    if not len(flat):
        raise InvalidInputError(f"space {problem.space.name!r} has no design that satisfies its constraints")
    directory = output.with_name(output.name + PARTIAL)
    with TabulationParts(directory, header.digest().hexdigest(), len(flat), resume) as parts:
        before = parts.done
        tell = progress or (lambda done, total: None)
        tell(before, len(flat))
        for first, rows in evaluate_all(problem, recipe, flat, parts.gaps(), workers):
            parts.add(first, rows)
            tell(parts.done, len(flat))
        _write(output, header, parts)
        parts.remove()
    return len(flat) - before


def _write(output: Path, header: TableHeader, parts: TabulationParts) -> None:
    """Write all parts as one table and put it in its place at once; what a crash leaves goes with the parts."""
    with TableWriter(parts.scratch, header) as writer:
        for block in parts.blocks():
            writer.write(block)
    force_to_disk(parts.scratch)
    try:
        parts.scratch.replace(output)
    except OSError as error:
        raise InvalidInputError(f"cannot write {output}: {error.strerror}; choose another --output") from None
    sync_directory(output.parent)


def _summed_up(problem: Problem, questions: Questions, output: Path, computed: int) -> Tabulation:
    reader = TableReader(output)
    landscape = survey(reader, problem, questions)
    summary = output.with_name(output.name.removesuffix(".parquet") + SUMMARY)
    data = {"checksum": reader.checksum, "source": vars(reader.header.source), "landscape": landscape.to_dict()}
    with replaced_file(summary) as temporary:
        text = json.dumps(plain_json(data), indent=2, ensure_ascii=False, allow_nan=False)
        temporary.write_text(text + "\n", encoding="utf-8")
    return Tabulation(output, summary, reader.checksum, computed, landscape)
