"""MindSpore's graph mode reads a part of Python only: the vocabulary compiles, and gives what it gives in PyNative."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.frameworks import get

pytest.importorskip("mindspore")
pytestmark = pytest.mark.mindspore


def pools(nn, F, ops):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.padded, self.uncounted = nn.MaxPool2d(3, stride=2, padding=1), nn.AvgPool2d(3, 2, 1, False, False)
            self.adaptive, self.up = nn.AdaptiveAvgPool2d((None, 2)), nn.ConvTranspose2d(4, 3, 3, 2, 1, 1)

        def forward(self, x):
            planes = x.mean(dim=2)
            return (
                F.max_pool2d(planes, 2),
                F.max_pool2d(planes, 2, ceil_mode=True),
                self.padded(planes),
                F.avg_pool2d(planes, 2),
                self.uncounted(planes),
                self.adaptive(planes),
                F.adaptive_max_pool2d(planes, 1),
                self.up(planes),
                F.max_pool3d(x, 2),
                F.max_pool3d(x, 3, stride=2, padding=1),
                F.avg_pool3d(x, (1, 2, 2)),
                F.adaptive_avg_pool3d(x, (2, 3, None)),
            )

    return Network


def sizes(nn, F, ops):
    class Network(nn.Module):
        def forward(self, x):
            planes = x.mean(dim=2)
            return (
                F.interpolate(planes, scale_factor=2, mode="bilinear"),
                F.interpolate(planes, size=(9, 5), mode="bilinear", align_corners=True),
                F.interpolate(x, scale_factor=(1, 2, 2)),
                F.interpolate(planes, size=3, mode="area"),
                F.pad(planes, (1, 2, 0, 3), value=2.0),
                F.pad(planes, (-1, 2, -2, -1)),
                F.pad(planes, (1, 2, 3, 1), mode="reflect"),
                ops.roll(planes, (1, -2), (2, 3)),
                ops.flatten(x, 2),
            )

    return Network


def operators(nn, F, ops):
    class Network(nn.Module):
        def forward(self, x):
            height = x.shape[3]
            rows = ops.arange(height, dtype=ops.float32).reshape(1, 1, height, 1) + ops.linspace(0, 1, x.shape[4])
            i, j = ops.meshgrid(ops.arange(2), ops.arange(1, 4))
            return (
                ops.einsum("ncdhw,nkdhw->nck", x, x),
                ops.einsum("ncdhw->whn", x),
                ops.var(x, (2, 3)),
                ops.std(x, 1, keepdim=True),
                ops.sum(x > 0, [2, 3]),
                ops.amax(x, (2, 3)),
                ops.mean(x),
                rows + ops.zeros(2, 4, height, 1) + ops.full((1,), 3.0),
                ops.tensor([[1.5, 2.0]]) * ops.ones((3, 1)),
                i + j,
                F.gelu(x, "tanh") + F.normalize(x, dim=1),
            )

    return Network


def attention(nn, F, ops):
    class Network(nn.Module):
        def __init__(self):
            super().__init__()
            self.attention, self.norm = nn.MultiheadAttention(4, 2, batch_first=True), nn.LayerNorm((3, 4))

        def forward(self, x):
            tokens = ops.transpose(ops.flatten(x, 2), 1, 2)
            y, weights = self.attention(tokens, tokens, tokens)
            return y, weights, self.norm(y[:, :3])

    return Network


@pytest.mark.parametrize("define", [pools, sizes, operators, attention])
def test_a_graph_gives_what_pynative_gives(define, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the compiler leaves folders where it runs
    module = get("mindspore").build(define, {})
    import mindspore

    x = mindspore.Tensor(np.random.default_rng(0).normal(size=(2, 4, 6, 8, 6)).astype(np.float32))
    wanted, got = module(x), mindspore.jit(module)(x)
    assert len(wanted) == len(got)
    for index, (one, other) in enumerate(zip(wanted, got, strict=True)):
        assert one.shape == other.shape, index
        assert one.dtype == other.dtype, index
        assert np.abs(one.asnumpy() - other.asnumpy()).max() <= 1e-5, index


def test_a_broken_rule_is_told_from_inside_a_graph(tmp_path, monkeypatch):
    def define(nn, F, ops):
        class Network(nn.Module):
            def forward(self, x):
                return F.interpolate(x, size=(3, 3), mode="bicubic")

        return Network

    monkeypatch.chdir(tmp_path)
    module = get("mindspore").build(define, {})
    import mindspore

    with pytest.raises(ValueError, match="Unknown interpolation mode 'bicubic'"):
        mindspore.jit(module)(mindspore.ops.ones((1, 1, 4, 4)))
