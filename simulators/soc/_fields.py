"""Reading of documents (JSON, YAML) whose fields are checked one by one, so that messages name file and field."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from simulators.errors import InvalidInputError, UnknownNameError


def read_document(path: Path) -> dict[str, Any]:
    """Return the mapping in a file, read as JSON if it is named so, else as YAML.

    Raises:
        InvalidInputError: a file that is not there, not text, not JSON or YAML, or no mapping with names as keys.
    """
    try:
        text = path.read_text(encoding="utf-8")
        is_json = path.suffix.lower() == ".json"
        content = json.loads(text, object_pairs_hook=_no_key_twice) if is_json else yaml.load(text, _Loader)
    except (OSError, TypeError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise InvalidInputError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, dict):
        raise InvalidInputError(f"{path}: expected named fields, got {_shown(content)}")
    return content


class Fields:
    """One mapping of a document: ``where`` says which, ``known`` are the names it may have.

    Raises:
        UnknownNameError: a field that is not among ``known``.
        InvalidInputError: something that is no mapping.
    """

    def __init__(self, content: object, where: str, known: Sequence[str]) -> None:
        if not isinstance(content, Mapping):
            raise InvalidInputError(f"{where}: expected fields {', '.join(known)}; got {_shown(content)}")
        for name in content:
            if name not in known:
                raise UnknownNameError(f"field of {where}:", name, known)
        self.content, self.where = content, where

    def __contains__(self, name: str) -> bool:
        return self.content.get(name) is not None

    @contextmanager
    def named(self) -> Iterator[None]:
        """Begin the message of an error inside with ``where``, unless it says the file already."""
        try:
            yield
        except InvalidInputError as error:
            if self.where.partition(", ")[0] not in str(error):
                error.args = (f"{self.where}: {error}", *error.args[1:])
            raise

    def text(self, name: str, default: str | None = None) -> str:
        """Return a text; ``default`` where it is missing."""
        value = self._get(name, default)
        if not isinstance(value, str):
            raise self.refusal(name, value, "a text")
        return value

    def number(self, name: str, default: float | None = None) -> float:
        """Return a number."""
        value = self._get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.refusal(name, value, "a number")
        try:
            return float(value)
        except OverflowError:
            raise self.refusal(name, value, "a number below 1e308") from None

    def integer(self, name: str, default: int | None = None) -> int:
        """Return a number without a fraction."""
        value = self.number(name, default)
        if value != value // 1:
            raise self.refusal(name, value, "a whole number")
        return int(value)

    def flag(self, name: str, default: bool | None = None) -> bool:
        """Return true or false."""
        value = self._get(name, default)
        if not isinstance(value, bool):
            raise self.refusal(name, value, "true or false")
        return value

    def part(self, name: str, known: Sequence[str]) -> Fields | None:
        """Return the mapping in a field; None where it is missing."""
        return Fields(self.content[name], f"{self.where}, {name}", known) if name in self else None

    def items(self, name: str, known: Sequence[str]) -> list[Fields]:
        """Return the mappings of a list."""
        return [Fields(v, f"{self.where}, {name}[{i}]", known) for i, v in enumerate(self.sequence(name))]

    def sequence(self, name: str) -> Sequence[Any]:
        """Return a list."""
        value = self._get(name, None)
        if not isinstance(value, list | tuple):
            raise self.refusal(name, value, "a list")
        return value

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Return names with something for each."""
        value = self._get(name, None)
        if not isinstance(value, Mapping):
            raise self.refusal(name, value, "names with a value each")
        return {str(key): content for key, content in value.items()}

    def refusal(self, name: str, value: object, expected: str) -> InvalidInputError:
        """Return the error for a field that is not what was expected."""
        return InvalidInputError(f"{self.where}: {name} cannot be {_shown(value)}; expected {expected}")

    def _get(self, name: str, default: object) -> Any:
        if name in self:
            return self.content[name]
        if default is None:
            raise InvalidInputError(f"{self.where}: {name} is missing")
        return default


class _Loader(yaml.SafeLoader):
    """SafeLoader that refuses a key given twice."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    return _no_key_twice([(loader.construct_object(k, True), loader.construct_object(v, True)) for k, v in node.value])


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def _no_key_twice(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    found = dict[Any, Any]()
    for key, value in pairs:
        if key in found:
            raise InvalidInputError(f"{key!r} is given twice")
        found[key] = value
    return found


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
