"""Cost models and design spaces. Knows nothing of gym, agents or runs."""

from simulators.audits import Audit, at_most, run_audits, sum_of_parts
from simulators.errors import (
    ArchgymError,
    AuditError,
    InvalidInputError,
    MissingExtraError,
    SamplingError,
    TraceFormatError,
    UnknownNameError,
    nearest,
)
from simulators.evaluation import Evaluation
from simulators.metrics import Direction, Metric
from simulators.parameters import Parameter, Value
from simulators.problem import Problem
from simulators.simulator import Input, Simulator
from simulators.spaces import Columns, Constraint, DesignSpace, InactiveRule

__all__ = [
    "ArchgymError",
    "Audit",
    "AuditError",
    "Columns",
    "Constraint",
    "DesignSpace",
    "Direction",
    "Evaluation",
    "InactiveRule",
    "Input",
    "InvalidInputError",
    "Metric",
    "MissingExtraError",
    "Parameter",
    "Problem",
    "SamplingError",
    "Simulator",
    "TraceFormatError",
    "UnknownNameError",
    "Value",
    "at_most",
    "nearest",
    "run_audits",
    "sum_of_parts",
]
