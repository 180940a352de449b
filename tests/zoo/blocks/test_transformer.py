"""The blocks of transformers against torch's own, on both frameworks."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from workbench import frameworks
from workbench.frameworks import LinearScore
from workbench.testing.marks import FRAMEWORKS, need
from workbench.zoo.blocks.transformer import transformer


def blocks(name):
    need(name)
    framework = frameworks.get(name)
    nn, F, ops = framework.vocabulary
    return framework, ops, transformer(nn, F, ops)


def values(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def numpy(tensor):
    return tensor.detach().numpy() if isinstance(tensor, torch.Tensor) else tensor.asnumpy()


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("bias", [True, False])
def test_attention_is_torchs(framework, bias):
    side, ops, blocks_ = blocks(framework)
    original = torch.nn.MultiheadAttention(12, 3, bias=bias, batch_first=True)
    attention = blocks_.MultiHeadAttention(12, 3, qkv_bias=bias)
    side.load_state(
        attention,
        {
            "qkv.weight": original.in_proj_weight.detach().numpy(),
            "proj.weight": original.out_proj.weight.detach().numpy(),
            "proj.bias": np.zeros(12, np.float32),
            **({"qkv.bias": values(36)} if bias else {}),
        },
    )
    if bias:
        original.in_proj_bias.data = torch.from_numpy(values(36))
        original.out_proj.bias.data.zero_()
    hidden = np.where(values(4, 6, seed=4) > 0.5, -1e9, 0).astype(np.float32)
    x, key, value = values(2, 4, 12, seed=1), values(2, 6, 12, seed=2), values(2, 6, 12, seed=3)
    for arguments, mask in (((x, x, x), None), ((x, key, value), None), ((x, key, value), hidden)):
        known = None if mask is None else torch.from_numpy(mask)
        wanted = original(*map(torch.from_numpy, arguments), attn_mask=known, average_attn_weights=False)
        given = [ops.tensor(a) for a in arguments]
        y, weights = attention.attend(*given, mask=None if mask is None else ops.tensor(mask))
        assert np.allclose(numpy(y), numpy(wanted[0]), atol=1e-5)
        assert np.allclose(numpy(weights), numpy(wanted[1]), atol=1e-6)
    # by default keys are queries, and values are keys
    tokens = ops.tensor(x)
    assert np.allclose(numpy(attention(tokens)), numpy(attention(tokens, tokens + 0, tokens + 0)), atol=1e-6)
    memory = ops.tensor(key)
    assert np.allclose(numpy(attention(tokens, memory)), numpy(attention(tokens, memory, memory)), atol=1e-6)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_block_is_torchs(framework):
    side, ops, blocks_ = blocks(framework)
    original = torch.nn.TransformerEncoderLayer(
        8, 2, 20, dropout=0.0, activation="gelu", norm_first=True, batch_first=True, layer_norm_eps=1e-6
    ).eval()
    state = {name: tensor.detach().numpy() for name, tensor in original.state_dict().items()}
    names = {"norm1": "norm1", "norm2": "norm2", "mlp.fc1": "linear1", "mlp.fc2": "linear2"}
    names["attn.proj"] = "self_attn.out_proj"
    mine = {f"{k}.{part}": state[f"{v}.{part}"] for k, v in names.items() for part in ("weight", "bias")}
    mine |= {f"attn.qkv.{part}": state[f"self_attn.in_proj_{part}"] for part in ("weight", "bias")}
    block = blocks_.PreNormBlock(8, 2, 20)
    block.eval()
    side.load_state(block, mine)
    # large values tell the exact GELU from its approximation
    x = 3 * values(2, 5, 8)
    with torch.no_grad():
        wanted = original(torch.from_numpy(x)).numpy()
    assert np.allclose(numpy(block(ops.tensor(x))), wanted, atol=1e-5)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("ndim", [2, 3])
def test_both_projections_cut_the_same_patches(framework, ndim):
    side, ops, blocks_ = blocks(framework)
    conv = blocks_.Embedding(ndim, 3, 5, 2)
    linear = blocks_.Embedding(ndim, 3, 5, 2, "perceptron")
    weight, bias = values(5, 3, *(2,) * ndim), values(5)
    side.load_state(conv, {"proj.weight": weight, "proj.bias": bias})
    flat = np.ascontiguousarray(np.moveaxis(weight, 1, -1).reshape(5, -1))
    side.load_state(linear, {"proj.weight": flat, "proj.bias": bias})
    x = ops.tensor(values(2, 3, 4, 6, 8)[(slice(None),) * (2 + ndim) + (0,) * (3 - ndim)])
    tokens = numpy(conv(x))
    assert tokens.shape == (2, 6 if ndim == 2 else 24, 5)
    assert np.allclose(numpy(linear(x)), tokens, atol=1e-5)
    # the first token is that of the first corner
    corner = numpy(x)[(slice(None), slice(None), *(slice(0, 2),) * ndim)].reshape(2, -1)
    assert np.allclose(tokens[:, 0], corner @ weight.reshape(5, -1).T + bias, atol=1e-5)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_positions(framework):
    side, _, blocks_ = blocks(framework)
    body = blocks_.Body(2, 1, 4, 1, 2, 4, 4, 16)
    own = numpy(body.positions((4, 4)))
    assert np.array_equal(own, numpy(body.pos_embed))
    # a ramp stays a ramp: at the middle of a picture of another size there is the middle value
    ramp = np.zeros((1, 17, 4), np.float32)
    ramp[0, 0] = 7
    ramp[0, 1:, 0] = np.repeat(np.arange(4), 4)
    ramp[0, 1:, 1] = np.tile(np.arange(4), 4)
    side.load_state(body, {**side.state(body), "pos_embed": ramp})
    other = numpy(body.positions((7, 2)))
    assert other.shape == (1, 15, 4)
    assert np.array_equal(other[0, 0], [7] * 4)
    field = other[0, 1:].reshape(7, 2, 4)
    assert np.allclose(field[3, :, 0], 1.5, atol=1e-6)
    assert np.allclose(field[0, :, 1], [0.5, 2.5], atol=1e-6)
    assert (np.diff(field[:, 0, 0]) > 0).all()


@pytest.mark.mindspore
@pytest.mark.parametrize("ndim", [2, 3])
def test_interpolated_positions_have_the_same_gradient(ndim):
    """The step of descent of the positions that are stored for one size, trained at another."""
    pytest.importorskip("mindspore")

    def define(nn, F, ops):
        body = transformer(nn, F, ops).Body

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.body = body(ndim, 1, 4, 1, 2, 4, 2, 8, class_token=ndim == 2)

            def forward(self, x):
                return ops.mean(self.body.norm(self.body.blocks[0](self.body.embed(x))) ** 3, dim=1)

        return Net

    spec = frameworks.OptimizerSpec(name="sgd", lr=1.0)

    def loss(nn, F, ops):
        return lambda outputs, targets: {"loss": ops.sum((outputs - targets["y"]) ** 2)}

    x, steps, scores = values(2, 1, *(6, 4, 10)[:ndim]), [], []
    torch_side, other = frameworks.get("torch"), frameworks.get("mindspore")
    one, two = torch_side.build(define, {}, seed=1), other.build(define, {}, seed=2)
    other.load_state(two, torch_side.state(one))
    for side, net in ((torch_side, one), (other, two)):
        scores.append(side.input_gradient(net, x, LinearScore(values(4))))
        before = side.state(net)["body.pos_embed"]
        side.trainer(net, loss, spec).step(x, {"y": values(2, 4)}, step_seed=0, lr=1.0)
        steps.append(side.state(net)["body.pos_embed"] - before)
    assert np.allclose(scores[0][1], scores[1][1], atol=1e-5)
    assert np.abs(steps[0]).max() > 1e-4
    assert np.abs(steps[0] - steps[1]).max() <= 1e-3 * np.abs(steps[0]).max()
