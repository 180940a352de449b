"""Rollout and gradient x attention: by hand, on the zoo's transformers, and refused elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

import workbench as wb
from workbench.errors import InputError
from workbench.explain.explainers._attention import Flow, patch_grid
from workbench.frameworks import get
from workbench.testing import toys
from workbench.testing.marks import FRAMEWORKS, need, slow
from workbench.volume import Volume

METHODS = pytest.mark.parametrize("method", ["attention-rollout", "gradient-x-attention"])
SMALL = {
    "covid-transformer": ((8, 12), {"patch": 4, "dim": 8, "depth": 2, "heads": 2, "mlp_dim": 8, "image_size": 8}),
    "ts-cam": ((8, 12), {"patch": 4, "dim": 8, "depth": 2, "heads": 2, "mlp_dim": 8, "image_size": 8}),
    "lung-nodule-transformer": (
        (64, 96),
        {"width": 2, "depth": 18, "dim": 8, "heads": 2, "mlp_dim": 8, "queries": 5, "layers": 2},
    ),
    "unetr": ((16, 32, 16), {"feature_size": 2, "hidden_size": 12, "mlp_dim": 12, "num_heads": 2, "image_size": 16}),
}
#: Of the feature map that the detector's encoder looks at.
STRIDE = 32
#: Attention of a class token and two patches, in two layers.
FIRST = np.array([[0.2, 0.8, 0.0], [0.0, 1.0, 0.0], [0.0, 0.5, 0.5]])
SECOND = np.array([[0.0, 0.4, 0.6], [1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])


def define_attending(nn, F, ops):
    class AttentionWeights(nn.Identity):
        pass

    class Attending(nn.Module):
        """Three tokens, the first that of the class, each of one value; two layers of fixed attention."""

        def __init__(self, classes, token):
            super().__init__()
            self.one, self.two = AttentionWeights(), AttentionWeights()
            self.fc = nn.Linear(1, classes, bias=False)
            self.register_buffer("first", ops.tensor(FIRST.astype(np.float32)))
            self.register_buffer("second", ops.tensor(SECOND.astype(np.float32)))
            self.token = token

        def forward(self, x):
            patches = ops.reshape(x, (x.shape[0], 1, 2, 1))
            tokens = ops.cat((ops.zeros_like(patches[:, :, :1]), patches), dim=2)
            flat = ops.reshape(tokens * 0, (x.shape[0], 1, 1, 3))
            tokens = ops.matmul(self.one(flat + self.first), tokens)
            tokens = ops.matmul(self.two(flat + self.second), tokens)
            return self.fc(tokens[:, 0, self.token])

    return Attending


def attending(framework="torch", token=0):
    state = {
        "fc.weight": np.array([[2.0], [0.0]], np.float32),
        "first": FIRST.astype("f4"),
        "second": SECOND.astype("f4"),
    }
    return toys.ToyModel(define_attending, {"classes": 2, "token": token}, framework=framework, state=state)


VOLUME = Volume(np.array([[1.0, 3.0]], np.float32), np.diag([2.0, 0.5, 1, 1]))


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_rollout_is_that_worked_out_by_hand(framework):
    need(framework)
    why = wb.explain(attending(framework), VOLUME, "attention-rollout", 0)
    rolled = (SECOND + np.eye(3)) / 2 @ (FIRST + np.eye(3)) / 2
    # of the class token: half of (1, 0.4, 0.6) of the rows (1.2, 0.8, 0), (0, 2, 0), (0, 0.5, 1.5), halved
    assert np.allclose(rolled[0], [0.3, (0.8 + 0.8 + 0.3) / 4, 0.9 / 4])
    assert np.allclose(why.data, [[0.475, 0.225]])
    assert why.native_resolution == (1, 2)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_gradient_x_attention_is_that_worked_out_by_hand(framework):
    need(framework)
    why = wb.explain(attending(framework), VOLUME, "gradient-x-attention", 0)
    # tokens (0, 1, 3) become (0.8, 1, 2); the score is 2 * (0.4 * 1 + 0.6 * 2), so the second layer's gradient is
    # 2 * (0.8, 1, 2) at the class token, and that of the first 2 * (0, 0.4, 0.6) times the tokens
    second = np.array([[0, 0.8, 2.4], [0, 0, 0], [0, 0, 0]])
    first = 2 * np.array([[0.0], [0.4], [0.6]]) * np.array([0, 1, 3]) * FIRST
    wanted = (np.eye(3) + second) @ (np.eye(3) + first) - np.eye(3)
    assert np.allclose(why.data, wanted[:1, 1:], atol=1e-5)
    assert np.array_equal(wb.explain(attending(framework), VOLUME, "gradient-x-attention", 1).data, np.zeros((1, 2)))


def test_where_the_class_token_is_not_asked_the_patches_are():
    why = wb.explain(attending(token=2), VOLUME, "gradient-x-attention", 0)
    # the score is 2 * what the last patch has: 2 * 1 * (0.5 * 1 + 0.5 * 3)
    second = np.zeros((3, 3))
    second[2, 2] = 2 * 2
    first = np.zeros((3, 3))
    first[2] = 2 * np.array([0, 0.5 * 1, 0.5 * 3])
    wanted = (np.eye(3) + second) @ (np.eye(3) + first) - np.eye(3)
    assert np.allclose(why.data[0], wanted[1:, 1:].mean(0), atol=1e-5)


@METHODS
@pytest.mark.parametrize("name", [pytest.param(one, marks=slow if one == "unetr" else ()) for one in sorted(SMALL)])
def test_the_zoos_transformers_have_a_map(name, method):
    shape, options = SMALL[name]
    model = wb.zoo.create(name, in_channels=1, num_classes=3, **options)
    volume = toys.noise_volume(shape, toys.OBLIQUE if len(shape) == 3 else None)
    why = wb.explain(model, volume, method, 1)
    assert why.shape == shape
    assert np.ptp(why.data) > 0
    patch = {"unetr": 16, "lung-nodule-transformer": STRIDE}.get(name, 4)
    assert why.native_resolution == tuple(size // patch for size in shape)
    assert np.array_equal(why.replay().data, why.data)


@pytest.mark.mindspore
@METHODS
def test_both_frameworks_give_the_same_map(method, tmp_path):
    pytest.importorskip("mindspore")
    shape, options = SMALL["covid-transformer"]
    model = wb.zoo.create("covid-transformer", in_channels=1, num_classes=3, **options)
    other = wb.zoo.load(model.save(tmp_path / "model.safetensors"), framework="mindspore")
    maps = [wb.explain(one, toys.noise_volume(shape), method, 1).data for one in (model, other)]
    assert np.abs(maps[0] - maps[1]).max() <= 1e-4 * np.abs(maps[0]).max()


@METHODS
def test_a_network_without_attention_is_refused(method):
    with pytest.raises(InputError, match=r"cannot explain this model: .* no attention.*methods\(model\)"):
        wb.explain(toys.cnn_model(2), toys.noise_volume((8, 8)), method, 1)


def test_attention_is_no_map_of_the_input():
    shape, options = SMALL["covid-transformer"]
    model = wb.zoo.create("covid-transformer", in_channels=1, num_classes=3, **options)
    with pytest.raises(InputError, match=r"needs a layer with a map .*last_map") as told:
        wb.explain(model, toys.noise_volume(shape), "grad-cam", 1, "blocks.0.attn.weights")
    assert "attn.weights'," not in str(told.value).partition("have one:")[2]


@pytest.mark.parametrize(
    ("tokens", "shape", "expected"),
    [(7, (8, 12), (1, (2, 3))), (6, (8, 12), (0, (2, 3))), (2, (16, 32, 16), (0, (1, 2, 1)))],
)
def test_tokens_are_the_patches_of_a_grid(tokens, shape, expected):
    assert patch_grid(tokens, shape) == expected


def test_cells_of_a_feature_map_may_reach_beyond_the_input():
    assert patch_grid(12, (65, 97), class_token=False) == (0, (3, 4))
    assert patch_grid(5, (70, 9), class_token=False) == (0, (5, 1))


def test_a_decoder_is_followed_as_worked_out_by_hand():
    flow = Flow(halved=False)
    encoder = np.array([[0.5, 0.5], [0.0, 1.0]])
    queries = np.array([[0.0, 1.0], [0.25, 0.75]])
    cross = np.array([[1.0, 0.0], [0.5, 0.5]])
    for kind, attention in (
        ("AttentionWeights", encoder),
        ("QueryAttentionWeights", queries),
        ("CrossAttentionWeights", cross),
        ("QueryAttentionWeights", queries),
        ("CrossAttentionWeights", cross),
    ):
        flow.add(kind, attention)
    tokens = np.eye(2) + encoder
    first = (np.eye(2) + queries).T @ cross @ tokens
    second = (np.eye(2) + queries) @ first
    between = (np.eye(2) + queries) @ (np.eye(2) + queries)
    assert np.allclose(flow.found, second + between.T @ cross @ tokens)


def test_the_map_of_a_box_is_that_of_its_query():
    shape, options = SMALL["lung-nodule-transformer"]
    model = wb.zoo.create("lung-nodule-transformer", in_channels=1, num_classes=2, seed=3, **options)
    volume = toys.noise_volume(shape)
    boxes = wb.explain.targets_in(model, model.predict(volume))
    maps = [wb.explain(model, volume, "gradient-x-attention", target).data for target in boxes[:2]]
    assert all(np.ptp(one) > 0 for one in maps)
    assert not np.allclose(maps[0], maps[1])
    rolled = [wb.explain(model, volume, "attention-rollout", target).data for target in boxes[:2]]
    assert np.array_equal(*rolled)


def test_tokens_that_are_no_patches_are_refused():
    with pytest.raises(InputError, match=r"must be patches with equal sides .* got 12"):
        patch_grid(12, (8, 12))


def test_the_attention_of_all_layers_sums_up_to_one():
    shape, options = SMALL["covid-transformer"]
    model = wb.zoo.create("covid-transformer", in_channels=1, num_classes=3, **options)
    found = get("torch").capture(model.module, ["blocks.0.attn.weights"], np.zeros((2, 1, *shape), np.float32))
    assert found["blocks.0.attn.weights"].shape == (2, 2, 7, 7)
    assert np.allclose(found["blocks.0.attn.weights"].sum(-1), 1, atol=1e-6)
