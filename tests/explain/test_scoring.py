"""Several checks of several maps as one table."""

from pathlib import Path

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.explain import Check, Finding, Limits
from workbench.explain.scoring import CHECKS
from workbench.testing import toys
from workbench.volume import Volume

AFFINE = np.diag([0.7, -1.3, 1.0, 1.0])
QUICK = ["pointing-game", "energy"]


@pytest.fixture(scope="module")
def maps():
    model, volume = toys.cnn_model(2), toys.noise_volume((12, 10), AFFINE)
    return [wb.explain.explain(model, volume, method, 1) for method in ("saliency", "input-x-gradient")]


@pytest.fixture(scope="module")
def mask():
    data = np.zeros((12, 10), np.uint8)
    data[3:6, 2:8] = 1
    data[8:, 8:] = 2
    return Volume(data, AFFINE, kind="labels", labels={1: "heart", 2: "lung"})


def test_what_can_be_asked_is_asked_by_default(maps, mask):
    known = wb.explain.checks()
    model = wb.zoo.create("2d-unet", width=2, depth=2)
    why = wb.explain.explain(model, toys.noise_volume((9, 8), AFFINE), "saliency", 1)
    assert [one.check for one in wb.explain.score(why).found] == [
        one for one in known if not (one.needs_mask or one.needs_others)
    ]
    both = wb.explain.score(maps, mask, QUICK)
    assert [(row["map"], row["check"]) for row in both.rows] == [(one.title, name) for one in maps for name in QUICK]


def test_a_row_says_what_was_found(maps, mask):
    scores = wb.explain.score(maps, mask, {"energy": {}})
    for row, one in zip(scores.rows, scores.found, strict=True):
        inside = np.asarray(mask.data) > 0
        positive = np.clip(one.explanation.data, 0, None)
        assert row["value"] == pytest.approx(positive[inside].sum() / positive.sum(), rel=1e-6)
        assert row["verdict"] == one.finding.verdict
        assert row["what it means"] == one.finding.sentence
    assert scores.of("energy") == {row["map"]: row["value"] for row in scores.rows}
    assert scores.rows[0]["what it means"].replace("%", "%") in scores._repr_html_()


def test_the_mask_is_found_by_its_place(maps, mask):
    on_its_grid = wb.explain.score(maps, mask, QUICK)
    finer = mask.resample((0.35, 0.65)).reorient("RA")
    assert finer.shape != mask.shape
    elsewhere = wb.explain.score(maps, finer, QUICK)
    assert [row["value"] for row in elsewhere.rows] == pytest.approx(
        [row["value"] for row in on_its_grid.rows], abs=0.02
    )


def test_an_image_is_no_mask(maps, mask):
    image = mask.with_data(np.asarray(mask.data) * 0.37 - 2, kind="image", labels={})
    with pytest.raises(InputError, match=r"mask must hold whole numbers from 0 to 65535, got values from -2 to"):
        wb.explain.score(maps, image, QUICK)


@pytest.mark.parametrize("label", [2, "lung"])
def test_a_label_of_the_mask_is_meant(maps, mask, label):
    data = np.zeros(maps[0].shape, np.float32)
    data[9, 9] = 1
    (row,) = wb.explain.score(maps[0].with_data(data), mask, ["energy"], label=label).rows
    assert row["value"] == 1
    (row,) = wb.explain.score(maps[0].with_data(data), mask, ["energy"], label="heart").rows
    assert row["value"] == 0


def test_the_label_that_is_called_like_the_target_is_meant(mask):
    model = toys.segmentation_model(2)
    model.classes = ("background", "heart", "vessel")
    volume = toys.noise_volume((12, 10), AFFINE)
    for name, label in (("heart", 1), ("vessel", None)):
        why = wb.explain.explain(model, volume, "saliency", name)
        inside = np.asarray(mask.data) == label if label else np.asarray(mask.data) > 0
        positive = np.clip(why.data, 0, None)
        (row,) = wb.explain.score(why, mask, ["energy"]).rows
        assert row["value"] == pytest.approx(positive[inside].sum() / positive.sum(), rel=1e-5)


def test_a_map_that_was_read_from_a_file_is_compared_with_masks_alone(maps, mask, tmp_path):
    maps[0].save(tmp_path / "map.nii.gz")
    read = wb.explain.Explanation.load(tmp_path / "map.nii.gz")
    assert not read.knows_model
    names = {one.check.name for one in wb.explain.score(read, mask).found}
    assert names == {one.name for one in wb.explain.checks() if one.needs_mask}
    with pytest.raises(InputError, match=r"'deletion' runs the network.*replay\(model, volume\)"):
        wb.explain.score(read, mask, ["deletion"])
    with pytest.raises(StateError):
        _ = read.request


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"checks": ["pointing-gam"]}, "Did you mean 'pointing-game'"),
        ({"checks": "energy"}, "checks must be a list of names"),
        ({"checks": {"pointing-game": {"tolerance": -1}}}, "tolerance"),
        ({"checks": ["energy"], "mask": None}, "Give mask="),
        ({"label": "hart"}, "Did you mean 'heart'"),
        ({"label": 7}, "marks none of it"),
        ({"mask": 3}, "mask"),
        ({"maks": 3}, "Did you mean 'mask'|mask"),
    ],
)
def test_what_is_wrong_is_told(maps, mask, arguments, words):
    with pytest.raises((InputError, TypeError), match=words):
        wb.explain.score(maps, **{"mask": mask, "checks": ["energy"], **arguments})


def test_what_is_scored_is_of_one_input(maps):
    other = wb.explain.explain(toys.cnn_model(2), toys.noise_volume((12, 10), AFFINE, seed=5), "saliency", 1)
    with pytest.raises(InputError, match="of one input"):
        wb.explain.score([maps[0], other])
    for nothing in ([], "map", 3, [maps[0], 3]):
        with pytest.raises(InputError, match=r"an Explanation or a (list|Sequence)"):
            wb.explain.score(nothing)


def test_curves_are_drawn(maps, mask):
    scores = wb.explain.score(maps, mask, {"deletion": {"steps": 4}, "energy": {}, "insertion": {"steps": 4}})
    figure = scores.figure()
    assert [axes.get_title() for axes in figure.axes] == [CHECKS.get(name).title for name in ("deletion", "insertion")]
    assert [len(axes.lines) for axes in figure.axes] == [4, 4]
    first = scores.found[0].finding.curves["by the map"]
    assert figure.axes[0].lines[0].get_ydata() == pytest.approx(first.y)
    with pytest.raises(InputError, match="No check here has a curve"):
        wb.explain.score(maps, mask, QUICK).figure()


def test_a_check_of_ones_own_is_found(maps):
    class Peak(Check):
        name, title, summary, reference = "peak", "How high?", "the highest value", "none"

        def find(self, subject, options, work):
            return Finding(float(subject.values.max()), "open", "So high it is.")

    wb.explain.register_check(Peak)
    try:
        (row,) = wb.explain.score(maps[0], checks=["peak"]).rows
        assert row["value"] == pytest.approx(maps[0].data.max())
        assert "peak" in [one.name for one in wb.explain.checks()]
    finally:
        CHECKS.reset()


def test_the_limits_of_verdicts_are_those_of_the_docs():
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "score-over-a-data-set.md").read_text("utf-8")
    told = page.partition("<!-- limits -->\n")[2].partition("\n<!-- end")[0]
    assert told == wb.explain.checks().limits().to_markdown()


@pytest.mark.parametrize(
    ("rule", "verdicts"),
    [
        ("above", ["bad", "bad", "doubtful", "doubtful", "good"]),
        ("at least", ["bad", "doubtful", "doubtful", "good", "good"]),
    ],
)
def test_limits_say_on_which_side_they_are(rule, verdicts):
    limits = Limits(rule, 0.6, 0.3)
    assert [limits.verdict(value) for value in (0.1, 0.3, 0.4, 0.6, 0.7)] == verdicts
    assert limits.verdict(0.4, doubtful=0.5) == "bad"
    assert [Limits("below", 0.3, 0.6).verdict(value) for value in (0.2, 0.3, 0.6)] == ["good", "doubtful", "bad"]


def test_maps_are_called_by_their_names_in_a_mapping(maps, mask):
    named = wb.explain.score({"first": maps[0], "second": maps[1]}, mask=mask, checks=["energy"])
    plain = wb.explain.score(maps[:2], mask=mask, checks=["energy"])
    assert [row["map"] for row in named.rows] == ["first", "second"]
    assert [*named.of("energy")] == ["first", "second"]
    assert [row["value"] for row in named.rows] == [row["value"] for row in plain.rows]
    with pytest.raises(InputError, match="Names of maps that are scored must be text, got 3"):
        wb.explain.score({3: maps[0]})
    with pytest.raises(InputError, match="got an empty list"):
        wb.explain.score({})
