"""What networks return, unpacked."""

from __future__ import annotations

import dataclasses
from typing import NamedTuple

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.frameworks.outputs import named

A, B = np.zeros((2, 3)), np.ones((2, 4, 5))


class Pair(NamedTuple):
    seg: np.ndarray
    cls: np.ndarray


@dataclasses.dataclass
class Held:
    logits: np.ndarray
    loss: np.ndarray | None = None


def test_one_tensor_stays_one():
    assert named(A, np.ndarray) is A
    assert named((A,), np.ndarray) is A
    assert named([[A], None, 3, np.float32(2)], np.ndarray) is A


def test_names_of_the_network_are_kept():
    given = {"logits": A, "features": B}
    assert named(given, np.ndarray) is given, "what has names already is not copied"
    assert [*named(Pair(B, A), np.ndarray)] == ["seg", "cls"]
    assert [*named(Held(A, np.array(0.3)), np.ndarray)] == ["logits"], "a loss has no axis of samples"
    assert [*named({"out": A, "aux": None}, np.ndarray)] == ["out"]


def test_places_stand_for_names():
    found = named((A, B), np.ndarray)
    assert [*found] == ["output 0", "output 1"]
    assert found["output 1"] is B


def test_what_is_packed_deeper_is_called_by_the_way_to_it():
    assert [*named({"seg": [A, B], "cls": A}, np.ndarray)] == ["seg.output 0", "seg.output 1", "cls"]
    assert [*named({"seg": [B], "cls": A}, np.ndarray)] == ["seg", "cls"]


@pytest.mark.parametrize("given", [None, "x", {}, (), {"loss": np.array(1.0)}, object()])
def test_nothing_to_explain_is_refused(given):
    with pytest.raises(InputError, match="what it returns must be tensors of samples, or hold some, got"):
        named(given, np.ndarray)
