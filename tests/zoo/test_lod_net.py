from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from workbench import frameworks
from workbench.errors import InputError
from workbench.frameworks import LinearScore
from workbench.testing.algorithms.parity import ParityByDefault
from workbench.testing.algorithms.segmentation import SegmentationContract
from workbench.testing.marks import FRAMEWORKS, need
from workbench.zoo import answering
from workbench.zoo.lod_net.derivatives import COLUMNS, ROWS, oriented_derivatives
from workbench.zoo.lod_net.task import TASK


def derivatives(framework: str, mask: np.ndarray, offsets: np.ndarray, **options: bool) -> np.ndarray:
    need(framework)
    backend = frameworks.get(framework)
    _, F, ops = backend.vocabulary
    made = oriented_derivatives(F, ops, ops.tensor(mask[None, None]), ops.tensor(offsets[None]), **options)
    return np.asarray(made.numpy() if framework == "torch" else made.asnumpy())[0]


def by_definition(mask: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    rows, columns = np.meshgrid(*map(np.arange, mask.shape), indexing="ij")
    made = []
    for j in range(8):
        dx, dy = COLUMNS[j] + offsets[2 * j], ROWS[j] + offsets[2 * j + 1]
        there = ndimage.map_coordinates(mask, [rows + dy, columns + dx], order=1, mode="nearest")
        made.append((mask - there + 1) / np.sqrt(dx**2 + dy**2 + 1))
    return np.stack(made)


class TestLODNet(ParityByDefault, SegmentationContract):
    name = "lod-net"
    tiny = {"width": 2, "depth": 18, "head_width": 4}
    size = (64, 64)
    default_size = (64, 64)

    def test_the_default_layer_is_before_the_transposed_convolution(self) -> None:
        model = self.model()
        score = LinearScore(np.ones((self.num_classes, *self.size), np.float32))
        _, map_, _ = model.framework.layer_gradient(model.module, model.default_layer(), self.inputs(1), score)
        assert map_.shape == (1, 4, 16, 16)

    def test_ideal_outputs_have_almost_no_loss(self) -> None:
        torch = pytest.importorskip("torch")
        targets = TASK.targets(self.annotation(0), self.num_classes, self.size)
        tensors = {key: torch.as_tensor(value)[None] for key, value in targets.items()}
        mask = (targets["label"] > 0).reshape(32, 2, 32, 2).mean(axis=(1, 3), dtype=np.float32)
        offsets = np.random.default_rng(0).normal(0, 0.3, (16, 32, 32)).astype(np.float32)
        ideal = {
            "logits": torch.as_tensor(self.ideal_outputs(targets)),
            "derivatives": torch.as_tensor(by_definition(mask, offsets), dtype=torch.float32)[None],
            "offsets": torch.as_tensor(offsets)[None],
        }
        loss = TASK.make_loss()(*frameworks.get("torch").vocabulary)
        assert loss(ideal, tensors)["loss"] < 1e-3
        assert loss({**ideal, "logits": -ideal["logits"]}, tensors)["loss"] > 1
        off = loss({**ideal, "derivatives": ideal["derivatives"] + 0.5}, tensors)
        assert float(off["derivative"]) == pytest.approx(0.125, abs=1e-3)
        assert float(off["loss"] - loss(ideal, tensors)["loss"]) == pytest.approx(0.125, abs=1e-3)
        # what nobody has labelled counts nowhere
        tensors["label"][:, :, :32] = 255
        left = ideal["derivatives"].clone()
        left[..., :16] += 9
        hidden = [float(loss({**ideal, "derivatives": d}, tensors)["derivative"]) for d in (ideal["derivatives"], left)]
        assert hidden[0] == hidden[1] < 1e-2  # not 0: a neighbour that is not labelled passes for background

    def test_outputs(self) -> None:
        outputs = self.model().forward(self.inputs(1))
        assert {name: value.shape for name, value in outputs.items()} == {
            "logits": (1, 3, 64, 64),
            "derivatives": (1, 8, 32, 32),
            "offsets": (1, 16, 32, 32),
        }

    def test_large_pictures_go_window_by_window(self, monkeypatch: pytest.MonkeyPatch) -> None:
        model = self.model(patch_size=(64, 64))
        volume = self.volume(self.in_channels, (96, 160))
        monkeypatch.setattr(answering, "_WHOLE_IMAGE_VOXELS", 64 * 64)
        assert model.predict(volume).same_grid(volume)

    def test_the_outline_changes_the_features_there_alone(self) -> None:
        model = self.model(outline_share=0.1, seed=2)
        inputs, state = self.inputs(1), model.state()
        state["outputs_conv.weight"] *= 0
        state["outputs_conv.bias"] *= 0
        model.framework.load_state(model.module, state)
        plain = model.forward(inputs)
        state["outputs_conv.bias"] = state["outputs_conv.bias"] + 1
        model.framework.load_state(model.module, state)
        changed = np.abs(model.forward(inputs)["logits"] - plain["logits"])[0].max(axis=0)
        # each of a tenth of the 32 x 32 places touches up to 4 x 4 pixels of the enlarged map
        assert 0.1 <= (changed > 1e-6).mean() <= 0.8
        assert np.array_equal(model.forward(inputs)["derivatives"], plain["derivatives"])


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_derivatives_of_a_square(framework: str) -> None:
    mask = np.zeros((6, 8), np.float32)
    mask[2:5, 3:7] = 1
    made = derivatives(framework, mask, np.zeros((16, 6, 8), np.float32))
    up, right, diagonal = 1, 3, 0  # (-1, 0), (0, 1), (-1, -1)
    assert made[up, 2, 4] == pytest.approx(2 / np.sqrt(2))  # falls from the square's first row upwards
    assert made[up, 1, 4] == pytest.approx(1 / np.sqrt(2))  # outside, and outside above
    assert made[up, 5, 4] == pytest.approx(0, abs=1e-6)  # rises towards the square
    assert made[right, 3, 6] == pytest.approx(2 / np.sqrt(2))
    assert made[diagonal, 2, 3] == pytest.approx(2 / np.sqrt(3))
    assert made[diagonal, 0, 0] == pytest.approx(1 / np.sqrt(3))  # beyond the border it goes on as it is
    assert np.allclose(made, by_definition(mask, np.zeros((16, 6, 8))), atol=1e-5)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_defect_of_the_original(framework: str) -> None:
    mask = np.zeros((6, 8), np.float32)
    mask[:, 7] = 1
    offsets = np.zeros((16, 6, 8), np.float32)
    wrong = derivatives(framework, mask, offsets, unnormalised_grid=True)
    # x of 1 and more is taken for the last column, whatever the neighbour
    assert np.allclose(wrong[3, :, 1:7], 0, atol=1e-6)
    assert np.allclose(derivatives(framework, mask, offsets)[3, :, 1:6], 1 / np.sqrt(2))


@settings(max_examples=25, deadline=None)
@given(st.integers(3, 12), st.integers(3, 12), st.integers(0, 2**31))
def test_derivatives_by_definition(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.uniform(0, 1, (height, width)).astype(np.float32)
    offsets = rng.normal(0, 1, (16, height, width)).astype(np.float32)
    assert np.allclose(derivatives("torch", mask, offsets), by_definition(mask, offsets), atol=1e-4)


def test_wrong_options() -> None:
    with pytest.raises(InputError, match="0 or more, got derivative=-1"):
        TASK.make_loss(derivative=-1)
