from __future__ import annotations

import numpy as np
import pytest

from simulators import InvalidInputError, Parameter


def test_numbers_are_ordered_and_text_is_not() -> None:
    assert Parameter("size", [1, 2, 4]).ordered
    assert not Parameter("policy", ["Open", "Closed"]).ordered
    assert not Parameter("flag", [False, True]).ordered


def test_default_is_the_first_value_unless_named() -> None:
    assert Parameter("size", [1, 2, 4]).default == 1
    assert Parameter("size", [1, 2, 4], default=4).default_index == 2


def test_arrays_are_typed_and_read_only() -> None:
    parameter = Parameter("size", [1, 2, 4])
    assert parameter.array.dtype == np.int64
    with pytest.raises(ValueError, match="read-only"):
        parameter.array[0] = 7


def test_text_that_spells_a_value_is_understood() -> None:
    assert Parameter("size", [1, 2, 4]).index("4") == 2
    assert Parameter("flag", [False, True]).index("true") == 1
    assert Parameter("ratio", [0.5, 1.5]).index(np.float64(1.5)) == 1


def test_unknown_value_names_parameter_nearest_and_values() -> None:
    with pytest.raises(InvalidInputError, match=r"'policy' cannot be 'Opened'; did you mean 'Open'\?.*'Closed'"):
        Parameter("policy", ["Open", "Closed"]).index("Opened")
    with pytest.raises(InvalidInputError, match=r"'policy' cannot be 'xyz'\. Expected one of 'Open', 'Closed'\.$"):
        Parameter("policy", ["Open", "Closed"]).index("xyz")


@pytest.mark.parametrize(
    ("values", "message"),
    [([], "no values"), ([1, 1], "repeats"), ([1, "one"], "mixes"), ([True, 2], "mixes"), ([None], "mixes")],
)
def test_bad_value_lists_are_refused(values: list[object], message: str) -> None:
    with pytest.raises(InvalidInputError, match=message):
        Parameter("p", values)  # type: ignore[arg-type]


def test_default_must_be_a_value() -> None:
    with pytest.raises(InvalidInputError, match="cannot be 3"):
        Parameter("p", [1, 2], default=3)


def test_name_must_be_an_identifier() -> None:
    with pytest.raises(InvalidInputError, match="identifier"):
        Parameter("page policy", ["Open"])
