from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import workbench as wb
from workbench import frameworks
from workbench.errors import InputError
from workbench.shapes import Boxes
from workbench.testing.algorithms.detection import DetectionContract, same_boxes
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.testing.marks import FRAMEWORKS, need
from workbench.zoo.blocks.deformable import deformable_conv
from workbench.zoo.blocks.dla import dla
from workbench.zoo.lung_nodules_detection.task import TASK


def ideal(targets: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the outputs of a network that is always right."""
    height, width = targets["heat"].shape[1:]
    maps = {"wh": np.zeros((1, 2, height, width), np.float32), "reg": np.zeros((1, 2, height, width), np.float32)}
    for k in np.flatnonzero(targets["present"]):
        row, column = divmod(int(targets["index"][k]), width)
        maps["wh"][0, :, row, column] = targets["size"][k]
        maps["reg"][0, :, row, column] = targets["offset"][k]
    return {"logits": np.where(targets["heat"] == 1, 20, -20).astype(np.float32)[None], **maps}


class TestLungNodulesDetection(ParityByDefault, DetectionContract):
    name = "lung-nodules-detection"
    tiny = {"width": 4, "head_channels": 4}
    size = (64, 96)
    default_size = (64, 96)
    parity_seed = 4
    parity_lr = 1e-4

    def ideal_outputs(self, targets: dict[str, np.ndarray], shape: Any = None) -> dict[str, np.ndarray]:
        return ideal(targets)

    def test_the_main_output_is_of_the_surest_box(self) -> None:
        # a map, not one score per class: the class of places that are likely centres
        targets = TASK.targets(Boxes([[4, 4, 20, 30]], [2]), 3, self.size)
        presence = TASK.presence(ideal(targets))
        assert presence.shape == (1, 16, 24)
        assert np.argwhere(presence >= 0).tolist() == [[0, 3, 4]]
        assert presence[0, 3, 4] == 2
        # a network that is sure of nothing still has one place to start from
        assert (TASK.presence(self.model().forward(self.inputs(1))) >= 0).any()


@pytest.mark.slow
@pytest.mark.mindspore
@pytest.mark.parametrize("backbone", ["dla-34-dcn", "resnet-18"])
def test_parity_of_the_other_backbones(backbone: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    class Other(TestLungNodulesDetection):
        tiny = {"width": 4, "head_channels": 4, "backbone": backbone}
        size = (64, 64)
        # steps so small that rounding, which norms over few values enlarge, does not move an offset past a pixel
        parity_lr = 1e-5

        def settle(self, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
            # at the very beginning every tap lies on a pixel, where the slope is not defined
            rng = np.random.default_rng(0)
            for name in [name for name in state if "offset" in name]:
                low, high = (0.2, 0.4) if name.endswith("bias") else (-0.03, 0.03)
                state[name] = rng.uniform(low, high, state[name].shape).astype(np.float32)
            # weak branches, so that many norms over few values do not blow rounding up
            return {name: value * np.float32(0.3) if "bn2.weight" in name else value for name, value in state.items()}

    Other().test_parity(tmp_path)
    Other().test_parity_of_training(tmp_path)
    Other().test_default_layer_is_a_map()
    Other().test_graph_mode_and_mindir(tmp_path, monkeypatch)


@st.composite
def pictures(draw: Any) -> tuple[Boxes, tuple[int, int]]:
    """Boxes anywhere in a picture, touching, overlapping, at its border; no two centres in one pixel of the map."""
    shape = tuple(32 * draw(st.integers(1, 3)) for _ in range(2))
    kept, taken = [], set()
    for _ in range(draw(st.integers(0, 8))):
        low, high = zip(
            *(sorted((draw(st.floats(-0.5, n - 2.5)), draw(st.floats(1.5, n - 0.5)))) for n in shape), strict=True
        )
        if min(b - a for a, b in zip(low, high, strict=True)) < 1:
            continue
        pixel = tuple(int((a + b + 1) // 8) for a, b in zip(low, high, strict=True))
        if pixel not in taken:
            taken.add(pixel)
            kept.append((*low, *high))
    return Boxes(np.array(kept).reshape(-1, 4), np.array([draw(st.integers(0, 2)) for _ in kept])), shape


@settings(max_examples=60, deadline=None)
@given(pictures())
def test_decoding_inverts_encoding(drawn: tuple[Boxes, tuple[int, int]]) -> None:
    boxes, shape = drawn
    found = TASK.decode(ideal(TASK.targets(boxes, 3, shape)))[0]
    assert same_boxes(found, boxes, tolerance=1e-3)


def test_boxes_that_share_an_edge_and_the_corners_of_the_picture() -> None:
    boxes = Boxes([[-0.5, -0.5, 7.5, 7.5], [-0.5, 7.5, 7.5, 15.5], [55.5, 87.5, 63.5, 95.5], [0.5, 0.5, 63.5, 95.5]])
    assert same_boxes(TASK.decode(ideal(TASK.targets(boxes, 1, (64, 96))))[0], boxes, tolerance=1e-3)


def test_a_box_beyond_the_border_is_cut() -> None:
    targets = TASK.targets(Boxes([[-10, 0, 20, 10], [-10, -10, -2, -2]]), 1, (32, 32))
    assert targets["present"].sum() == 1
    assert np.allclose(targets["size"][0], [10 / 4, 20.5 / 4])


def test_too_many_boxes() -> None:
    rows = np.arange(129)[:, None] * 0.2
    with pytest.raises(InputError, match=r"At most 128 objects .* got 129.*patch_size"):
        TASK.targets(Boxes(np.concatenate([rows, rows, rows + 3, rows + 3], axis=1)), 1, (64, 64))


def test_terms_of_the_loss() -> None:
    torch = pytest.importorskip("torch")
    vocabulary = frameworks.get("torch").vocabulary
    targets = TASK.targets(Boxes([[4, 4, 20, 30], [40, 8, 50, 18]], [0, 1]), 2, (64, 64))
    tensors = {key: torch.as_tensor(value)[None] for key, value in targets.items()}
    right = {key: torch.as_tensor(value) for key, value in ideal(targets).items()}
    off = {**right, "wh": right["wh"] + 2, "reg": right["reg"] - 0.25}
    terms = TASK.make_loss()(*vocabulary)(off, tensors)
    assert float(terms["size"]) == pytest.approx(2, rel=1e-3)
    assert float(terms["offset"]) == pytest.approx(0.25, rel=1e-3)
    assert float(terms["loss"]) == pytest.approx(0.1 * 2 + 0.25, rel=1e-3)
    # the Gaussians of the originals are a little wider, so that an answer that is spread out costs less
    targets = TASK.targets(Boxes([[4, 4, 120, 100]]), 1, (128, 128))
    tensors = {key: torch.as_tensor(value)[None] for key, value in targets.items()}
    flat = {key: torch.as_tensor(value) * 0 for key, value in ideal(targets).items()}
    costs = [float(TASK.make_loss(cornernet_radius=bug)(*vocabulary)(flat, tensors)["heat"]) for bug in (False, True)]
    assert costs[1] < costs[0]
    with pytest.raises(InputError, match="zero or more"):
        TASK.make_loss(heat=-1.0)


def test_width_of_dla() -> None:
    with pytest.raises(InputError, match=r"multiple of 4, got 6\. Nearest that fit: 4 and 8"):
        wb.zoo.create("lung-nodules-detection", width=6)
    assert wb.zoo.create("lung-nodules-detection", width=6, backbone="resnet-18").num_parameters > 0


def test_dla34_has_the_weights_of_the_published_classifier() -> None:
    # 15,742,104 with the 1000 classes of ImageNet
    f = frameworks.get("torch")
    module = f.build(lambda nn, F, ops: dla(nn, F, ops).DLA34, {"in_channels": 3})
    assert f.num_parameters(module) + 513 * 1000 == 15_742_104


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_deformable_convolution(framework: str) -> None:
    need(framework)
    f = frameworks.get(framework)
    rng = np.random.default_rng(0)
    module = f.build(deformable_conv, {"in_channels": 2, "out_channels": 3})
    assert not f.state(module)["conv_offset_mask.weight"].any()
    state = {name: rng.normal(0, 0.5, value.shape).astype(np.float32) for name, value in f.state(module).items()}
    f.load_state(module, state)
    x = rng.normal(size=(1, 2, 5, 6)).astype(np.float32)
    assert np.allclose(f.forward(module, x), by_definition(x[0], state)[None], atol=1e-4)


def by_definition(x: np.ndarray, state: dict[str, np.ndarray]) -> np.ndarray:
    """Return a deformable convolution, computed pixel by pixel and tap by tap."""
    _, height, width = x.shape
    around = np.pad(x, ((0, 0), (1, 1), (1, 1)))

    def plain(i: int, j: int) -> np.ndarray:
        window = around[:, i : i + 3, j : j + 3]
        return np.tensordot(state["conv_offset_mask.weight"], window, 3) + state["conv_offset_mask.bias"]

    def read(i: float, j: float) -> np.ndarray:
        value = np.zeros(len(x))
        for row in (int(np.floor(i)), int(np.floor(i)) + 1):
            for column in (int(np.floor(j)), int(np.floor(j)) + 1):
                if 0 <= row < height and 0 <= column < width:
                    value += x[:, row, column] * (1 - abs(i - row)) * (1 - abs(j - column))
        return value

    y = np.zeros((len(state["bias"]), height, width))
    for i in range(height):
        for j in range(width):
            said = plain(i, j)
            y[:, i, j] = state["bias"]
            for tap in range(9):
                place = i + tap // 3 - 1 + said[2 * tap], j + tap % 3 - 1 + said[2 * tap + 1]
                strength = 1 / (1 + np.exp(-said[18 + tap]))
                y[:, i, j] += state["weight"][:, :, tap // 3, tap % 3] @ read(*place) * strength
    return y
