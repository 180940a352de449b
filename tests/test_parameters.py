"""Parameters: the rule in words, the check of a value, and what is typed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.parameters import REQUIRED, Parameter, by_name, check_values

WIDTH = Parameter("width", "integer", 16, "Channels of the first level.", low=1, high=512)
WINDOW = Parameter("window", "number", None, "Size.", above=0, unit="mm", per_axis=True)
FILL = Parameter("fill", "number", 0.0, choices=("mean", "blur"))
SHARES = Parameter("fractions", "number", (0.7, 0.1, 0.2), low=0, high=1, many=True, label="Split")
METHOD = Parameter("method", "choice", "mean", choices=("mean", "median", "max"))
NAMES = Parameter("label_names", "text", (), many=True, placeholder="background, liver")
RATE = Parameter("lr", "number", 1e-3, above=0, below=10, log=True)
CASES = Parameter("n", "integer", REQUIRED, low=1)
FLAG = Parameter("relu", "flag", True)
PLACE = Parameter("images", "path", REQUIRED, private=True)


@pytest.mark.parametrize(
    ("parameter", "rule"),
    [
        (WIDTH, "a whole number, at least 1 and at most 512"),
        (WINDOW, "one number of mm, above 0, or one for each axis"),
        (FILL, "a number, or one of mean, blur"),
        (SHARES, "a list, each a number, at least 0 and at most 1"),
        (METHOD, "one of mean, median, max"),
        (RATE, "a number, above 0 and below 10"),
        (FLAG, "True or False"),
        (Parameter("sigma", "number", 1.0, unit="voxels"), "a number of voxels"),
        (PLACE, "a path"),
    ],
)
def test_the_rule_in_words(parameter: Parameter, rule: str) -> None:
    assert parameter.rule == rule


@pytest.mark.parametrize(
    ("parameter", "value", "kept"),
    [
        (WIDTH, 512, 512),
        (WIDTH, np.int64(3), 3),
        (WINDOW, None, None),
        (WINDOW, 3, 3),
        (WINDOW, (1.5, 2, 3), [1.5, 2, 3]),
        (WINDOW, np.array([1.5, 2.0]), [1.5, 2.0]),
        (FILL, "blur", "blur"),
        (FILL, np.float32(0.5), 0.5),
        (SHARES, [1, 0, 0], [1, 0, 0]),
        (METHOD, "max", "max"),
        (FLAG, np.bool_(False), False),
        (PLACE, Path("a") / "b", str(Path("a") / "b")),
        (NAMES, ("a", "b"), ["a", "b"]),
    ],
)
def test_what_is_allowed_comes_back_as_plain_data(parameter: Parameter, value: Any, kept: Any) -> None:
    found = parameter.check(value)
    assert found == kept
    assert type(found) is type(kept)
    json.dumps(found)


@pytest.mark.parametrize(
    ("parameter", "value", "message"),
    [
        (
            WIDTH,
            0,
            r"unet: width must be a whole number, at least 1 and at most 512, got 0\. The default is",
        ),
        (WIDTH, 513, "got 513"),
        (WIDTH, 2.5, "got 2.5"),
        (WIDTH, True, "got True"),
        (WIDTH, "16", "got '16'"),
        (WIDTH, None, "got None"),
        (WINDOW, 0, r"above 0, or one for each axis, got 0\. Leave it out, and it is decided for you"),
        (WINDOW, [1, -1], r"got \[1, -1\]"),
        (WINDOW, [], r"got \[\]"),
        (WINDOW, float("nan"), "got nan"),
        (FILL, "bluur", r"got 'bluur'\. Did you mean 'blur'"),
        (METHOD, "medan", r"one of mean, median, max, got 'medan'\. Did you mean 'median'"),
        (METHOD, 3, "got 3"),
        (SHARES, 0.5, "must be a list, each a number"),
        (SHARES, [0.5, "x"], r"got \[0\.5, 'x'\]"),
        (RATE, 10, "below 10, got 10"),
        (FLAG, 1, "True or False, got 1"),
        (FLAG, "yes", "got 'yes'"),
        (PLACE, 3, "a path, got 3"),
        (NAMES, "liver", "a list, each text, got 'liver'"),
    ],
)
def test_an_error_says_rule_value_and_remedy(parameter: Parameter, value: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parameter.check(value, "unet")


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (WIDTH, " 8 ", 8),
        (WIDTH, "8.0", 8),
        (WIDTH, "", None),
        (WINDOW, "8x16x32", [8, 16, 32]),
        (WINDOW, "1.5; 2", [1.5, 2]),
        (WINDOW, "4", 4),
        (FILL, "mean", "mean"),
        (FILL, "1e-3", 0.001),
        (SHARES, "0.7, 0.1, 0.2", [0.7, 0.1, 0.2]),
        (FLAG, False, False),
        (FLAG, "on", True),
        (NAMES, "background, liver", ["background", "liver"]),
        (METHOD, "max", "max"),
    ],
)
def test_what_is_typed_is_read(parameter: Parameter, text: Any, value: Any) -> None:
    assert parameter.read(text) == value


@pytest.mark.parametrize(
    ("parameter", "text", "message"),
    [
        (WIDTH, "-1", "Width must be a whole number, at least 1 and at most 512, got -1. The default is 16"),
        (WIDTH, "2.5", "got 2.5"),
        (WIDTH, "1e999", "got '1e999'"),
        (WINDOW, "1, much", "got '1, much'"),
        (SHARES, "2, 1", "Split must be"),
        (CASES, "", "N must be a whole number, at least 1, got nothing"),
        (METHOD, "mode", "got 'mode'"),
    ],
)
def test_what_is_typed_wrongly_is_told_with_the_name_of_the_field(
    parameter: Parameter, text: str, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        parameter.read(text)


def test_values_of_several_parameters_together() -> None:
    known = by_name(WIDTH, CASES, METHOD)
    assert check_values(known, {"n": 3, "method": "max"}, "A test") == {"width": 16, "n": 3, "method": "max"}
    with pytest.raises(InputError, match=r"A test got an unknown option 'widht'\. Did you mean 'width'"):
        check_values(known, {"n": 3, "widht": 4}, "A test")
    with pytest.raises(InputError, match="A test needs the option 'n': a whole number, at least 1"):
        check_values(known, {}, "A test")


def test_a_schema_is_json_and_says_all_that_a_form_needs() -> None:
    schema = WINDOW.schema()
    assert json.loads(json.dumps(schema)) == schema
    assert schema["label"] == "Window"
    assert schema["rule"] == "one number of mm, above 0, or one for each axis (separated by commas)"
    assert (schema["unit"], schema["default"], schema["several"], schema["required"]) == ("mm", None, True, False)
    assert CASES.schema()["required"]
    assert SHARES.schema()["default"] == [0.7, 0.1, 0.2]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (
            {"kind": "float", "default": 1.0},
            r"n: kind must be one of .*, got 'float'\. A float is a 'number'",
        ),
        (
            {"kind": "integer", "default": 0, "low": 1},
            r"The default: n must be a whole number, at least 1, got 0\. Give",
        ),
        ({"kind": "number", "default": 1.5, "below": 1}, r"The default: n must be a number, below 1, got 1\.5"),
    ],
)
def test_a_parameter_must_keep_its_own_rule(given: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        Parameter("n", **given)


def test_an_array_is_none_of_the_choices() -> None:
    with pytest.raises(InputError, match="fill must be a number, or one of mean, blur, got array"):
        FILL.check(np.zeros((2, 3)), "wb.fill()")
