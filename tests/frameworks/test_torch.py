from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
import torch

from workbench.errors import InputError, StateError
from workbench.frameworks import LinearScore, OptimizerSpec, get, worker_environment
from workbench.testing.frameworks import FrameworkContract
from workbench.testing.stepping import classification, tiny


class TestTorch(FrameworkContract):
    name = "torch"

    def test_a_module_is_an_ordinary_torch_module(self, framework):
        assert isinstance(framework.build(tiny, {}), torch.nn.Module)

    def test_building_leaves_the_callers_random_numbers_alone(self, framework):
        torch.manual_seed(11)
        wanted = torch.rand(3)
        torch.manual_seed(11)
        framework.build(tiny, {}, seed=5)
        framework.build(tiny, {}, seed=None)
        assert torch.equal(torch.rand(3), wanted)

    @pytest.mark.parametrize(("precision", "tolerance"), [("half", 1e-2), ("bfloat16", 5e-2), ("double", 1e-5)])
    def test_other_precisions(self, framework, precision, tolerance):
        self.check_precision(framework, lambda module: getattr(module, precision)(), tolerance)

    def test_precisions_that_do_not_go_together_are_refused(self, framework, x):
        module = framework.build(tiny, {})
        module.head.double()
        with pytest.raises(InputError, match=r"weights are float32, float64.*module\.float\(\)"):
            framework.forward(module, x)

    def test_gradients_inside_of_inference_mode(self, framework, x):
        module = framework.build(tiny, {})
        wanted = [framework.input_gradient(module, x, self.score)[1]]
        wanted += framework.layer_gradient(module, "conv", x, self.score)[1:]
        with torch.inference_mode():
            found = [framework.input_gradient(module, x, self.score)[1]]
            found += framework.layer_gradient(module, "conv", x, self.score)[1:]
            inside = framework.build(tiny, {})
            with framework.layout(module, "channels-last"):
                pass
        assert all(np.array_equal(a, b) and np.abs(a).max() > 0 for a, b in zip(found, wanted, strict=True))
        # neither what was made there nor what was laid out anew there has lost its gradients
        for network in (inside, module):
            assert np.array_equal(framework.input_gradient(network, x, self.score)[1], wanted[0])

    def test_weights_made_in_inference_mode_are_refused_in_words(self, framework, x):
        with torch.inference_mode():
            module = tiny(*framework.vocabulary)()
        with pytest.raises(StateError, match=r"made inside torch\.inference_mode"):
            framework.input_gradient(module, x, self.score)

    def test_a_read_only_batch_is_not_written_to(self, framework, x):
        x.flags.writeable = False
        framework.input_gradient(framework.build(tiny, {}), x, LinearScore(np.ones(2)))

    def test_a_layer_with_several_outputs_is_refused(self, framework):
        def define(nn, F, ops):
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.attention = nn.MultiheadAttention(4, 2, batch_first=True)

                def forward(self, x):
                    return self.attention(x, x, x)[0]

            return Net

        module = framework.build(define, {})
        with pytest.raises(InputError, match=r"returns tuple.*Choose a layer inside"):
            framework.layer_gradient(module, "attention", np.ones((2, 3, 4), np.float32), LinearScore(np.ones((3, 4))))

    @pytest.mark.parametrize("wrap", ["compiled", "parallel", "averaged"])
    def test_wrapped_networks_keep_the_names_and_answers_of_the_bare_one(self, framework, x, wrap):
        bare = framework.build(tiny, {})
        wrapped = {
            "compiled": lambda: torch.compile(bare, backend="eager"),
            "parallel": lambda: torch.nn.DataParallel(bare),
            "averaged": lambda: torch.optim.swa_utils.AveragedModel(bare),
        }[wrap]()
        assert framework.layers(wrapped) == framework.layers(bare)
        assert framework.state(wrapped).keys() == framework.state(bare).keys()
        assert framework.parameter_names(wrapped) == framework.parameter_names(bare)
        np.testing.assert_allclose(framework.forward(wrapped, x), framework.forward(bare, x), atol=1e-6)
        ours, theirs = (framework.layer_gradient(one, "conv", x, self.score) for one in (wrapped, bare))
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-5)
        state = {name: value + 1 for name, value in framework.state(bare).items()}
        assert framework.load_state(wrapped, state).complete
        first = next(iter(state))
        np.testing.assert_array_equal(framework.state(wrapped)[first], state[first])

    @pytest.mark.filterwarnings("ignore::DeprecationWarning")
    def test_a_scripted_network_shows_no_layers(self, framework, x):
        bare = framework.build(tiny, {})
        scripted = torch.jit.trace(bare, torch.zeros(x.shape))
        with pytest.raises(InputError, match=r"traced or scripted.*saliency"):
            framework.layer_gradient(scripted, "conv", x, self.score)

    def test_gradients_need_no_trainable_parameter(self, framework, x, targets):
        module = framework.build(tiny, {})
        wanted = framework.layer_gradient(module, "conv", x, self.score)[2]
        for parameter in module.parameters():
            parameter.requires_grad_(False)
        assert np.array_equal(framework.layer_gradient(module, "conv", x, self.score)[2], wanted)

    def test_an_answer_without_a_gradient_is_refused_in_words(self, framework, x):
        class Detached(tiny(*framework.vocabulary)):
            def forward(self, x):
                return super().forward(x).detach()

        with pytest.raises(StateError, match=r"hang on its input by a gradient.*torch\.no_grad.*'occlusion'"):
            framework.input_gradient(Detached(), x, self.score)

    def test_a_way_that_is_cut_within_the_network_is_refused_and_a_layer_beside_it_is_not(self, framework):
        class Cut(torch.nn.Module):
            def __init__(self, cut):
                super().__init__()
                self.cut, self.first, self.beside = cut, torch.nn.Conv2d(1, 2, 1), torch.nn.Conv2d(1, 2, 1)
                self.last = torch.nn.Linear(2, 2)

            def forward(self, x):
                self.beside(x)
                x = self.first(x)
                return self.last((x.detach() if self.cut else x).mean((2, 3)))

        x = np.ones((1, 1, 3, 4), np.float32)
        score = LinearScore(np.array([0, 1], np.float32))
        for ask in (framework.input_gradient, lambda *given: framework.layer_gradient(given[0], "first", *given[1:])):
            with pytest.raises(StateError, match="hang on its input by a gradient"):
                ask(Cut(cut=True).eval(), x, score)
        _, _, gradient = framework.layer_gradient(Cut(cut=False).eval(), "beside", x, score)
        assert gradient.shape == (1, 2, 3, 4)
        assert not gradient.any()

    @pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
    @pytest.mark.parametrize("nesterov", [False, True])
    def test_steps_equal_a_loop_written_by_hand(self, framework, x, targets, optimizer, nesterov):
        spec = OptimizerSpec(optimizer, lr=0.05, weight_decay=0.1, nesterov=nesterov)
        module, byhand = framework.build(tiny, {}), framework.build(tiny, {})
        trainer = framework.trainer(module, classification, spec)
        kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[optimizer]
        more = {"momentum": 0.9, "nesterov": nesterov} if optimizer == "sgd" else {}
        plain = kind(byhand.parameters(), lr=0.05, weight_decay=0.1, foreach=False, **more)
        loss = classification(torch.nn, torch.nn.functional, torch)
        for step in range(4):
            byhand.train()
            torch.manual_seed(step)
            value = loss(byhand(torch.from_numpy(x)), {"label": torch.from_numpy(targets["label"])})["loss"]
            plain.zero_grad()
            value.backward()
            plain.step()
            got = trainer.step(x, targets, step_seed=step, lr=0.05)
            assert got["loss"] == pytest.approx(value.item(), abs=1e-6)
        byhand.eval()
        wanted = framework.state(byhand)
        # the bias before a batch norm has a gradient of rounding errors only, which Adam blows up to full steps
        got = {
            key: value
            for key, value in framework.state(module).items()
            if key not in ("conv.bias", "norm.running_mean")
        }
        assert all(np.allclose(value, wanted[key], atol=1e-5) for key, value in got.items())

    def test_an_averaging_norm_keeps_its_counter(self, framework):
        def define(nn, F, ops):
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.norm = nn.BatchNorm2d(2, momentum=None)

                def forward(self, x):
                    return self.norm(x)

            return Net

        assert "norm.num_batches_tracked" in framework.state(framework.build(define, {}))


def test_get_returns_one_framework_for_a_name():
    assert get("torch") is get("torch")


def test_a_process_computes_with_as_many_threads_and_as_exactly_as_asked_for():
    threads, exact = torch.get_num_threads(), torch.are_deterministic_algorithms_enabled()
    filling = torch.utils.deterministic.fill_uninitialized_memory
    try:
        for wanted in (True, False):
            get("torch").configure(threads=1 + wanted, deterministic=wanted)
            assert torch.get_num_threads() == 1 + wanted
            assert torch.are_deterministic_algorithms_enabled() == wanted
            assert torch.is_deterministic_algorithms_warn_only_enabled()
            assert not torch.utils.deterministic.fill_uninitialized_memory
    finally:
        torch.set_num_threads(threads)
        torch.use_deterministic_algorithms(exact)
        torch.utils.deterministic.fill_uninitialized_memory = filling


def test_the_workspace_of_cublas_is_set_where_steps_must_be_equal():
    made = {wanted: worker_environment("torch", {}, threads=2, deterministic=wanted) for wanted in (True, False)}
    assert made[True] == {**made[False], "CUBLAS_WORKSPACE_CONFIG": ":4096:8"}
    assert made[False] == {"OMP_NUM_THREADS": "2", "GOMP_SPINCOUNT": "10000", "THP_MEM_ALLOC_ENABLE": "1"}


def test_large_pages_are_asked_for_unless_somebody_said_otherwise():
    told = {"THP_MEM_ALLOC_ENABLE": "0"}
    assert worker_environment("torch", told, threads=2, deterministic=False)["THP_MEM_ALLOC_ENABLE"] == "0"
    show = "import os, workbench; workbench.frameworks.get('torch'); print(os.environ['THP_MEM_ALLOC_ENABLE'])"
    for given, wanted in (({}, "1"), (told, "0")):
        inherited = {name: value for name, value in os.environ.items() if name not in told}
        done = subprocess.run([sys.executable, "-c", show], env={**inherited, **given}, capture_output=True, text=True)
        assert done.stdout.strip() == wanted, done.stderr
