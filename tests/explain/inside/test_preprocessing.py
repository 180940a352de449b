"""How a score changes with the preprocessing."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.testing import toys

WINDOW = {"kind": "range", "low": 0.0, "high": 2.0, "out": [0, 1]}


@pytest.fixture(scope="module")
def volume():
    return toys.blob_volume((12, 14, 10), toys.OBLIQUE[:3] @ [5, 8, 4, 1], 3.0, toys.OBLIQUE)


@pytest.fixture
def model():
    preprocess = {"orientation": "RAS", "spacing": (1.1, 1.0, 1.6), "intensity": WINDOW}
    return wb.zoo.create("3d-unet", num_classes=3, width=4, depth=2, seed=1, preprocess=preprocess)


def test_each_parameter_is_changed_and_scored_anew(model, volume):
    before = model.preprocess
    table = wb.explain.sensitivity(model, volume, 1, change=0.2)
    assert model.preprocess == before
    assert {row["parameter"] for row in table.rows} == {
        "spacing i", "spacing j", "spacing k", "intensity low", "intensity high"
    }  # fmt: skip
    effects = table.column("effect")
    assert effects == sorted(effects, reverse=True)
    assert effects[0] > 0
    row = next(row for row in table.rows if row["parameter"] == "intensity high")
    assert (row["value"], row["smaller"], row["larger"]) == (2.0, pytest.approx(1.6), pytest.approx(2.4))
    other = wb.zoo.create(
        "3d-unet", num_classes=3, width=4, depth=2, seed=1, preprocess={**before, "intensity": {**WINDOW, "high": 2.4}}
    )
    why = wb.explain(other, volume, "saliency", table.target)
    assert row["score at larger"] == pytest.approx(why.score, rel=1e-4)
    assert table.score == pytest.approx(wb.explain(model, volume, "saliency", 1).score, rel=1e-5)
    spacing = next(row for row in table.rows if row["parameter"] == "spacing k")
    assert (spacing["smaller"], spacing["larger"]) == (pytest.approx(1.28), pytest.approx(1.92))


def test_where_nothing_is_said_the_volumes_own_spacing_is_changed(volume):
    model = wb.zoo.create(
        "3d-unet", num_classes=2, width=2, depth=2, seed=1, preprocess={"intensity": {"kind": "zscore"}}
    )
    table = wb.explain.sensitivity(model, volume, 1)
    assert sorted(table.column("parameter")) == ["spacing i", "spacing j", "spacing k"]
    values = {row["parameter"]: row["value"] for row in table.rows}
    assert [values[f"spacing {axis}"] for axis in "ijk"] == pytest.approx(volume.spacing)


def test_what_is_asked_for_alone_is_changed(model, volume):
    table = wb.explain.sensitivity(model, volume, 1, parameters=["intensity low"])
    assert table.column("parameter") == ["intensity low"]
    alone = wb.explain.sensitivity(model, volume, 1, parameters="intensity low")
    assert alone.column("parameter") == ["intensity low"]
    with pytest.raises(InputError, match="Did you mean 'intensity low'"):
        wb.explain.sensitivity(model, volume, 1, parameters=["intensty low"])
    with pytest.raises(InputError, match="change must be"):
        wb.explain.sensitivity(model, volume, 1, change=2)


def test_sizes_and_percentiles_stay_within_what_they_may_be():
    preprocess = {"size": (16, 16), "intensity": {"kind": "percentile", "low": 0.5, "high": 99.5}}
    model = wb.zoo.create("covid-resnet", in_channels=1, num_classes=3, variant="small", preprocess=preprocess)
    table = wb.explain.sensitivity(model, toys.noise_volume((24, 20), np.diag([0.7, -1.3, 1, 1])), 1)
    rows = {row["parameter"]: row for row in table.rows}
    assert set(rows) == {"size i", "size j", "intensity low", "intensity high"}
    assert rows["intensity low"]["smaller"] == 0
    assert rows["intensity high"]["larger"] == 100
    assert (rows["size i"]["smaller"], rows["size i"]["larger"]) == (14, 18)
