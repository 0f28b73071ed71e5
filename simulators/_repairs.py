"""Which of a reference's defects a simulator repairs: names, one text of names, or all or none of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from simulators.errors import InvalidInputError, UnknownNameError


def repairs_in_force(
    simulator: str, reference: str, known: Iterable[str], mode: str, repairs: str | Sequence[str] | None
) -> tuple[str, ...]:
    """Return the repairs in force, in the order of ``known``.

    Args:
        simulator: what messages call it.
        reference: the mode that repairs nothing; the other is ``default``.
        known: all repairs.
        mode: one of the two.
        repairs: names, a comma-separated text of names, or the word ``all`` or ``none``; None for all in mode
            ``default`` and none in the other.

    Raises:
        UnknownNameError: a mode or repair that does not exist.
        InvalidInputError: repairs in mode ``reference``, or what are no names.
    """
    modes, table = ("default", reference), tuple(known)
    if mode not in modes:
        raise UnknownNameError(f"mode of the {simulator}", mode, modes)
    if repairs is None:
        return table if mode == "default" else ()
    names = _names(repairs, table)
    for name in names:
        if name not in table:
            raise UnknownNameError(f"repair of the {simulator}", name, table)
    if names and mode == reference:
        raise InvalidInputError(f"mode {reference!r} repairs nothing; choose repairs with mode 'default'")
    return tuple(name for name in table if name in names)


def _names(repairs: str | Sequence[str], table: tuple[str, ...]) -> tuple[str, ...]:
    if isinstance(repairs, str):
        words = {"all": table, "none": ()}
        return words.get(repairs.strip(), tuple(name.strip() for name in repairs.split(",") if name.strip()))
    if isinstance(repairs, Sequence) and all(isinstance(name, str) for name in repairs):
        return tuple(name for name in repairs if name)
    raise InvalidInputError(f"repairs are names, or one comma-separated text of names, got {repairs!r}")
