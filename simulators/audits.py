"""Physics audits: laws that every evaluation must obey, checked on every evaluation.

A simulator declares its audits. A violation is a defect of the simulator and raises
:class:`~simulators.errors.AuditError`; it never becomes a reward.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from simulators.errors import AuditError
from simulators.evaluation import Evaluation


@dataclass(frozen=True)
class Audit:
    """A law: ``holds(evaluation)`` gives a boolean array of shape ``[n]``.

    Only valid designs are passed in. ``law`` states it in words for the error message.
    """

    name: str
    law: str
    holds: Callable[[Evaluation], np.ndarray]


def run_audits(audits: Sequence[Audit], evaluation: Evaluation, simulator: str) -> None:
    """Check every audit on the valid rows of ``evaluation``.

    Raises:
        AuditError: naming simulator, law, the first offending row and its numbers.
    """
    if not audits:
        return
    everything = bool(evaluation.valid.all())
    checked = evaluation if everything else evaluation.take(evaluation.valid)
    if not len(checked):
        return
    for audit in audits:
        passed = audit.holds(checked)
        if not passed.all():
            row = int(np.flatnonzero(~passed)[0])
            raise AuditError(
                f"simulator {simulator!r} broke its own law {audit.name!r} ({audit.law}) on "
                f"{int((~passed).sum())} of {len(checked)} designs; the first has {checked.row(row)}. "
                "This is a defect of the simulator: please report it with the design and the workload."
            )


def sum_of_parts(total: str, parts: Sequence[str], relative: float = 1e-9) -> Audit:
    """Return the audit that metric ``total`` is the sum of the metrics ``parts``."""

    def holds(evaluation: Evaluation) -> np.ndarray:
        whole = evaluation.column(total)
        return np.abs(whole - sum(evaluation.column(part) for part in parts)) <= relative * np.abs(whole)

    return Audit(f"{total}-is-sum-of-parts", f"{total} = {' + '.join(parts)}", holds)


def product_of_factors(total: str, factors: Sequence[str], name: str, relative: float = 1e-9) -> Audit:
    """Return the audit ``name`` that metric ``total`` is the product of the metrics ``factors``."""

    def holds(evaluation: Evaluation) -> np.ndarray:
        whole = evaluation.column(total)
        product = np.prod([evaluation.column(factor) for factor in factors], axis=0)
        return np.abs(product - whole) <= relative * np.abs(whole)

    return Audit(name, f"{' x '.join(factors)} = {total}", holds)


def at_most(metric: str, bound: float, law: str) -> Audit:
    """Return the audit that a metric never exceeds ``bound`` (a peak bandwidth, say)."""
    limit = bound * (1 + 1e-12)
    return Audit(f"{metric}-bounded", law, lambda evaluation: evaluation.column(metric) <= limit)
