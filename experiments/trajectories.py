"""The one columnar form of trajectories, for every agent and environment.

A row is one unique design of one run, in evaluation order, so metrics are stored once per unique
design; repeated proposals show as gaps in ``proposal``. Columns:

===================  =================  =========================================================
column               type               meaning
===================  =================  =========================================================
run_id               string             the run
evaluation           int32              1, 2, ... within the run
proposal             int64              designs proposed by then, repeats included
design               string             flat index in the space, decimal (spaces exceed 2^63)
indices              list of int32      the design, canonical: one position per parameter
valid, reason        bool, string       whether it has metrics, else why not
metrics              list of float64    in the order of the problem's metrics; empty where invalid
score                float64            in the objective's units; NaN where invalid
reward               float64            what learners saw
met                  bool               all budgets of a ``meet`` objective are met
simulator_seconds    float64            wall time (the only column that may differ between repeats)
===================  =================  =========================================================
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from experiments.identity import canonical_json
from experiments.journal import Entry

SCHEMA = pa.schema(
    [
        ("run_id", pa.dictionary(pa.int32(), pa.string())),
        ("evaluation", pa.int32()),
        ("proposal", pa.int64()),
        ("design", pa.string()),
        ("indices", pa.list_(pa.int32())),
        ("valid", pa.bool_()),
        ("reason", pa.dictionary(pa.int32(), pa.string())),
        ("metrics", pa.list_(pa.float64())),
        ("score", pa.float64()),
        ("reward", pa.float64()),
        ("met", pa.bool_()),
        ("simulator_seconds", pa.float64()),
    ]
)


def trajectory_table(
    run_id: str,
    entries: Sequence[Entry],
    flat: Sequence[int],
    reward: Sequence[float | None] | np.ndarray,
    met: Sequence[bool] | np.ndarray,
) -> pa.Table:
    """Return the table of one run.

    Args:
        run_id: the run.
        entries: its evaluations, in order.
        flat: the designs' flat indices, one per entry.
        reward: ``[k]`` numbers; None where not known.
        met: ``[k]`` booleans.
    """
    columns = {
        "run_id": pa.DictionaryArray.from_arrays(pa.array([0] * len(entries), pa.int32()), pa.array([run_id])),
        "evaluation": pa.array([entry.number for entry in entries], pa.int32()),
        "proposal": pa.array([entry.proposal for entry in entries], pa.int64()),
        "design": pa.array([str(number) for number in flat], pa.string()),
        "indices": pa.array([entry.design for entry in entries], pa.list_(pa.int32())),
        "valid": pa.array([entry.valid for entry in entries], pa.bool_()),
        "reason": pa.array([entry.reason for entry in entries], pa.string()).dictionary_encode(),
        "metrics": pa.array([entry.values or () for entry in entries], pa.list_(pa.float64())),
        "score": pa.array([entry.score for entry in entries], pa.float64()),
        "reward": pa.array(reward, pa.float64()),
        "met": pa.array(met, pa.bool_()),
        "simulator_seconds": pa.array([entry.seconds for entry in entries], pa.float64()),
    }
    return pa.Table.from_pydict(columns, schema=SCHEMA)


def join_tables(tables: Sequence[pa.Table]) -> pa.Table:
    """Return the rows of all ``tables`` under one dictionary per dictionary column."""
    return pa.concat_tables(tables).unify_dictionaries() if tables else SCHEMA.empty_table()


def flat_indices(entries: Sequence[Entry], cardinalities: Sequence[int]) -> list[int]:
    """Return each design's flat index: mixed radix, the last parameter fastest, as in ``DesignSpace``."""
    result = []
    for entry in entries:
        number = 0
        for index, count in zip(entry.design, cardinalities, strict=True):
            number = number * count + index
        result.append(number)
    return result


def trajectory_digest(run_id: str, entries: Sequence[Entry], end: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all that a run produced, times and hosts apart.

    Equal digests mean equal trajectories bit for bit: the same designs in the same order at the
    same proposals, with the same validity, reasons, metrics and scores, ended for the same reason.
    """
    digest = hashlib.sha256(canonical_json([run_id, end["stop_reason"], end["evaluations"], end["proposals"]]).encode())
    for entry in entries:
        head = canonical_json([entry.number, entry.proposal, list(entry.design), entry.valid, entry.reason])
        digest.update(head.encode())
        digest.update(_bits(entry.values or ()))
        digest.update(_bits((entry.score,)))
    return digest.hexdigest()


def experiment_digest(runs: Iterable[tuple[str, str, str]]) -> str:
    """Return the SHA-256 over ``(run_id, state, trajectory digest)`` of all runs, in any order."""
    lines = sorted(" ".join(run) for run in runs)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _bits(values: Sequence[float]) -> bytes:
    """Return the little-endian bits of ``values``, every NaN alike."""
    array = np.array(values, dtype="<f8")
    array[np.isnan(array)] = np.nan
    return array.tobytes()
