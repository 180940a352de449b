"""Parts of a network that are trained against each other, and gradients of gradients, on every framework."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest

from workbench.errors import InputError
from workbench.frameworks import OptimizerSpec, Players, get
from workbench.testing.stepping import assert_same_bits

FRAMEWORKS = ["torch", pytest.param("mindspore", marks=pytest.mark.mindspore)]
PARTS = {"critic": ("critic.",), "maker": ("maker.",)}


def pair(nn, F, ops):
    """A maker of pictures and a critic of them, with every layer whose second derivative is needed."""

    class Critic(nn.Module):
        def __init__(self, width):
            super().__init__()
            self.blocks = nn.ModuleList()
            for index in range(2):
                self.blocks.append(
                    nn.Sequential(
                        nn.Conv2d(1 if index == 0 else width, width, 3, stride=2, padding=1),
                        nn.BatchNorm2d(width),
                        nn.LeakyReLU(0.2),
                    )
                )
            self.head = nn.Linear(2 * width, 1)

        def forward(self, x):
            pooled = []
            for block in self.blocks:
                x = block(x)
                pooled.append(ops.mean(x, dim=(2, 3)))
            return self.head(ops.cat(pooled, dim=1))

    class Pair(nn.Module):
        def __init__(self, width=3):
            super().__init__()
            self.maker = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))
            self.critic = Critic(width)

        def forward(self, x):
            return self.maker(x)

    return Pair


def contest(nn, F, ops):
    """A maker that is to please the critic and a critic that tells its pictures from real ones."""

    def loss(network, x, targets, player, seed):
        made, real = network.maker(x), targets["picture"]
        if player == "maker":
            judged = ops.mean(network.critic(made))
            return {"loss": ops.mean((made - real) ** 2) - 0.1 * judged, "judged": judged}
        share = ops.tensor(np.random.default_rng(seed).uniform(size=(4, 1, 1, 1)).astype(np.float32), device=x.device)
        noisy = network.critic(share * real)
        return {"loss": ops.mean(network.critic(ops.detach(made)) - noisy), "real": ops.mean(noisy)}

    return Players(PARTS, loss)


def penalised_contest(nn, F, ops):
    """The same, with the critic's gradient held near a norm of one (WGAN-GP)."""
    players = contest(nn, F, ops)

    def loss(network, x, targets, player, seed):
        terms = players.loss(network, x, targets, player, seed)
        if player == "maker":
            return terms
        v = ops.ones(4, 1, device=x.device)
        _, slope = ops.autograd.functional.vjp(network.critic, targets["picture"], v, create_graph=True)
        penalty = ops.mean((ops.sqrt(ops.sum(slope * slope, dim=(1, 2, 3)) + 1e-12) - 1) ** 2)
        return {"loss": terms["loss"] + 10 * penalty, "penalty": penalty, "real": terms["real"]}

    return Players(PARTS, loss)


@pytest.fixture(params=FRAMEWORKS)
def framework(request):
    if importlib.util.find_spec(request.param) is None:
        pytest.skip(f"{request.param} is not installed")
    return get(request.param)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    x, picture = rng.normal(size=(2, 4, 1, 8, 6)).astype(np.float32)
    return x, {"picture": picture}


def trainer(framework, module, spec=None, loss=contest, **options):
    return framework.trainer(module, loss, spec or OptimizerSpec("adam", betas=(0.5, 0.9)), **options)


def test_each_player_has_a_turn(framework, batch):
    module = framework.build(pair, {})
    before = framework.state(module)
    terms = trainer(framework, module).step(*batch, step_seed=1, lr=0.01)
    after = framework.state(module)
    assert set(terms) == {"critic", "real", "loss", "judged"}
    moved = {name for name in framework.parameter_names(module) if not np.array_equal(before[name], after[name])}
    # a bias before a batch norm has no effect, so nothing but rounding moves it
    assert {"maker.0.weight", "maker.2.bias", "critic.blocks.1.0.weight", "critic.head.weight"} <= moved
    assert not module.training


def test_a_player_moves_nothing_but_its_own(framework, batch):
    def only_critic_learns(nn, F, ops):
        players = contest(nn, F, ops)

        def loss(network, x, targets, player, seed):
            terms = players.loss(network, x, targets, player, seed)
            return {"loss": 0 * terms["loss"]} if player == "maker" else terms

        return Players(PARTS, loss)

    module = framework.build(pair, {})
    before = framework.state(module)
    stepper = framework.trainer(module, only_critic_learns, OptimizerSpec("sgd", momentum=0.0))
    stepper.step(*batch, step_seed=1, lr=0.1)
    after = framework.state(module)
    assert all(np.array_equal(before[name], after[name]) for name in before if name.startswith("maker."))
    assert not np.array_equal(before["critic.head.weight"], after["critic.head.weight"])


def test_the_second_player_sees_what_the_first_has_learnt(framework, batch):
    outcomes = []
    for rate in (0.0, 0.5):
        module = framework.build(pair, {})
        judged = trainer(framework, module, OptimizerSpec("sgd", momentum=0.0)).step(*batch, step_seed=1, lr=rate)
        outcomes.append(judged["judged"])
    assert abs(outcomes[0] - outcomes[1]) > 1e-4


def test_the_step_seed_decides_what_a_loss_draws(framework, batch):
    drawn = []
    for seed in (5, 5, 6):
        module = framework.build(pair, {})
        drawn.append(trainer(framework, module).step(*batch, step_seed=seed, lr=0.0)["real"])
    assert drawn[0] == drawn[1] != drawn[2]


@pytest.mark.parametrize(("optimizer", "loss"), [("adam", penalised_contest), ("sgd", contest)])
def test_a_resumed_run_is_bit_identical(framework, batch, optimizer, loss):
    spec = OptimizerSpec(optimizer, weight_decay=0.01)

    def run(interrupt):
        module = framework.build(pair, {})
        stepper = trainer(framework, module, spec, loss, grad_clip=1.0)
        for step in range(4):
            if step == interrupt:
                state, (tensors, scalars) = framework.state(module), stepper.state()
                module = framework.build(pair, {}, seed=99)
                framework.load_state(module, state)
                stepper = trainer(framework, module, spec, loss, grad_clip=1.0)
                stepper.load_state(tensors, scalars)
            values = stepper.step(*batch, step_seed=step, lr=0.05 / (1 + step))
        return framework.state(module), stepper.state()[0], values

    assert_same_bits(run(None), run(2))


def test_a_frozen_player_has_no_turn(framework, batch):
    module = framework.build(pair, {})
    before = framework.state(module)
    names = [name for name in framework.parameter_names(module) if name.startswith("maker.")]
    terms = trainer(framework, module, trainable=names).step(*batch, step_seed=0, lr=0.1)
    assert set(terms) == {"loss", "judged"}
    after = framework.state(module)
    held = [name for name in framework.parameter_names(module) if name.startswith("critic.")]
    assert all(np.array_equal(before[name], after[name]) for name in held)
    assert not np.array_equal(before["maker.0.weight"], after["maker.0.weight"])


def test_every_parameter_has_one_owner():
    players = Players({"a": ("one.",), "b": ("two.", "one.x")}, lambda *_: {})
    assert players.turns(["one.w", "two.w"]) == {"a": ["one.w"], "b": ["two.w"]}
    assert players.turns(["two.w"]) == {"b": ["two.w"]}
    with pytest.raises(InputError, match=r"'three\.w' to none.*a \(one\.\*\), b \(two\.\*, one\.x\*\)"):
        players.turns(["three.w"])
    with pytest.raises(InputError, match=r"'one\.x' to a and b"):
        players.turns(["one.x"])


# gradients of gradients


def penalised(framework, module, x):
    """Return the gradient penalty of the critic and, by name, its gradient; training mode."""
    taken = {}
    before = framework.state(module)

    def define(nn, F, ops):
        def loss(network, inputs, targets, player, seed):
            _, slope = ops.autograd.functional.vjp(network.critic, inputs, targets["v"], create_graph=True)
            return {"loss": ops.mean((ops.sqrt(ops.sum(slope * slope, dim=(1, 2, 3)) + 1e-12) - 1) ** 2)}

        return Players(PARTS, loss)

    names = [name for name in framework.parameter_names(module) if name.startswith("critic.")]
    stepper = framework.trainer(module, define, OptimizerSpec("sgd", momentum=0.0), trainable=names)
    value = stepper.step(x, {"v": np.ones((len(x), 1), np.float32)}, step_seed=0, lr=1.0)["loss"]
    after = framework.state(module)
    for name in names:
        taken[name] = before[name] - after[name]
    framework.load_state(module, before)
    return value, taken


def test_the_second_gradient_equals_finite_differences():
    framework = get("torch")
    module = framework.build(pair, {})
    x = np.random.default_rng(3).normal(size=(4, 1, 8, 6)).astype(np.float32)
    _, gradient = penalised(framework, module, x)
    state = framework.state(module)
    for name in ("critic.head.weight", "critic.blocks.1.1.weight"):
        rng, step = np.random.default_rng(1), 3e-3
        direction = rng.normal(size=state[name].shape).astype(np.float32)
        moved = []
        for sign in (1, -1):
            framework.load_state(module, state | {name: state[name] + np.float32(sign * step) * direction})
            moved.append(penalised(framework, module, x)[0])
        framework.load_state(module, state)
        assert (gradient[name] * direction).sum() == pytest.approx((moved[0] - moved[1]) / (2 * step), rel=0.05), name


@pytest.mark.mindspore
def test_the_second_gradient_is_the_same_in_both():
    pytest.importorskip("mindspore")
    torch, mindspore = get("torch"), get("mindspore")
    one, other = torch.build(pair, {}, seed=1), mindspore.build(pair, {}, seed=2)
    mindspore.load_state(other, torch.state(one))
    x = np.random.default_rng(3).normal(size=(4, 1, 8, 6)).astype(np.float32)
    (value, wanted), (again, got) = penalised(torch, one, x), penalised(mindspore, other, x)
    assert value == pytest.approx(again, rel=1e-4)
    scale = max(np.abs(gradient).max() for gradient in wanted.values())
    for name in wanted:
        assert np.abs(wanted[name] - got[name]).max() <= 1e-3 * np.abs(wanted[name]).max() + 1e-6 * scale, name
    assert np.abs(got["critic.head.weight"]).max() > 1e-3


@pytest.mark.mindspore
def test_the_first_three_steps_are_the_same_in_both(batch):
    pytest.importorskip("mindspore")
    torch, mindspore = get("torch"), get("mindspore")
    one, other = torch.build(pair, {}, seed=1), mindspore.build(pair, {}, seed=2)
    mindspore.load_state(other, torch.state(one))
    trainers = [trainer(torch, one, loss=penalised_contest), trainer(mindspore, other, loss=penalised_contest)]
    for step in range(3):
        a, b = (each.step(*batch, step_seed=step, lr=1e-3) for each in trainers)
        assert list(a) == list(b)
        assert all(a[name] == pytest.approx(b[name], rel=1e-3, abs=1e-4) for name in a), (step, a, b)


@pytest.mark.mindspore
def test_mindspore_takes_modules_only():
    pytest.importorskip("mindspore")
    ops = get("mindspore").vocabulary[2]
    with pytest.raises(InputError, match="Give the module itself"):
        ops.autograd.functional.vjp(lambda x: x, ops.ones(2), ops.ones(2), create_graph=True)


def test_a_first_gradient_through_a_module(framework):
    ops = framework.vocabulary[2]
    module = framework.build(pair, {})
    x = ops.tensor(np.random.default_rng(3).normal(size=(4, 1, 8, 6)).astype(np.float32))
    v = ops.tensor(np.array([[1.0], [0.0], [0.0], [2.0]], np.float32))
    outputs, slope = ops.autograd.functional.vjp(module.critic, x, v)
    assert tuple(outputs.shape) == (4, 1)
    per_sample = np.abs(np.asarray(slope.numpy() if hasattr(slope, "numpy") else slope.asnumpy())).reshape(4, -1).max(1)
    assert (per_sample[[0, 3]] > 0).all()
    assert (per_sample[[1, 2]] == 0).all()
