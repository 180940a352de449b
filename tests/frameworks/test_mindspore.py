from __future__ import annotations

import numpy as np
import pytest

from workbench.errors import InputError, StateError
from workbench.frameworks import LinearScore, OptimizerSpec, get, weights
from workbench.testing.frameworks import FrameworkContract
from workbench.testing.stepping import classification, tiny

pytestmark = pytest.mark.mindspore
pytest.importorskip("mindspore", reason="the mindspore extra is not installed")


class TestMindSpore(FrameworkContract):
    name = "mindspore"

    def test_a_module_is_a_cell(self, framework):
        import mindspore

        assert isinstance(framework.build(tiny, {}), mindspore.nn.Cell)

    def test_building_leaves_the_callers_random_numbers_alone(self, framework):
        np.random.seed(11)  # noqa: NPY002 - the caller's global state is what is tested
        wanted = np.random.rand(3)  # noqa: NPY002
        np.random.seed(11)  # noqa: NPY002
        framework.build(tiny, {}, seed=5)
        assert np.array_equal(np.random.rand(3), wanted)  # noqa: NPY002

    def test_half_precision(self, framework):
        import mindspore

        def halve(module):
            for weight in module.get_parameters():
                weight.set_dtype(mindspore.float16)

        self.check_precision(framework, halve, 1e-2)

    @pytest.mark.parametrize("precision", ["bfloat16", "float64"])
    def test_precisions_that_mindspore_has_no_kernels_for_are_refused(self, framework, x, precision):
        import mindspore

        module = framework.build(tiny, {})
        for weight in module.get_parameters():
            weight.set_dtype(getattr(mindspore, precision))
        for ask in (lambda: framework.forward(module, x), lambda: framework.input_gradient(module, x, self.score)):
            with pytest.raises(InputError, match=r"MindSpore on CPU cannot run it.*float32"):
                ask()

    def test_what_layers_were_told_to_compute_in_is_refused_too(self, framework, x):
        import mindspore

        module = framework.build(tiny, {})
        whole = framework.forward(module, x)
        module.to_float(mindspore.bfloat16)
        for ask in (lambda: framework.forward(module, x), lambda: framework.input_gradient(module, x, self.score)):
            with pytest.raises(InputError, match=r"layers compute in BFloat16.*\(Select CPU operator.*to_float\("):
                ask()
        module.to_float(mindspore.float16)
        np.testing.assert_allclose(framework.forward(module, x), whole, rtol=0, atol=1e-2 * np.abs(whole).max())

    def test_a_scale_factor_without_a_whole_size_is_refused(self, framework):
        import mindspore

        _, F, _ = framework.vocabulary
        with pytest.raises(InputError, match="Give the size instead"):
            F.interpolate(mindspore.Tensor(np.ones((1, 1, 5, 5), np.float32)), scale_factor=1.5, mode="bilinear")

    @pytest.mark.parametrize("options", [{"momentum": None}, {"track_running_stats": False}])
    def test_norms_without_fixed_statistics_are_refused(self, framework, options):
        nn, _, _ = framework.vocabulary
        with pytest.raises(InputError, match="fixed momentum"):
            nn.BatchNorm2d(3, **options)

    @pytest.mark.parametrize("shape", [(2, 3, 8), (2, 6, 2)])
    def test_a_layer_norm_refuses_another_last_axis(self, framework, shape):
        import mindspore

        norm = framework.vocabulary[0].LayerNorm(4)
        with pytest.raises(InputError, match=r"over \(4,\) takes shapes that end in it"):
            norm(mindspore.Tensor(np.ones(shape, np.float32)))

    def test_an_instance_norm_of_large_values_is_exact(self, framework):
        import mindspore

        x = np.random.default_rng(0).normal(1000, 1, size=(2, 2, 128, 128)).astype(np.float32)
        exact = x.astype(np.float64)
        exact = (exact - exact.mean((2, 3), keepdims=True)) / np.sqrt(exact.var((2, 3), keepdims=True) + 1e-5)
        norm = framework.vocabulary[0].InstanceNorm2d(2)
        for module in (norm.train(), norm.eval()):
            assert np.abs(module(mindspore.Tensor(x)).asnumpy() - exact).max() < 2e-5

    @pytest.mark.parametrize(("shape", "affine"), [((2, 3, 96, 128), True), ((2, 2, 24, 24, 32), False)])
    def test_norms_of_many_values_are_exact(self, framework, shape, affine):
        import mindspore
        import torch

        kind = f"BatchNorm{len(shape) - 2}d"
        mine = getattr(framework.vocabulary[0], kind)(shape[1], affine=affine).train()
        exact = getattr(torch.nn, kind)(shape[1], affine=affine).double()
        rng = np.random.default_rng(0)
        x, weights = np.maximum(rng.normal(3, 2, size=shape), 0), rng.normal(size=shape)
        x[:, 0] = 2.5  # of no variance
        inputs = torch.tensor(x, requires_grad=True)
        wanted = exact(inputs)
        (slope,) = torch.autograd.grad((wanted * torch.tensor(weights)).sum(), inputs)
        x, weights = (mindspore.Tensor(array.astype(np.float32)) for array in (x, weights))
        got, gradient = mindspore.value_and_grad(lambda t: (mine(t) * weights).sum())(x)
        assert got.asnumpy() == pytest.approx((wanted.detach().numpy() * weights.asnumpy()).sum(), rel=1e-3, abs=1e-2)
        assert np.abs(mine(x).asnumpy() - wanted.detach().numpy()).max() < 2e-6
        assert np.abs(gradient.asnumpy() - slope.numpy()).max() < 1e-4 * np.abs(slope.numpy()[:, 1:]).max()


@pytest.mark.parametrize("batch_first", [False, True])
def test_attention_equals_torchs(batch_first):
    import mindspore
    import torch

    def define(nn, F, ops):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.attention = nn.MultiheadAttention(8, 2, batch_first=batch_first)

            def forward(self, x):
                return self.attention(x, x, x)[0]

        return Net

    left, right = get("torch"), get("mindspore")
    a, b = left.build(define, {}), right.build(define, {})
    assert right.load_state(b, left.state(a)).complete
    x = np.random.default_rng(0).normal(size=(3, 5, 8)).astype(np.float32)
    score = LinearScore(np.random.default_rng(1).normal(size=(5, 8)))
    assert np.allclose(left.forward(a, x), right.forward(b, x), atol=1e-5)
    assert np.allclose(left.input_gradient(a, x, score)[1], right.input_gradient(b, x, score)[1], atol=1e-5)
    mask = np.triu(np.ones((5, 5), dtype=bool), 1) if batch_first else np.triu(np.ones((3, 3), dtype=bool), 1)
    wanted, shown = a.attention(*[torch.from_numpy(x)] * 3, attn_mask=torch.from_numpy(mask))
    got, seen = b.attention(*[mindspore.Tensor(x)] * 3, attn_mask=mindspore.Tensor(mask))
    assert np.allclose(wanted.detach().numpy(), got.asnumpy(), atol=1e-5)
    assert np.allclose(shown.detach().numpy(), seen.asnumpy(), atol=1e-5)


def test_embedding_equals_torchs():
    def define(nn, F, ops):
        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.table = nn.Embedding(6, 3)

            def forward(self, x):
                return self.table(x)

        return Net

    left, right = get("torch"), get("mindspore")
    a, b = left.build(define, {}), right.build(define, {})
    right.load_state(b, left.state(a))
    index = np.array([[0, 5], [3, 3]])
    assert np.array_equal(left.forward(a, index), right.forward(b, index))


def test_dropout_drops_its_share_and_keeps_the_mean():
    import mindspore

    nn, _, _ = get("mindspore").vocabulary
    x = mindspore.Tensor(np.ones((20, 50, 20), np.float32))
    layer = nn.Dropout(0.25).train()
    y = layer(x).asnumpy()
    assert np.isclose((y == 0).mean(), 0.25, atol=0.02)
    assert np.allclose(y[y != 0], 1 / 0.75)
    channels = nn.Dropout2d(0.5).train()(x).asnumpy()
    assert set(np.unique(channels.mean(2))) == {0.0, 2.0}
    assert np.array_equal(layer.eval()(x).asnumpy(), x.asnumpy())


def deep(nn, F, ops):
    """A small 3D U-Net: everything between the two frameworks that could differ at once."""

    class Double(nn.Module):
        def __init__(self, inside, outside):
            super().__init__()
            self.body = nn.Sequential(
                nn.Conv3d(inside, outside, 3, padding=1, bias=False),
                nn.BatchNorm3d(outside),
                nn.LeakyReLU(0.01, inplace=True),
                nn.Conv3d(outside, outside, 3, padding=1, bias=False),
                nn.InstanceNorm3d(outside, affine=True),
                nn.GELU(),
            )

        def forward(self, x):
            return self.body(x)

    class Net(nn.Module):
        def __init__(self, width=4):
            super().__init__()
            self.down = nn.ModuleList([Double(1, width), Double(width, 2 * width)])
            self.pool = nn.MaxPool3d(2)
            self.up = nn.ConvTranspose3d(2 * width, width, 2, stride=2)
            self.last = Double(2 * width, width)
            self.head = nn.Conv3d(width, 3, 1)

        def forward(self, x):
            skip = self.down[0](x)
            x = self.up(self.down[1](self.pool(skip)))
            return self.head(self.last(ops.cat([skip, x], dim=1)))

    return Net


@pytest.fixture
def both(tmp_path):
    left, right = get("torch"), get("mindspore")
    a = left.build(deep, {}, seed=1)
    path = weights.save(tmp_path / "both.safetensors", left.state(a))
    b = right.build(deep, {}, seed=2)
    assert right.load_state(b, weights.load(path)[0]).complete
    return (left, a), (right, b)


def _volume(seed=0):
    return np.random.default_rng(seed).normal(size=(2, 1, 8, 6, 8)).astype(np.float32)


def test_one_weights_file_gives_one_answer(both):
    (left, a), (right, b) = both
    x, score = _volume(), LinearScore(np.random.default_rng(1).normal(size=(3, 8, 6, 8)), activation="softmax")
    assert np.abs(left.forward(a, x) - right.forward(b, x)).max() <= 1e-4
    wanted, got = left.input_gradient(a, x, score), right.input_gradient(b, x, score)
    assert np.allclose(wanted[0], got[0], atol=1e-3)
    assert np.abs(wanted[1] - got[1]).max() <= 1e-4
    for layer in ("down.0", "up", "last.body.3"):
        for one, other in zip(
            left.layer_gradient(a, layer, x, score), right.layer_gradient(b, layer, x, score), strict=True
        ):
            assert np.allclose(one, other, atol=1e-3)


@pytest.mark.parametrize(
    "spec",
    [
        OptimizerSpec("adam", weight_decay=0.01),
        OptimizerSpec("adamw", weight_decay=0.1),
        OptimizerSpec("sgd", weight_decay=0.01),
        OptimizerSpec("sgd", nesterov=True),
        OptimizerSpec("sgd", momentum=0.0),
    ],
    ids=["adam", "adamw", "sgd", "nesterov", "plain"],
)
def test_the_first_three_training_steps_are_the_same(both, spec):
    (left, a), (right, b) = both
    label = np.random.default_rng(3).integers(0, 3, (2, 8, 6, 8))
    trainers = [
        left.trainer(a, classification, spec, grad_clip=5.0),
        right.trainer(b, classification, spec, grad_clip=5.0),
    ]
    for step in range(3):
        one, other = (t.step(_volume(step), {"label": label}, step_seed=0, lr=1e-3) for t in trainers)
        assert one["loss"] == pytest.approx(other["loss"], abs=1e-3)
    wanted, got = left.state(a), right.state(b)
    assert all(np.abs(wanted[key] - got[key]).max() <= 1e-3 for key in wanted)


def test_numpy_2_is_named_as_the_cause(monkeypatch):
    from workbench.frameworks.mindspore import _runtime

    monkeypatch.setattr(np, "__version__", "2.1.0")
    with pytest.raises(StateError, match=r"NumPy 2\.1\.0.*numpy<2"):
        _runtime.load.__wrapped__()
