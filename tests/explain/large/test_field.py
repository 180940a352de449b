from __future__ import annotations

import math

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError, StateError
from workbench.explain import Class, Count, Explanation, Margin, Output, Region, Voxel
from workbench.explain.large.field import Field
from workbench.testing import toys
from workbench.testing.marks import needs_mindspore
from workbench.volume import Volume

SHAPE = (34, 30, 32)
#: The place of the target in it: in the middle, and at two edges.
PLACES = {"middle": (17, 15, 16), "corner": (1, 28, 16)}


@pytest.fixture(params=["torch", pytest.param("mindspore", marks=needs_mindspore)])
def framework(request):
    return request.param


def unet(framework="torch", **options):
    spec = {"orientation": "RAS", "intensity": {"kind": "zscore"}}
    config = {"width": 2, "depth": 2, **options}
    return wb.zoo.create("3d-unet", framework, num_classes=3, preprocess=spec, **config)


def labels(place, volume, size=2):
    data = np.zeros(volume.shape, np.uint8)
    data[tuple(slice(max(0, i - size), i + size) for i in place)] = 1
    return Volume(data, volume.affine, kind="labels")


@pytest.fixture(scope="module")
def volume():
    return toys.noise_volume(SHAPE, toys.OBLIQUE)


def both(model, volume, method, target, **options):
    """Return the map of the box and that of the whole."""
    return [wb.explain(model, volume, method, target, field=field, **options) for field in ("parts", "whole")]


def apart(box, whole, rounding=0.0):
    """Return how far two maps differ beyond what differences of scores are rounded to, as a share of the largest."""
    return max(0.0, np.abs(box - whole).max() - rounding) / np.abs(whole).max()


def within(model, volume, start, stop):
    """Return which voxels of a volume lie in a box of the network's grid."""
    marked = np.zeros(model.prepare(volume).spatial_shape, np.uint8)
    marked[tuple(map(slice, start, stop))] = 1
    return model.prepare(volume).restore(marked, kind="labels", order=0).data > 0


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("method", "options"),
    [
        ("saliency", {}), ("input-x-gradient", {}), ("integrated-gradients", {"points": 3, "baseline": 0}),
        ("occlusion", {"window": 7, "stride": 6, "baseline": 0}), ("occlusion", {"window_mm": 9.0, "baseline": 0}),
            ("hires-cam", {"relu": False}),
        ("layer-cam", {"layer": "encoders.1"}),
    ],
)  # fmt: skip
def test_the_map_of_the_box_is_that_of_the_whole(framework, method, options, place, volume):
    model = unet(framework)
    box, whole = both(model, volume, method, Region(labels(PLACES[place], volume), 1), **options)
    assert box.field.kind == "box"
    assert box.field.exact
    assert math.prod(box.field.shape) < math.prod(box.field.of)
    assert whole.field.kind == "whole"
    assert box.score == pytest.approx(whole.score, abs=1e-5)
    inside = within(model, volume, box.field.start, box.field.stop)
    rounding = 4e-7 * abs(whole.score) if method == "occlusion" else 0
    assert apart(box.data[inside], whole.data[inside], rounding) <= 1e-4
    assert not box.data[~inside].any()
    if method != "occlusion":  # whose windows reach beyond the box, and give their value to all of them
        assert apart(box.data, whole.data) <= 1e-4
    assert np.array_equal(box.affine, volume.affine)


@pytest.mark.parametrize("method", ["grad-cam", "ablation-cam"])
@pytest.mark.parametrize("layer", ["decoders.0", "encoders.1"])
def test_a_layers_map_is_that_of_the_whole_where_the_layer_sees_all(framework, method, layer, volume):
    box, whole = both(unet(framework), volume, method, Region(labels((17, 15, 16), volume), 1), layer=layer, relu=False)
    kept = within(unet(framework), volume, *box.field.inner)
    assert kept.any()
    rounding = 4e-7 * abs(whole.score) if method == "ablation-cam" else 0  # whose weights are differences of scores
    assert apart(box.data[kept], whole.data[kept], rounding) <= 1e-4
    assert not box.data[~kept].any(), "elsewhere it is not known"
    if not kept.all():
        assert "the map of the whole has values beyond it" in " ".join(box.notes)


def test_a_voxel_with_and_without_a_label(volume):
    model = unet()
    for target in (Voxel((17, 15, 16)), Voxel((33, 0, 31), 2), Output("logits", 1, (5, 5, 5))):
        box, whole = both(model, volume, "saliency", target)
        assert box.field.kind == "box"
        assert box.target.describe() == whole.target.describe()
        assert apart(box.data, whole.data) <= 1e-4


def test_where_the_grid_of_the_network_is_another(volume):
    spec = {"orientation": "LPS", "spacing": (1.0, 1.5, 1.3), "intensity": {"kind": "zscore"}}
    model = unet()
    model.preprocess = spec
    box, whole = both(model, volume, "saliency", Region(labels((17, 15, 16), volume, 3), 1))
    assert box.field.kind == "box"
    assert apart(box.data, whole.data) <= 1e-4


def test_a_picture():
    model = wb.zoo.create("2d-unet", num_classes=2, width=2, depth=2)
    picture = toys.noise_volume((70, 61))
    box, whole = both(model, picture, "saliency", Voxel((30, 31), 1))
    assert box.field.kind == "box"
    assert apart(box.data, whole.data) <= 1e-4


@pytest.mark.parametrize("method", ["saliency", "occlusion", "integrated-gradients"])
def test_a_box_that_is_too_large_is_given_in_pieces(method, volume, monkeypatch, framework):
    monkeypatch.setattr("workbench.explain.large.field.most_voxels", lambda *_: 10_000)
    monkeypatch.setattr("workbench.explain.large.pieces.most_voxels", lambda *_: 10_000)
    options = {
        "saliency": {},
        "occlusion": {"baseline": 0, "window": 16},
        "integrated-gradients": {"points": 2, "baseline": 0},
    }[method]
    seen = []
    region = Region(labels((17, 15, 16), volume, 5), 1)
    model = unet(framework)
    box = wb.explain(model, volume, method, region, field="parts", progress=seen.append, **options)
    assert box.field.parts > 1
    assert box.field.exact
    assert seen == sorted(seen)
    assert len(seen) > box.field.parts, "progress is told piece by piece"
    whole = wb.explain(model, volume, method, region, field="whole", **options)
    assert box.score == pytest.approx(whole.score, abs=1e-5)
    inside = within(model, volume, box.field.start, box.field.stop)
    assert apart(box.data[inside], whole.data[inside], 1e-6 * abs(whole.score)) <= 1e-4


@pytest.mark.parametrize(("method", "most"), [("saliency", 1 << 40), ("occlusion", 1 << 40), ("saliency", 20_000)])
def test_a_piece_that_does_not_fit_into_memory_is_given_in_smaller_ones(method, most, volume, monkeypatch, framework):
    options = {"baseline": 0, "window": 16, "batch_size": 2} if method == "occlusion" else {}
    region = Region(labels((17, 15, 16), volume, 5), 1)
    model = unet(framework)
    wanted = wb.explain(model, volume, method, region, field="whole", **options)
    for name in ("field", "pieces"):
        monkeypatch.setattr(f"workbench.explain.large.{name}.most_voxels", lambda *_: most)
    before = wb.explain(model, volume, method, region, field="parts", **options)
    given = room_for(12_000, model, monkeypatch)
    found = wb.explain(model, volume, method, region, field="parts", **options)
    assert max(given) > 12_000
    assert sum(voxels > 12_000 for voxels in given) <= 16, "it is not tried again and again"
    assert found.field.parts > before.field.parts
    assert found.score == pytest.approx(wanted.score, abs=1e-5)
    inside = within(model, volume, found.field.start, found.field.stop)
    assert apart(found.data[inside], wanted.data[inside], 1e-6 * abs(wanted.score)) <= 1e-4


def test_what_cannot_be_given_in_smaller_pieces_says_what_to_do(volume, monkeypatch):
    model = unet()
    room_for(100, model, monkeypatch)
    for target in (Region(labels((17, 15, 16), volume, 5), 1), Voxel((17, 15, 16), 1)):
        with pytest.raises(StateError, match=r"a part of .* voxels does not fit"):
            wb.explain(model, volume, "saliency", target, field="parts")


def room_for(voxels, model, monkeypatch):
    """Let a device have room for so many voxels at once; returns the list of how many it is given."""
    given = []
    from workbench.explain.large.receptive import receptive_field

    receptive_field(model)  # measured before
    for name in ("forward", "scores", "input_gradient"):
        call = getattr(type(model.framework), name)

        def limited(self, module, x, *more, call=call):
            given.append(math.prod(x.shape))
            if given[-1] > voxels:
                raise MemoryError
            return call(self, module, x, *more)

        monkeypatch.setattr(type(model.framework), name, limited)
    return given


@pytest.mark.parametrize("norm", ["instance", "group"])
def test_a_norm_over_the_volume_is_said_with_the_size_of_its_effect(norm, volume):
    model = unet(norm=norm)
    box, whole = both(model, volume, "saliency", Region(labels((17, 15, 16), volume), 1))
    assert box.field.kind == "box"
    assert not box.field.exact
    assert box.field.effect > 1e-3
    assert f"{box.field.effect:.2g} of its largest value" in " ".join(box.notes)
    assert "look at everything" in " ".join(box.notes)
    # what is said is of the size of what is so
    assert apart(box.data, whole.data) == pytest.approx(box.field.effect, rel=0.7)


def windowed(monkeypatch, model, size=20):
    monkeypatch.setattr("workbench.zoo.answering._WHOLE_IMAGE_VOXELS", 1000)
    model.patch_size = (size,) * 3


def blended_gradient(model, volume, weights):
    """Return the gradient of a weighted sum of the outputs that `predict` blends, window by window, done by hand."""
    prepared = model.prepare(volume)
    windows = model.tiling(prepared)
    starts = windows.over()
    norm = np.zeros(prepared.spatial_shape)
    places = [tuple(slice(a, a + n) for a, n in zip(start, windows.size, strict=True)) for start in starts]
    for place in places:
        norm[place] += windows._weights
    total = np.zeros(prepared.spatial_shape)
    for place in places:
        share = (windows._weights / norm[place]).astype(np.float32)
        score = wb.frameworks.LinearScore(np.ascontiguousarray(weights[(slice(None), *place)] * share))
        image = np.ascontiguousarray(prepared.batch[(slice(None), slice(None), *place)])
        total[place] += model.framework.input_gradient(model.module, image, score)[1][0, 0]
    return prepared.restore(total.astype(np.float32), order=1).data


def test_a_class_is_explained_by_the_windows_of_predict(framework, volume, monkeypatch):
    model = unet(framework, width=4)
    windowed(monkeypatch, model)
    predicted = model.answer(model.prepare(volume))
    prepared = model.prepare(volume)
    on_grid = prepared.grid.grid
    label = int(np.bincount(np.asarray(predicted.data).ravel()).argmax())
    why = wb.explain(model, volume, "saliency", Class(label), absolute=False)
    assert why.field.kind == "windows"
    assert why.field.parts <= len(model.tiling(prepared))
    assert "window by window" in " ".join(why.notes)
    mask = np.asarray(predicted.resample_like(prepared.grid, order=0).data) == label
    assert mask.shape == on_grid.shape
    weights = np.zeros((3, *mask.shape), np.float32)
    weights[label] = mask / mask.sum()
    assert apart(why.data, blended_gradient(model, volume, weights)) <= 1e-4


def test_what_is_predicted_is_explained_where_nothing_is_asked(volume, monkeypatch):
    model = unet()
    small = wb.explain(model, volume, "saliency")
    windowed(monkeypatch, model)
    why = wb.explain(model, volume, "saliency")
    assert why.field.kind == "windows"
    assert isinstance(small.target, Class)
    assert isinstance(why.target, Class)
    margin = wb.explain(model, volume, "saliency", Margin(1, 2), absolute=False)
    one, other = (wb.explain(model, volume, "occlusion", Class(n), window=20).score for n in (1, 2))
    assert margin.field.kind == "windows"
    assert np.isfinite([one, other, margin.score]).all()


def test_windows_add_up_to_what_occlusion_takes_away(volume, monkeypatch):
    model = unet(width=4)
    windowed(monkeypatch, model)
    why = wb.explain(model, volume, "occlusion", Class(1), window=(22, 18, 20), stride=(22, 18, 20), baseline=0)
    again = why.replay()
    assert why.field.kind == "windows"
    assert np.array_equal(again.data, why.data)
    assert np.ptp(why.data) > 0


@pytest.mark.parametrize("method", ["grad-cam", "layer-cam", "guided-backprop"])
def test_methods_that_look_inside_are_run_window_by_window(method, volume, monkeypatch):
    model = unet(width=4)
    windowed(monkeypatch, model)
    seen = []
    options = {} if method == "guided-backprop" else {"relu": False}
    why = wb.explain(model, volume, method, Class(1), progress=seen.append, **options)
    assert why.field.kind == "windows"
    assert np.isfinite(why.data).all()
    assert np.ptp(why.data) > 0
    assert seen == sorted(seen)
    assert len(seen) >= why.field.parts
    assert why.native_spacing == pytest.approx(wb.explain(model, volume, method, 1, field="whole").native_spacing)


def test_a_method_that_has_to_see_all_says_so(volume, monkeypatch):
    model = unet(width=4)
    windowed(monkeypatch, model)
    with pytest.raises(InputError, match=r"'eigen-cam' must be given the whole input.*Volume\.crop.*field='whole'"):
        wb.explain(model, volume, "eigen-cam", 1)


def test_what_has_no_place_in_windows_says_what_to_take(volume, monkeypatch):
    model = unet(width=4)
    windowed(monkeypatch, model)
    whole = Count(1)
    with pytest.raises(InputError, match=r"must be explained by Class, Margin, Region, Voxel or an Output"):
        wb.explain(model, volume, "saliency", whole)


def test_an_output_is_explained_by_the_windows_of_predict(framework, volume, monkeypatch):
    model = unet(framework, width=4)
    windowed(monkeypatch, model)
    everywhere = wb.explain(model, volume, "saliency", Output("logits", 2), absolute=False)
    assert everywhere.field.kind == "windows"
    weights = np.zeros((3, *model.prepare(volume).spatial_shape), np.float32)
    weights[2] = 1 / weights[2].size
    assert apart(everywhere.data, blended_gradient(model, volume, weights)) <= 1e-4
    masked = Output("logits", 2, where=labels((17, 15, 16), volume, 5))
    options = {"relu": False, "layer": "head"}
    # one window covers the mask and is the image: what is put together from it is the whole
    model.patch_size = SHAPE
    monkeypatch.setattr("workbench.explain.large.field.split", lambda place, *_: [place, place])
    one, whole = both(model, volume, "hires-cam", masked, **options)
    assert one.field.kind == "windows"
    assert one.score == pytest.approx(whole.score, abs=1e-5)
    assert apart(one.data, whole.data) <= 1e-4
    # and a mask in several of them
    model.patch_size = (20,) * 3
    several = wb.explain(model, volume, "saliency", masked, field="parts", absolute=False)
    assert several.field.kind == "box", "what depends on a box is explained there"


def test_the_rule_of_what_the_network_is_given(volume, monkeypatch):
    model = unet()
    region = Region(labels((17, 15, 16), volume), 1)
    kind = lambda method, target: wb.explain(model, volume, method, target).field.kind  # noqa: E731
    assert kind("saliency", region) == "whole", "so small a volume takes no time"
    monkeypatch.setattr("workbench.explain.large.field._SMALL_VOXELS", 1000)
    assert kind("saliency", region) == "box"
    assert kind("saliency", 1) == "whole", "as predict does"
    assert kind("grad-cam", region) == "whole", "its map is not confined to the box"
    windowed(monkeypatch, model)
    assert kind("grad-cam", region) == "box"
    assert kind("saliency", region) == "box"
    assert kind("saliency", 1) == "windows"


def test_within_is_a_part_of_the_box(volume):
    region = Region(labels((17, 15, 16), volume), 1)
    part = ((12, 10, 11), (22, 20, 21))
    box, whole = both(unet(), volume, "occlusion", region, window=4, baseline=0, within=part)
    assert box.field.kind == "box"
    inside = within(unet(), volume, box.field.start, box.field.stop)
    assert apart(box.data[inside], whole.data[inside], 4e-7 * abs(whole.score)) <= 1e-4
    with pytest.raises(InputError, match="within= must reach into what the score depends on"):
        wb.explain(unet(), volume, "occlusion", region, field="parts", within=((0, 0, 0), (2, 2, 2)))


def test_it_is_stored_and_older_files_open(tmp_path, volume):
    why = wb.explain(unet(), volume, "saliency", Voxel((17, 15, 16)), field="parts")
    path = why.save(tmp_path / "map.npz")
    again = Explanation.load(path)
    assert again.field == why.field
    assert again.describe() == why.describe()
    assert "box of" in why._repr_html_()
    sidecar = tmp_path / "map.json"
    import json

    told = json.loads(sidecar.read_text())
    del told["field"]
    del told["options"]["field"]
    sidecar.write_text(json.dumps(told))
    older = Explanation.load(path)
    assert older.field is None
    assert np.allclose(older.replay(unet(), volume).data, why.data, atol=1e-6)


def test_a_field_in_words_and_as_plain_data():
    field = Field("box", (8, 0), (24, 16), (32, 16), ((4, 4), (4, 4)))
    assert field.shape == (16, 16)
    assert field.share == 0.5
    assert field.inner == ((12, 0), (20, 16))
    assert field.local(((0, 0), (10, 4))) == ((0, 0), (2, 4))
    assert field.local(((0, 0), (8, 4))) is None
    assert Field.from_description(field.describe()) == field
    assert str(field) == "a box of 16x16 voxels of 32x16"
