"""What each occluder does, against networks run by hand."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.testing import toys

AFFINE = np.array([[0, -1.3, 0, 4], [0.7, 0, 0, -2], [0, 0, 1, 3], [0, 0, 0, 1]], float)


def hidden(model, volume, window):
    array = model.prepare(volume).batch.copy()
    array[(0, slice(None), *window)] = 0
    return np.asarray(model.forward(array))[0]


def test_each_occluder_is_what_the_network_says_with_it_hidden():
    model, volume = toys.cnn_model(2), toys.noise_volume((9, 8), AFFINE, seed=1)
    why = wb.explain(model, volume, "occlusion", 1, window=4, stride=4, baseline="zero")
    found = wb.explain.occluders(why)
    assert len(found.rows) == 3 * 2
    assert found.score == pytest.approx(why.score)
    total, covered = np.zeros(volume.shape), np.zeros(volume.shape)
    for row, window in zip(found.rows, found.windows, strict=True):
        logits = hidden(model, volume, window)
        assert row["score"] == pytest.approx(float(logits[1]), abs=1e-5)
        assert row["drop"] == pytest.approx(why.score - float(logits[1]), abs=1e-5)
        chances = np.exp(logits - logits.max())
        assert row[f"P({model.classes[2]})"] == pytest.approx(float(chances[2] / chances.sum()), abs=1e-5)
        centre = [(one.start + one.stop - 1) / 2 for one in window]
        assert (row["x mm"], row["y mm"], row["z mm"]) == pytest.approx(tuple(volume.to_world(centre)), abs=0.01)
        total[window] += row["drop"]
        covered[window] += 1
    assert np.allclose(total / covered, why.data, atol=1e-5), "the map is the mean of these"
    assert [row["occluder"] for row in found.rows] == list(range(1, 7))
    assert np.all(np.diff([row["drop"] for row in found.rows]) <= 0)


def test_a_mask_lies_where_the_occluder_did():
    model, volume = toys.cnn_model(2), toys.noise_volume((9, 8), AFFINE, seed=1)
    found = wb.explain.occluders(wb.explain(model, volume, "occlusion", 1, window=4, stride=4))
    mask = found.mask(2)
    assert mask.same_grid(volume)
    assert np.array_equal(np.argwhere(mask.data == 1).min(axis=0), [one.start for one in found.windows[2]])
    assert int((mask.data == 1).sum()) == np.prod([one.stop - one.start for one in found.windows[2]])
    with pytest.raises(InputError, match="row must be 0 to 5, got 6"):
        found.mask(6)


@pytest.mark.parametrize("spacing", [None, (1.0, 1.5, 1.3)])
def test_a_mask_lies_on_the_volumes_grid_where_a_box_of_it_was_explained(spacing):
    model, volume = wb.zoo.create("3d-unet", num_classes=3, width=2, depth=2), toys.noise_volume((30, 34, 28))
    model.preprocess = {
        "orientation": "RAS",
        "intensity": {"kind": "zscore"},
        **({"spacing": spacing} if spacing else {}),
    }
    target = wb.explain.Voxel((15, 17, 14), 1)
    why = wb.explain(model, volume, "occlusion", target, field="parts", window=8, stride=8, baseline=0)
    assert why.field.kind == "box"
    found = wb.explain.occluders(why)
    centres = np.array([[row["x mm"], row["y mm"], row["z mm"]] for row in found.rows])
    union = np.zeros(volume.shape)
    for row, centre in enumerate(centres):
        mask = found.mask(row)
        assert mask.same_grid(volume)
        union += mask.data
        middle = volume.to_world(np.argwhere(mask.data)).mean(axis=0)
        assert np.abs(middle - centre).max() <= max(volume.spacing), "in its place, to the nearest voxel"
    assert union.max() == 1
    assert union[15, 17, 14] == 1


def test_of_a_segmentation_the_explained_score_alone_is_told():
    model, volume = toys.segmentation_model(3), toys.noise_volume((6, 7, 5), seed=2)
    found = wb.explain.occluders(wb.explain(model, volume, "occlusion", 1, window=4, stride=4))
    assert found.columns == ("occluder", "x mm", "y mm", "z mm", "score", "drop")


def test_other_maps_have_no_occluders(tmp_path):
    model, volume = toys.cnn_model(2), toys.noise_volume((9, 8), seed=1)
    with pytest.raises(InputError, match="must be a map by occlusion, got one of 'saliency'"):
        wb.explain.occluders(wb.explain(model, volume, "saliency", 1))
    saved = wb.explain(model, volume, "occlusion", 1, window=4).save(tmp_path / "why.npz")
    with pytest.raises(StateError, match="does not know its model"):
        wb.explain.occluders(wb.explain.Explanation.load(saved))
