"""What a stored table says about itself: where its numbers come from, its space, its metrics.

The header is JSON in the table's Parquet metadata. It holds nothing that could differ between two computations
of the same numbers: no time, no host, no number of workers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulators.errors import InvalidInputError
from simulators.metrics import Metric
from simulators.parameters import Parameter
from simulators.problem import Problem
from simulators.spaces import DesignSpace, InactiveRule

FORMAT = "archgym-table"
FORMAT_VERSION = 1


@dataclass(frozen=True)
class Source:
    """What computed the numbers.

    Attributes:
        environment, arguments: what built the problem; "" and {} where unknown. Information only.
        simulator, version, settings: the simulator's identity.
        workload, workload_digest: the workload's name and digest.
        citation: where the numbers come from, in words.
    """

    environment: str = ""
    arguments: Mapping[str, Any] = field(default_factory=dict)
    simulator: str = ""
    version: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    workload: str = "table"
    workload_digest: str = ""
    citation: str = ""


@dataclass(frozen=True)
class TableHeader:
    """Everything about a table but its rows.

    Attributes:
        source: what computed the numbers.
        space: the parameters and inactive rules, without constraints: those are code.
        constraints: names of the constraints that the table's designs satisfy.
        complete: whether every design of the space that satisfies them is in the table.
        metrics: in the order of the columns.
        objective: data of the source's default objective; empty where there is none.
    """

    source: Source
    space: DesignSpace
    constraints: tuple[str, ...]
    metrics: tuple[Metric, ...]
    objective: Mapping[str, Any]
    complete: bool = True

    @classmethod
    def of(
        cls, problem: Problem, objective: Mapping[str, Any], environment: str, arguments: Mapping[str, Any]
    ) -> TableHeader:
        """Return the header of a table of ``problem``'s designs."""
        simulator, space, workload = problem.simulator, problem.space, problem.workload
        source = Source(
            environment=environment,
            arguments=dict(arguments),
            simulator=simulator.name,
            version=simulator.version,
            settings=simulator.settings(),
            workload=str(workload.name),
            workload_digest=str(workload.digest),
            citation=f"computed by {environment}, simulator {simulator.name} version {simulator.version}, "
            f"workload {workload.name}",
        )
        plain = DesignSpace(space.parameters, inactive=space.inactive, name=space.name)
        names = tuple(constraint.name for constraint in space.constraints)
        return cls(source, plain, names, simulator.metrics, dict(objective))

    def to_json(self) -> str:
        """Return the header as JSON text; :meth:`from_json` reads it back."""
        data = {"format": FORMAT, "version": FORMAT_VERSION, "source": vars(self.source), **self._content()}
        return json.dumps(data | {"objective": dict(self.objective)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str, place: str) -> TableHeader:
        """Read what :meth:`to_json` wrote.

        Raises:
            InvalidInputError: it is damaged, or of another version of the format; ``place`` says where it is.
        """
        try:
            data = json.loads(text)
            version = data["version"]
        except (ValueError, KeyError, TypeError) as error:
            raise InvalidInputError(f"{place}: the table's header is damaged ({error}); make the table again") from None
        if version != FORMAT_VERSION:
            raise InvalidInputError(
                f"{place}: this table has format version {version}, this archgym reads version {FORMAT_VERSION}; "
                "use the archgym that wrote it, or make the table again"
            )
        try:
            return cls(
                Source(**data["source"]),
                _read_space(data["space"]),
                tuple(data["constraints"]),
                tuple(Metric(**metric) for metric in data["metrics"]),
                data["objective"],
                data["complete"],
            )
        except (KeyError, TypeError, InvalidInputError) as error:
            raise InvalidInputError(f"{place}: the table's header is damaged ({error}); make the table again") from None

    def digest(self) -> hashlib._Hash:
        """Return a new SHA-256 over what decides the table's numbers, for the rows to be added to."""
        source = self.source
        decisive = [source.simulator, source.version, dict(source.settings), source.workload_digest, self._content()]
        return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode())

    def _content(self) -> dict[str, Any]:
        space = self.space
        parameters = [
            {
                "name": p.name,
                "values": list(p.values),
                "default": p.default,
                "unit": p.unit,
                "ordered": p.ordered,
                "group": p.group,
                "doc": p.doc,
            }
            for p in space.parameters
        ]
        inactive = [
            {"parameter": rule.parameter, "when": {n: list(v) for n, v in rule.when.items()}, "doc": rule.doc}
            for rule in space.inactive
        ]
        return {
            "space": {"name": space.name, "parameters": parameters, "inactive": inactive},
            "constraints": list(self.constraints),
            "complete": self.complete,
            "metrics": [vars(metric) for metric in self.metrics],
        }


def _read_space(data: Mapping[str, Any]) -> DesignSpace:
    parameters = [Parameter(**parameter) for parameter in data["parameters"]]
    return DesignSpace(parameters, inactive=[InactiveRule(**rule) for rule in data["inactive"]], name=data["name"])
