from __future__ import annotations

import inspect
import pydoc
import re
import subprocess
import sys
from typing import Any, ClassVar

import numpy as np
import pytest

import workbench as wb
from workbench import explain
from workbench.errors import InputError, StateError, WorkbenchError
from workbench.explain.base import Explainer, Problem, Step
from workbench.explain.registry import EXPLAINERS
from workbench.explain.resize import resize_linear
from workbench.parameters import Parameter, by_name
from workbench.testing import toys


def test_the_package_can_be_called_and_is_still_a_package():
    assert callable(wb.explain)
    assert wb.explain.Class is explain.Class
    assert wb.explain.explain.__module__ == "workbench.explain.explaining"
    assert "method : str" in type(wb.explain).__call__.__doc__
    assert inspect.signature(wb.explain) == inspect.signature(explain.explain)


def test_help_lists_every_keyword_and_what_each_method_needs(plug_ins):
    class Mine(Explainer):
        """Needs all there is."""

        name, title, summary, reference = "mine", "Mine", "nothing", "none"
        needs_layer, supports_box, frameworks = True, True, ("torch",)
        options = by_name(Parameter("count", "integer", 3, "how many"))

        def steps(self, problem):
            raise NotImplementedError

    plug_ins(EXPLAINERS, mine=Mine)
    text = pydoc.plain(pydoc.render_doc(wb.explain)).partition("PACKAGE CONTENTS")[0]
    names = {method.name for method in explain.methods()}
    assert "mine" in names
    keywords = [name for name in inspect.signature(explain.explain).parameters if name != "options"]
    assert all(re.search(rf"^ +{name} : ", text, re.MULTILINE) for name in keywords)
    table = {
        line.split()[0]: line
        for line in text.partition("The methods::")[2].partition("Explain what")[0].splitlines()
        if line.strip()
    }
    assert set(table) == {"method", *names}
    assert table["mine"].split(maxsplit=1)[1] == "layer, torch  count=3, within=None"
    assert "stride=None" in table["occlusion"]
    assert "within=None" in table["occlusion"]
    assert table["grad-cam"].split() == ["grad-cam", "layer", "relu=True"]


def test_importing_it_loads_no_framework():
    heavy = ("torch", "mindspore", "captum", "scipy")
    code = f"import sys, workbench.explain; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(InputError, match=r"Unknown explanation method 'gradcam'.*Did you mean 'grad-cam'"):
        wb.explain(toys.cnn_model(2), toys.noise_volume((8, 8)), "gradcam")


def test_what_is_no_model_is_named():
    with pytest.raises(InputError, match=r"is a Model.*got int"):
        wb.explain(3, toys.noise_volume((8, 8)))


def test_the_methods_are_a_table():
    table = repr(wb.explain.methods())
    assert "occlusion" in table
    assert all(m.title and m.summary and m.reference for m in wb.explain.methods())


def test_an_option_of_another_method_is_an_error():
    with pytest.raises(InputError, match="'within'"):
        wb.explain(toys.cnn_model(2), toys.noise_volume((8, 8)), "saliency", within=((0, 0), (1, 1)))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("targt", "target"), ("traget", "target"), ("layr", "layer"), ("metod", "method"), ("progres", "progress"),
        ("cancell", "cancel"), ("backgroud", "background"), ("in_background", "background"), ("withn", "within"),
        ("windw", "window"), ("strides", "stride"), ("base_line", "baseline"), ("batchsize", "batch_size"),
        ("batch", "batch_size"), ("activaton", "activation"),
    ],
)  # fmt: skip
def test_a_mistyped_keyword_is_named_with_the_nearest(wrong, right):
    model, volume = toys.cnn_model(3), toys.noise_volume((8, 8, 8), np.eye(4))
    words = rf"The method 'occlusion' got an unknown option '{wrong}'\. Did you mean '{right}'\?"
    for background in (False, True):
        with pytest.raises(InputError, match=words):
            wb.explain(model, volume, "occlusion", background=background, **{wrong: 1})


def test_a_mistyped_keyword_of_what_must_be_given_is_named():
    with pytest.raises(InputError, match=r"wb\.explain\(\) got an unknown option 'volum'\. Did you mean 'volume'"):
        wb.explain(toys.cnn_model(3), volum=None, window=4)


def test_cancelled_is_an_error_of_ours_and_a_runtime_error():
    assert issubclass(wb.explain.Cancelled, WorkbenchError)
    assert issubclass(wb.explain.Cancelled, RuntimeError)


class Brightness(Explainer):
    """A method of another package."""

    name = "brightness"
    title = "Brightness"
    summary = "the input itself"
    reference = "none"
    options: ClassVar[dict[str, Any]] = {"gain": Parameter("gain", "number", 2.0, "Factor.", low=0)}

    def steps(self, problem):
        yield Step(1.0, lambda: problem.input[0, 0] * problem.options["gain"], problem.spatial_shape)


def test_other_packages_can_add_methods(plug_ins):
    plug_ins(EXPLAINERS, brightness=Brightness)
    volume = toys.noise_volume((8, 8))
    why = wb.explain(toys.cnn_model(2), volume, "brightness", gain=3)
    assert np.allclose(why.data, 3 * volume.data)
    assert wb.explain.methods()[-1].name == "brightness"
    with pytest.raises(InputError, match="gain must be a number, at least 0, got -1"):
        wb.explain(toys.cnn_model(2), volume, "brightness", gain=-1)


def test_an_entry_point_that_is_no_explainer_is_named(plug_ins):
    plug_ins(EXPLAINERS, brightness=dict)
    with pytest.warns(UserWarning, match=r"'brightness'.*somebody\.elses.*subclass of .*\.Explainer"):
        assert wb.explain.methods()[0].name == "grad-cam"
    with pytest.raises(StateError, match=r"'brightness'.*somebody\.elses"):
        wb.explain(toys.cnn_model(2), toys.noise_volume((8, 8)), "brightness")


def test_a_method_can_be_declared_in_a_cell(plug_ins):
    plug_ins(EXPLAINERS)
    assert wb.explain.register(Brightness) is Brightness
    assert "brightness" in [method.name for method in wb.explain.methods()]


@pytest.mark.parametrize(("old", "new"), [((3, 4), (6, 8)), ((2, 3, 4), (5, 3, 9)), ((6, 6), (3, 2)), ((1, 3), (4, 4))])
def test_enlarging_equals_the_frameworks(old, new):
    torch = pytest.importorskip("torch")
    values = np.random.default_rng(0).normal(size=old)
    mode = {2: "bilinear", 3: "trilinear"}[len(old)]
    theirs = torch.nn.functional.interpolate(torch.from_numpy(values)[None, None], new, mode=mode)[0, 0].numpy()
    assert np.abs(resize_linear(values, new) - theirs).max() < 1e-12


def test_an_option_in_the_old_words_is_a_parameter_still():
    with pytest.warns(DeprecationWarning, match="Parameter"):
        old = wb.explain.Option("extent", None, "Size.", low=1, unit="mm")

    class Old(Brightness):
        options: ClassVar[dict[str, Any]] = {"window": old}

    assert Old.options["window"] == Parameter("window", "number", None, "Size.", low=1, unit="mm", per_axis=True)


def test_the_former_name_of_the_feeder_still_serves():
    feeder = object()
    problem = Problem(None, None, np.zeros((1, 1, 2, 2), np.float32), None, {}, (1.0, 1.0), feeder)
    with pytest.warns(DeprecationWarning, match=r"Problem\.feeder"):
        assert problem.batches is feeder
