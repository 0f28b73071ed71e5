"""What is wrong with an experiment config: every problem with the dotted path of its field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from simulators import InvalidInputError, nearest

Path = tuple[str | int, ...]
"""Where a field is: ``("problems", 0, "environment")``, written ``problems.0.environment``."""


@dataclass(frozen=True)
class Complaint:
    """One thing that is wrong: the dotted ``path`` of the field ("" for the whole file) and why."""

    path: str
    message: str

    def __str__(self) -> str:
        return f"{self.path}: {self.message}" if self.path else self.message


class ConfigError(InvalidInputError):
    """An experiment config that cannot be run; ``complaints`` lists everything found wrong with it.

    Args:
        complaints: at least one.
        source: the file or place the config came from, for the message.
    """

    def __init__(self, complaints: Sequence[Complaint], source: str = "config") -> None:
        self.complaints, self.source = tuple(complaints), source
        if len(self.complaints) == 1:
            message = f"{source}: {self.complaints[0]}"
        else:
            lines = "\n".join(f"  - {complaint}" for complaint in self.complaints)
            message = f"{source} has {len(self.complaints)} problems:\n{lines}"
        super().__init__(message)


def dotted(path: Path) -> str:
    """Return ``path`` as users write it after ``--set``."""
    return ".".join(str(part) for part in path)


def complain(path: Path, error: Exception | str) -> Complaint:
    """Return the complaint that the field at ``path`` is wrong for the reason given."""
    return Complaint(dotted(path), str(error))


def unknown_name(kind: str, name: object, known: Iterable[str]) -> str:
    """Return ``unknown field 'x'; did you mean 'y'? Known: ...`` for a word nothing answers to."""
    options = list(known)
    close = nearest(str(name), options)
    hint = f"; did you mean {close!r}?" if close is not None else "."
    return f"unknown {kind} {str(name)!r}{hint} Known: {', '.join(options)}."


def shown(value: object, most: int = 60) -> str:
    """Return ``value`` and its YAML type for a message, shortened."""
    kinds = {str: "text", bool: "true/false", int: "an integer", float: "a number", list: "a list", dict: "a mapping"}
    kind = kinds.get(type(value), type(value).__name__)
    text = repr(value)
    text = text if len(text) <= most else text[: most - 3] + "..."
    return "nothing (null)" if value is None else f"{text} ({kind})"


_EXPECTED = {
    "string_type": "text",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "int_parsing": "an integer",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping (name: value)",
    "model_type": "a mapping (name: value)",
    "model_attributes_type": "a mapping (name: value)",
    "list_type": "a list",
    "finite_number": "a finite number",
}
_BOUNDS = {
    "greater_than_equal": ("ge", "at least"),
    "greater_than": ("gt", "greater than"),
    "less_than_equal": ("le", "at most"),
    "less_than": ("lt", "less than"),
}


def message_for(error: ErrorDetails, model: type[BaseModel] | None = None) -> str:
    """Return what pydantic found, in the words of this project: expected, got, nearest word.

    Args:
        error: one entry of ``ValidationError.errors()``.
        model: the model that holds the field, to suggest names for an unknown one.
    """
    kind, got = error["type"], error.get("input")
    context: Mapping[str, Any] = error.get("ctx", {})
    if kind == "extra_forbidden":
        return unknown_name("field", error["loc"][-1], model.model_fields if model else ())
    if kind == "missing":
        return "is required but missing"
    if kind in _EXPECTED:
        return f"expected {_EXPECTED[kind]}, got {shown(got)}"
    if kind in _BOUNDS:
        key, words = _BOUNDS[kind]
        return f"expected a number of {words} {context[key]}, got {shown(got)}"
    if kind == "too_short":
        return f"expected at least {context['min_length']} entry, got an empty list"
    if kind == "literal_error":
        return _choice_message(str(context["expected"]), got)
    if kind == "value_error":
        return str(context["error"])
    return f"{error['msg']}, got {shown(got)}"


def _choice_message(expected: str, got: object) -> str:
    options = [word.strip(" '") for word in expected.replace(" or ", ", ").split(",")]
    close = nearest(str(got), options)
    hint = f"; did you mean {close!r}?" if close is not None else ""
    return f"expected one of {', '.join(options)}, got {shown(got)}{hint}"
