"""The base class of simulators that are programs."""

from __future__ import annotations

import hashlib
import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from simulators.errors import InvalidInputError
from simulators.evaluation import Evaluation
from simulators.external.cache import ResultCache
from simulators.external.program import ExternalProgram, ProgramFailure, find_program, program_digest
from simulators.external.units import convert
from simulators.metrics import Metric
from simulators.parameters import Value
from simulators.simulator import Simulator
from simulators.spaces import Columns

Design = Mapping[str, Value]
Measured = Mapping[str, tuple[float, str]]
"""Metric -> value and the unit that the program gave it in."""


@dataclass(frozen=True)
class TextWorkload:
    """A workload that is a text, which most programs want as a file."""

    name: str
    text: str

    @property
    def digest(self) -> str:
        """A string that changes with the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]


class ExternalSimulator(Simulator):
    """A simulator that runs a program, once per design.

    A subclass declares what every simulator does (``name``, ``version``, ``inputs``, ``metrics``, ``load_workload``)
    and, of its program, ``program`` (the name on PATH), ``install`` (where to get it), :meth:`arguments`,
    :meth:`files` and :meth:`parse`. A design for which the program fails, takes too long or writes what cannot be read
    is invalid, with the reason; it never gets the numbers of another.

    Args:
        executable: the program's path, or another name on PATH; None for ``program`` on PATH.
        timeout_s: seconds one run may take.
        retries: further attempts after a transient failure, see ``transient``.
        cache: a directory for results that later runs and other processes use as well; None keeps them in memory.
        threads: programs that run at the same time; does not change results.

    Raises:
        InvalidInputError: the program is not to be found, or an argument out of range.
    """

    program: ClassVar[str]
    install: ClassVar[str] = "see the program's own documentation"
    transient: ClassVar[tuple[str, ...]] = ()
    """Regular expressions in a failed program's output that make the failure transient (a licence server, say)."""
    environment: ClassVar[Mapping[str, str]] = {}
    threaded: ClassVar[bool] = True

    def __init__(
        self,
        executable: str | Path | None = None,
        timeout_s: float = 60.0,
        retries: int = 0,
        cache: str | Path | None = None,
        threads: int = 1,
    ) -> None:
        if threads < 1:
            raise InvalidInputError(f"threads must be at least 1, got {threads}")
        self.executable = find_program(self.program, executable, "executable", self.install)
        self.digest = program_digest(self.executable)
        self.timeout_s, self.retries, self.threads = timeout_s, retries, threads
        self.cache = ResultCache(cache)
        self._runner(())

    def settings(self) -> dict[str, Any]:
        """Return the digest of the program's file and the time it gets; a subclass adds its own settings."""
        return {"program": self.program, "program_digest": self.digest, "timeout_s": self.timeout_s}

    def arguments(self, design: Design, workload: Any) -> Sequence[str]:
        """Return the command line's arguments: files are those that :meth:`files` names, in the working directory."""
        return ()

    @abstractmethod
    def files(self, design: Design, workload: Any) -> Mapping[str, str]:
        """Return the input files of one design, relative path -> text.

        Files, arguments and the program are all that decides a result.
        """

    @abstractmethod
    def parse(self, directory: Path) -> Measured:
        """Return every metric's value and unit from what the program wrote into its directory.

        ``simulators.external.program`` has ``read_output`` and ``output_of`` for reading.

        Raises:
            ProgramFailure: the output cannot be read; says what is missing.
        """

    def refusal(self, design: Design, workload: Any) -> str:
        """Return why a design is not worth running the program for, or an empty text."""
        return ""

    def evaluate_columns(self, columns: Columns, workload: Any) -> Evaluation:
        """Run the program for each checked design; see :meth:`Simulator.simulate`."""
        names = list(columns)
        designs = [
            dict(zip(names, row, strict=True)) for row in zip(*(c.tolist() for c in columns.values()), strict=True)
        ]
        if self.threads == 1 or len(designs) == 1:
            rows = [self._evaluate(design, workload) for design in designs]
        else:
            with ThreadPoolExecutor(self.threads) as pool:
                rows = list(pool.map(lambda design: self._evaluate(design, workload), designs))
        return evaluation_of_rows(self.metrics, rows)

    def measure(self, design: Design, workload: Any) -> dict[str, float]:
        """Return one design's metrics in the metrics' own units, from the cache or by running the program.

        Raises:
            ProgramFailure: there are none.
            InvalidInputError: what :meth:`parse` returned lacks a metric or has one in a unit of another quantity.
        """
        files, arguments = dict(self.files(design, workload)), list(self.arguments(design, workload))
        version = f"{self.version}/{self.digest}"
        environment = dict(self.environment)
        key = ResultCache.key(self.name, version, [arguments, files, environment, [m.name for m in self.metrics]])
        found = self.cache.get_or_compute(key, lambda: self._run(arguments, files))
        return {name: float(value) for name, value in found.items()}

    def _evaluate(self, design: Design, workload: Any) -> list[float] | str:
        """Return the metrics of one design, or why it has none."""
        reason = self.refusal(design, workload)
        if reason:
            return reason
        try:
            found = self.measure(design, workload)
        except ProgramFailure as failure:
            return str(failure)
        return [found[metric.name] for metric in self.metrics]

    def _run(self, arguments: Sequence[str], files: Mapping[str, str]) -> dict[str, float]:
        return self._in_own_units(self._runner(arguments).run(files, self.parse))

    def _runner(self, arguments: Sequence[str]) -> ExternalProgram:
        return ExternalProgram(
            (str(self.executable), *arguments),
            self.timeout_s,
            self.retries,
            self.transient,
            environment=self.environment,
        )

    def _in_own_units(self, measured: Measured) -> dict[str, float]:
        missing = [metric.name for metric in self.metrics if metric.name not in measured]
        if missing:
            raise InvalidInputError(f"simulator {self.name!r}: parse() returned no {', '.join(missing)}")
        found: dict[str, float] = {}
        for metric in self.metrics:
            value, unit = measured[metric.name]
            try:
                found[metric.name] = convert(float(value), unit, metric.unit)
            except InvalidInputError as error:
                raise InvalidInputError(f"simulator {self.name!r}: parse() gave {metric.name}: {error}") from error
            if not math.isfinite(found[metric.name]):
                raise ProgramFailure(f"no number: the program reported {metric.name} = {value}")
        return found


def evaluation_of_rows(metrics: tuple[Metric, ...], rows: Sequence[Sequence[float] | np.ndarray | str]) -> Evaluation:
    """Return the evaluation of designs whose metrics were found one by one.

    Args:
        metrics: what was measured.
        rows: of each design the metrics in that order, or the reason why there are none.
    """
    reasons = [row if isinstance(row, str) else "" for row in rows]
    values = np.array([row for row in rows if not isinstance(row, str)], dtype=np.float64)
    return Evaluation.around_refused(metrics, reasons, lambda _: Evaluation.of_valid(metrics, values))
