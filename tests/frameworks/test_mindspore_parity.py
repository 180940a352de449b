"""Every layer and function of the MindSpore vocabulary against torch: values, input gradient, weight gradients."""

from __future__ import annotations

import zlib

import numpy as np
import pytest
import torch

from workbench.frameworks import get

pytestmark = pytest.mark.mindspore
pytest.importorskip("mindspore", reason="the mindspore extra is not installed")

I2, I3, VEC = (2, 4, 7, 6), (2, 4, 5, 6, 7), (3, 8)

# name: (constructor keywords, input shape); the shape has c = 4 channels where channels matter
LAYERS = {
    "Conv1d": [({"a": (4, 6, 3)}, (2, 4, 9)), ({"a": (4, 6, 3), "stride": 2, "padding": 1, "dilation": 2}, (2, 4, 9))],
    "Conv2d": [
        ({"a": (4, 6, 3)}, I2),
        ({"a": (4, 6, 3), "stride": 2, "padding": 1, "bias": False}, I2),
        ({"a": (4, 6, (3, 1)), "padding": (1, 0), "stride": (1, 2)}, I2),
        ({"a": (4, 6, 3), "padding": 2, "dilation": 2, "groups": 2}, I2),
        ({"a": (4, 8, 3), "padding": "same", "groups": 4}, I2),
        ({"a": (4, 6, 4), "padding": "same"}, I2),
        ({"a": (4, 6, 7), "stride": 2, "padding": 3}, (2, 4, 28, 28)),
        ({"a": (4, 6, 1), "stride": 2}, I2),
        # of as many or more channels in than out: gradients made from convolutions
        ({"a": (4, 4, 3), "padding": 1}, (2, 4, 16, 16)),
        ({"a": (4, 2, 3), "padding": 1, "bias": False}, (2, 4, 16, 16)),
        ({"a": (4, 2, 3)}, (2, 4, 16, 17)),
        ({"a": (4, 3, (3, 5)), "padding": (1, 4), "dilation": (1, 2)}, (2, 4, 18, 16)),
        ({"a": (4, 2, 4), "padding": "same"}, (2, 4, 16, 16)),
    ],
    "Conv3d": [
        ({"a": (4, 6, 3), "padding": 1}, I3),
        ({"a": (4, 6, 3), "padding": 1, "stride": 2, "bias": False}, I3),
        ({"a": (4, 6, (1, 3, 3)), "padding": (0, 1, 1), "stride": (1, 2, 2)}, I3),
        ({"a": (4, 8, 3), "padding": 1, "groups": 4}, I3),
        ({"a": (4, 6, 3), "padding": 2, "dilation": 2}, I3),
        ({"a": (4, 3, 1)}, I3),
        ({"a": (4, 4, 3), "padding": 1}, (2, 4, 10, 10, 9)),
        ({"a": (4, 2, 3), "padding": 1, "bias": False}, (2, 4, 8, 8, 9)),
        ({"a": (4, 2, (1, 3, 2)), "padding": (0, 2, 1), "dilation": (1, 2, 1)}, (2, 4, 8, 9, 8)),
    ],
    "ConvTranspose2d": [
        ({"a": (4, 6, 2), "stride": 2}, I2),
        ({"a": (4, 6, 3), "stride": 2, "padding": 1, "output_padding": 1}, I2),
        ({"a": (4, 6, 4), "stride": 2, "padding": 1, "bias": False}, I2),
        ({"a": (4, 6, 3), "stride": 2, "groups": 2, "dilation": 2, "padding": 1}, I2),
    ],
    "ConvTranspose3d": [
        ({"a": (4, 6, 2), "stride": 2}, I3),
        ({"a": (4, 6, 3), "stride": 2, "padding": 1, "output_padding": 1}, I3),
        ({"a": (4, 6, (1, 2, 2)), "stride": (1, 2, 2), "bias": False}, I3),
        ({"a": (4, 6, 3), "stride": 2, "padding": 1, "groups": 2}, I3),
    ],
    "BatchNorm1d": [({"a": (4,)}, (5, 4)), ({"a": (4,)}, (3, 4, 6))],
    "BatchNorm2d": [
        ({"a": (4,)}, I2),
        ({"a": (4,), "eps": 1e-3, "momentum": 0.3}, I2),
        ({"a": (4,), "affine": False}, I2),
    ],
    "BatchNorm3d": [({"a": (4,)}, I3), ({"a": (4,), "momentum": 0.01}, I3)],
    "InstanceNorm1d": [({"a": (4,)}, (3, 4, 6))],
    "InstanceNorm2d": [({"a": (4,)}, I2), ({"a": (4,), "affine": True, "eps": 1e-3}, I2)],
    "InstanceNorm3d": [({"a": (4,)}, I3), ({"a": (4,), "affine": True}, I3)],
    "GroupNorm": [({"a": (2, 4)}, I2), ({"a": (2, 4)}, I3), ({"a": (1, 4), "affine": False}, I2)],
    "LayerNorm": [({"a": (8,)}, (2, 5, 8)), ({"a": ((6, 7),)}, I3), ({"a": (8,), "elementwise_affine": False}, VEC)],
    "Linear": [({"a": (8, 5)}, VEC), ({"a": (8, 5), "bias": False}, (2, 3, 8))],
    "Identity": [({}, I2)],
    "ReLU": [({}, I2), ({"inplace": True}, I3)],
    "ReLU6": [({}, I2)],
    "LeakyReLU": [({}, I2), ({"negative_slope": 0.2}, I3)],
    "PReLU": [({}, I2), ({"num_parameters": 4}, I3), ({"num_parameters": 8, "init": 0.1}, VEC)],
    "ELU": [({}, I2), ({"alpha": 0.5}, I3)],
    "GELU": [({}, I2), ({"approximate": "tanh"}, I3)],
    "SiLU": [({}, I2)],
    "Mish": [({}, I2)],
    "Hardswish": [({}, I2)],
    "Softplus": [({}, I2), ({"beta": 2.0, "threshold": 1.0}, I2)],
    "Sigmoid": [({}, I3)],
    "Tanh": [({}, I2)],
    "Softmax": [({"dim": 1}, I3), ({"dim": -1}, VEC)],
    "LogSoftmax": [({"dim": 1}, I2)],
    "MaxPool2d": [
        ({"a": (2,)}, I2),
        ({"a": (3,), "stride": 2, "padding": 1}, I2),
        ({"a": (2,), "ceil_mode": True}, I2),
        ({"a": ((3, 2),), "stride": (1, 2)}, I2),
    ],
    "MaxPool3d": [({"a": (2,)}, I3), ({"a": (3,), "stride": 2, "padding": 1}, I3), ({"a": ((1, 2, 2),)}, I3)],
    "AvgPool2d": [
        ({"a": (2,)}, I2),
        ({"a": (3,), "stride": 2, "padding": 1}, I2),
        ({"a": (3,), "stride": 2, "padding": 1, "count_include_pad": False}, I2),
    ],
    "AvgPool3d": [({"a": (2,)}, I3), ({"a": (3,), "stride": 2, "padding": 1}, I3)],
    "AdaptiveAvgPool1d": [({"a": (3,)}, (2, 4, 7))],
    "AdaptiveAvgPool2d": [({"a": (1,)}, I2), ({"a": ((3, 2),)}, I2), ({"a": ((None, 2),)}, I2)],
    "AdaptiveAvgPool3d": [({"a": (1,)}, I3), ({"a": ((2, 3, 4),)}, I3)],
    "AdaptiveMaxPool2d": [({"a": (1,)}, I2), ({"a": ((3, 2),)}, I2)],
    "AdaptiveMaxPool3d": [({"a": (1,)}, I3), ({"a": ((2, 3, 4),)}, I3)],
    "Upsample": [
        ({"scale_factor": 2}, I2),
        ({"scale_factor": 2, "mode": "bilinear"}, I2),
        ({"size": (9, 5), "mode": "bilinear", "align_corners": True}, I2),
        ({"scale_factor": 2, "mode": "trilinear"}, I3),
        ({"size": (7, 9, 8), "mode": "trilinear", "align_corners": True}, I3),
        ({"scale_factor": (1, 2, 2)}, I3),
        ({"scale_factor": 0.5, "mode": "area"}, (2, 4, 8, 6)),
        ({"size": 11, "mode": "linear"}, (2, 4, 7)),
    ],
    "Flatten": [({}, I3), ({"start_dim": 2}, I2)],
    "Dropout": [({"p": 0.0}, I2)],
    "Dropout2d": [({"p": 0.0}, I2)],
    "Dropout3d": [({"p": 0.0}, I3)],
}
LAYER_CASES = [
    pytest.param(name, index, id=f"{name}-{index}") for name, cases in LAYERS.items() for index in range(len(cases))
]


def _values(shape, seed):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def _labels(shape, classes, seed):
    return np.random.default_rng(seed).integers(0, classes, shape)


def _pair(define, config=None):
    """The same network on both frameworks with the same weights."""
    left, right = get("torch"), get("mindspore")
    a, b = left.build(define, config or {}, seed=3), right.build(define, config or {}, seed=4)
    right.load_state(b, left.state(a))
    return (left, a), (right, b)


def _grads_torch(module, x, probe, train):
    module.train(train)
    inputs = torch.from_numpy(x).requires_grad_(True)
    y = module(inputs.clone())
    parameters = dict(module.named_parameters())
    grads = torch.autograd.grad((y * torch.from_numpy(probe(tuple(y.shape)))).sum(), [inputs, *parameters.values()])
    return y.detach().numpy(), [g.numpy() for g in grads], list(parameters)


def _grads_mindspore(module, x, probe, train):
    import mindspore as ms

    module.train(train)
    parameters = dict(module.named_parameters())

    def total(inputs):
        y = module(inputs)
        return (y * ms.Tensor(probe(tuple(y.shape)))).sum(), y

    weights = ms.ParameterTuple(list(parameters.values())) if parameters else None
    (_, y), grads = ms.value_and_grad(total, 0, weights, has_aux=True)(ms.Tensor(x))
    grads = [grads[0], *grads[1]] if parameters else [grads]
    return y.asnumpy(), [g.asnumpy() for g in grads], list(parameters)


def _close(got, wanted, what, tolerance=1e-4):
    assert got.shape == wanted.shape, what
    scale = max(1.0, float(np.abs(wanted).max()))
    assert float(np.abs(got - wanted).max()) / scale < tolerance, what


@pytest.mark.parametrize("train", [False, True], ids=["eval", "train"])
@pytest.mark.parametrize(("name", "index"), LAYER_CASES)
def test_a_layer_equals_torchs(name, index, train, monkeypatch):
    options, shape = LAYERS[name][index]
    options = dict(options)
    arguments = options.pop("a", ())

    def define(nn, F, ops):
        class Wrapped(nn.Module):
            def __init__(self):
                super().__init__()
                self.layer = getattr(nn, name)(*arguments, **options)

            def forward(self, x):
                return self.layer(x)

        return Wrapped

    (left, a), (right, b) = _pair(define)
    used = _gradients_of_convolutions(monkeypatch)
    assert right.parameter_names(b) == left.parameter_names(a)
    assert list(right.state(b)) == list(left.state(a))
    x = _values(shape, zlib.crc32(name.encode()))

    def probe(output):
        return _values(output, 11)

    wanted, wanted_grads, names = _grads_torch(a, x, probe, train)
    got, got_grads, _ = _grads_mindspore(b, x, probe, train)
    _close(got, wanted, "forward")
    for label, g, w in zip(["input", *names], got_grads, wanted_grads, strict=True):
        _close(g, w, f"gradient of {label}", 2e-4)
    for key, value in left.state(a).items():
        _close(right.state(b)[key], value, key)
    assert bool(used) == (train and name in ("Conv2d", "Conv3d") and index >= _FIRST_QUICK[name])


#: Cases of convolutions from here on have gradients that are made from convolutions.
_FIRST_QUICK = {"Conv2d": 8, "Conv3d": 6}


def _gradients_of_convolutions(monkeypatch):
    from workbench.frameworks.mindspore.nn._convolution import QuickGradient

    used, plain = [], QuickGradient.construct

    def noted(self, x, weight):
        used.append(x.shape)
        return plain(self, x, weight)

    monkeypatch.setattr(QuickGradient, "construct", noted)
    return used


def _f(call, *shapes, labels=None, positive=False):
    return call, shapes, labels, positive


FUNCTIONS = {
    "relu": _f(lambda F, o, x: F.relu(x), I2),
    "leaky_relu": _f(lambda F, o, x: F.leaky_relu(x, 0.1), I2),
    "prelu": _f(lambda F, o, x, w: F.prelu(x, w), I2, (4,)),
    "elu": _f(lambda F, o, x: F.elu(x, 0.7), I2),
    "gelu": _f(lambda F, o, x: F.gelu(x), I2),
    "silu": _f(lambda F, o, x: F.silu(x), I2),
    "mish": _f(lambda F, o, x: F.mish(x), I2),
    "relu6": _f(lambda F, o, x: F.relu6(x * 5), I2),
    "hardswish": _f(lambda F, o, x: F.hardswish(x * 3), I2),
    "softplus": _f(lambda F, o, x: F.softplus(x * 30), I2),
    "logsigmoid": _f(lambda F, o, x: F.logsigmoid(x * 30), I2),
    "tanh": _f(lambda F, o, x: F.tanh(x), I2),
    "sigmoid": _f(lambda F, o, x: F.sigmoid(x), I2),
    "softmax": _f(lambda F, o, x: F.softmax(x, dim=1), I3),
    "log_softmax": _f(lambda F, o, x: F.log_softmax(x, dim=1), I3),
    "linear": _f(lambda F, o, x, w, b: F.linear(x, w, b), (2, 3, 8), (5, 8), (5,)),
    "normalize": _f(lambda F, o, x: F.normalize(x, dim=1), I2),
    "normalize-p1": _f(lambda F, o, x: F.normalize(x, p=1.0, dim=-1), I2),
    "dropout-eval": _f(lambda F, o, x: F.dropout(x, 0.5, training=False), I2),
    "dropout2d-eval": _f(lambda F, o, x: F.dropout2d(x, 0.5, training=False), I2),
    "dropout3d-eval": _f(lambda F, o, x: F.dropout3d(x, 0.5, training=False), I3),
    "max_pool2d": _f(lambda F, o, x: F.max_pool2d(x, 2, 1), I2),
    "max_pool3d": _f(lambda F, o, x: F.max_pool3d(x, 2), I3),
    "avg_pool2d": _f(lambda F, o, x: F.avg_pool2d(x, 3, stride=1, padding=1), I2),
    "avg_pool3d": _f(lambda F, o, x: F.avg_pool3d(x, 2), I3),
    "avg_pool2d-divisor": _f(lambda F, o, x: F.avg_pool2d(x, 2, divisor_override=3), I2),
    "adaptive_avg_pool1d": _f(lambda F, o, x: F.adaptive_avg_pool1d(x, 3), (2, 4, 7)),
    "adaptive_avg_pool2d": _f(lambda F, o, x: F.adaptive_avg_pool2d(x, (3, 2)), I2),
    "adaptive_avg_pool3d": _f(lambda F, o, x: F.adaptive_avg_pool3d(x, 1), I3),
    "adaptive_max_pool2d": _f(lambda F, o, x: F.adaptive_max_pool2d(x, 2), I2),
    "adaptive_max_pool3d": _f(lambda F, o, x: F.adaptive_max_pool3d(x, 2), I3),
    "interpolate-nearest": _f(lambda F, o, x: F.interpolate(x, size=(9, 13)), I2),
    "interpolate-nearest-down": _f(lambda F, o, x: F.interpolate(x, size=(3, 4, 3)), I3),
    "interpolate-bilinear": _f(
        lambda F, o, x: F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False), I2
    ),
    "interpolate-bilinear-down": _f(lambda F, o, x: F.interpolate(x, size=(3, 5), mode="bilinear"), I2),
    "interpolate-trilinear": _f(
        lambda F, o, x: F.interpolate(x, size=(8, 9, 5), mode="trilinear", align_corners=True), I3
    ),
    "pad": _f(lambda F, o, x: F.pad(x, (1, 2, 0, 1)), I2),
    "pad-value": _f(lambda F, o, x: F.pad(x, (1, 2, 0, 1, 2, 0), value=-1.5), I3),
    "pad-crop": _f(lambda F, o, x: F.pad(x, (-1, 2, 0, -2)), I2),
    "pad-reflect": _f(lambda F, o, x: F.pad(x, (1, 2, 3, 1), mode="reflect"), I2),
    "pad-replicate": _f(lambda F, o, x: F.pad(x, (1, 2, 3, 1, 1, 1), mode="replicate"), I3),
    "grid_sample-2d": _f(lambda F, o, x, g: F.grid_sample(x, o.tanh(g), align_corners=False), I2, (2, 5, 6, 2)),
    "grid_sample-3d": _f(
        lambda F, o, x, g: F.grid_sample(x, o.tanh(g) * 1.5, padding_mode="border", align_corners=True),
        I3,
        (2, 3, 4, 5, 3),
    ),
    "cross_entropy": _f(lambda F, o, x, t: F.cross_entropy(x, t), VEC, labels=((3,), 8)),
    "cross_entropy-3d": _f(lambda F, o, x, t: F.cross_entropy(x, t), I3, labels=((2, 5, 6, 7), 4)),
    "cross_entropy-options": _f(
        lambda F, o, x, t: F.cross_entropy(
            x, t, weight=o.tensor([0.2, 1.0, 2.0, 0.5]), ignore_index=1, label_smoothing=0.1
        ),
        I2,
        labels=((2, 7, 6), 4),
    ),
    "cross_entropy-sum": _f(lambda F, o, x, t: F.cross_entropy(x, t, reduction="sum"), I2, labels=((2, 7, 6), 4)),
    "cross_entropy-none": _f(
        lambda F, o, x, t: F.cross_entropy(x, t, reduction="none", ignore_index=0), I2, labels=((2, 7, 6), 4)
    ),
    "cross_entropy-soft": _f(lambda F, o, x, t: F.cross_entropy(x, o.softmax(t, 1), label_smoothing=0.2), I2, I2),
    "nll_loss": _f(lambda F, o, x, t: F.nll_loss(F.log_softmax(x, dim=1), t), I2, labels=((2, 7, 6), 4)),
    "bce-logits": _f(lambda F, o, x, t: F.binary_cross_entropy_with_logits(x * 20, o.sigmoid(t)), I2, I2),
    "bce-logits-weights": _f(
        lambda F, o, x, t: F.binary_cross_entropy_with_logits(
            x, o.sigmoid(o.detach(t)), weight=o.abs(o.detach(t)), pos_weight=o.tensor(3.0), reduction="sum"
        ),
        I2,
        I2,
    ),
    "bce": _f(lambda F, o, x, t: F.binary_cross_entropy(o.sigmoid(x), o.sigmoid(t)), I2, I2),
    "mse_loss": _f(lambda F, o, x, t: F.mse_loss(x, t), I2, I2),
    "l1_loss": _f(lambda F, o, x, t: F.l1_loss(x, t, reduction="none"), I2, I2),
    "smooth_l1_loss": _f(lambda F, o, x, t: F.smooth_l1_loss(x, t, beta=0.5), I2, I2),
    "one_hot": _f(lambda F, o, x, t: x * F.one_hot(t, 4).permute(0, 3, 1, 2), I2, labels=((2, 7, 6), 4)),
    "embedding": _f(lambda F, o, x, t: F.embedding(t, x), VEC, labels=((2, 5), 3)),
    "ops.cat": _f(lambda F, o, x, y: o.cat([x, y], dim=1), I2, I2),
    "ops.cat-keywords": _f(lambda F, o, x, y: o.cat((x, y)), I2, I2),
    "ops.stack": _f(lambda F, o, x, y: o.stack([x, y], dim=2), I2, I2),
    "ops.split": _f(lambda F, o, x: o.split(x, 2, dim=1)[1] * 2 + o.split(x, [1, 3], dim=1)[0], I2),
    "ops.chunk": _f(lambda F, o, x: o.chunk(x, 2, dim=1)[1], I2),
    "ops.zeros": _f(lambda F, o, x: x + o.zeros(4, 1, 1) + o.zeros((4, 1, 1)), I2),
    "ops.ones": _f(lambda F, o, x: x * o.ones((1, 4, 1, 1)) + o.full((1, 1, 1, 1), 2.5), I2),
    "ops.like": _f(lambda F, o, x: x + 2 * o.ones_like(x) + o.zeros_like(x), I2),
    "ops.arange": _f(lambda F, o, x: x * o.arange(6, dtype=o.float32) + o.linspace(0, 1, 6), I2),
    "ops.meshgrid": _f(
        lambda F, o, x: x * o.meshgrid(o.arange(7, dtype=o.float32), o.arange(6, dtype=o.float32), indexing="ij")[0], I2
    ),
    "ops.exp": _f(lambda F, o, x: o.exp(x), I2),
    "ops.log": _f(lambda F, o, x: o.log(x) + o.log1p(x), I2, positive=True),
    "ops.sqrt": _f(lambda F, o, x: o.sqrt(x), I2, positive=True),
    "ops.abs": _f(lambda F, o, x: o.abs(x) + o.sign(x), I2),
    "ops.trig": _f(lambda F, o, x: o.sin(x) + o.cos(x) + o.erf(x), I2),
    "ops.pow": _f(lambda F, o, x: o.pow(x, 3) + x**2, I2),
    "ops.clamp": _f(lambda F, o, x: o.clamp(x, min=-0.5) + o.clamp(x, max=0.3) + o.clamp(x, -1, 1), I2),
    "ops.minmax": _f(lambda F, o, x, y: o.maximum(x, y) - o.minimum(x, 2 * y), I2, I2),
    "ops.where": _f(lambda F, o, x, y: o.where(x > 0, x, y), I2, I2),
    "ops.sum": _f(lambda F, o, x: o.sum(x, dim=(2, 3), keepdim=True) * x, I2),
    "ops.sum-all": _f(lambda F, o, x: o.sum(x) * x + o.sum(x, dim=1, keepdim=True), I2),
    "ops.mean": _f(lambda F, o, x: o.mean(x, dim=(1, 2)), I2),
    "ops.mean-all": _f(lambda F, o, x: o.mean(x) * x, I2),
    "ops.var": _f(lambda F, o, x: o.var(x, dim=(2, 3)) + o.std(x, dim=(2, 3), correction=0), I2),
    "ops.amax": _f(lambda F, o, x: o.amax(x, dim=(2, 3)) + o.amin(x, dim=(2, 3)), I2),
    "ops.max": _f(lambda F, o, x: o.max(x, dim=1)[0] - o.min(x, dim=1, keepdim=False)[0] + o.max(x), I2),
    "ops.argmax": _f(lambda F, o, x: x * o.argmax(x, dim=1, keepdim=True), I2),
    "ops.matmul": _f(lambda F, o, x, y: o.matmul(x, y), (2, 3, 4, 5), (2, 3, 5, 6)),
    "ops.bmm": _f(lambda F, o, x, y: o.bmm(x, y), (3, 4, 5), (3, 5, 6)),
    "ops.einsum": _f(lambda F, o, x, y: o.einsum("nchw,nkhw->nck", x, y), I2, I2),
    "ops.einsum-one": _f(lambda F, o, x: o.einsum("nchw->hcn", x), I2),
    "ops.einsum-matrix": _f(lambda F, o, x, y: o.einsum("ij,kj->ki", x, y), (3, 4), (5, 4)),
    "ops.flatten": _f(lambda F, o, x: o.flatten(x, 1) + o.flatten(x, start_dim=1, end_dim=-1), I3),
    "ops.shapes": _f(lambda F, o, x: o.squeeze(o.unsqueeze(o.permute(o.reshape(x, (2, 4, -1)), (0, 2, 1)), 1), 1), I2),
    "ops.transpose": _f(lambda F, o, x: o.transpose(x, 1, 3), I2),
    "ops.flip": _f(lambda F, o, x: o.flip(x, (2,)) * o.arange(7, dtype=o.float32).reshape(1, 1, 7, 1), I2),
    "ops.roll": _f(lambda F, o, x: o.roll(x, (1, -2), (2, 3)) + o.roll(x, 3, 1), I2),
    "ops.cumsum": _f(lambda F, o, x: o.cumsum(x, dim=1), I2),
    "ops.topk": _f(lambda F, o, x: o.topk(x, 3, dim=-1)[0], I2),
    "ops.logsumexp": _f(lambda F, o, x: o.logsumexp(x * 50, dim=1), I2),
    "ops.gather": _f(lambda F, o, x, t: o.gather(x, 1, t), I2, labels=(I2, 4)),
    "ops.detach": _f(lambda F, o, x: x * o.detach(x), I2),
    "ops.softmax": _f(lambda F, o, x: o.softmax(x, dim=1) + o.log_softmax(x, dim=1) + o.relu(x), I2),
    "tensor methods": _f(
        lambda F, o, x: (
            x.mean(dim=(2, 3), keepdim=True)
            + x.sum(dim=1, keepdim=True)
            + x.flatten(1).unsqueeze(2).unsqueeze(3).mean(dim=1, keepdim=True)
            + x.permute(0, 1, 3, 2).reshape(2, 4, -1).view(2, 4, 7, 6)
            + x.transpose(2, 3).contiguous().reshape(x.shape)
            + x.float().abs().exp()
        ),
        I2,
    ),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_equals_torchs(name):
    import mindspore as ms

    call, shapes, labels, positive = FUNCTIONS[name]
    arrays = [_values(shape, 20 + index) for index, shape in enumerate(shapes)]
    if positive:
        arrays = [np.abs(array) + 0.1 for array in arrays]
    extra = [] if labels is None else [_labels(*labels, 5)]

    _, F, ops = get("torch").vocabulary
    tensors = [torch.from_numpy(array).requires_grad_(True) for array in arrays]
    y = call(F, ops, *tensors, *(torch.from_numpy(array) for array in extra))
    probe = _values(tuple(y.shape), 31)
    wanted = torch.autograd.grad((y * torch.from_numpy(probe)).sum(), tensors, materialize_grads=True)

    _, F, ops = get("mindspore").vocabulary
    constants = [ms.Tensor(array) for array in extra]

    def total(*inputs):
        out = call(F, ops, *inputs, *constants)
        return (out * ms.Tensor(probe)).sum(), out

    (_, got), grads = ms.value_and_grad(total, tuple(range(len(arrays))), has_aux=True)(*map(ms.Tensor, arrays))
    _close(got.asnumpy(), y.detach().numpy(), "forward")
    grads = grads if isinstance(grads, tuple) else (grads,)  # one argument comes without its tuple
    for index, (g, w) in enumerate(zip(grads, wanted, strict=True)):
        _close(g.asnumpy(), w.numpy(), f"gradient of argument {index}", 2e-4)
