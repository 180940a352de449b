"""A plug-in of any kind that breaks after it was found takes nothing along, and is told of when it is asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from workbench.datasets import Card, Entry
from workbench.datasets.catalogue import DATASETS
from workbench.errors import FileError, InputError, StateError
from workbench.explain import Check, Explainer
from workbench.io import Format
from workbench.io._registry import FORMATS
from workbench.jobs import JobKind, Placement, begin
from workbench.jobs.executors import EXECUTORS, Executor
from workbench.parameters import Parameter
from workbench.tools import Image, tool
from workbench.widgets import DeskPanel
from workbench.widgets.desk_panel import PANELS
from workbench.zoo.algorithm import Algorithm
from workbench.zoo.catalogue import ALGORITHMS


def boom(*_given: Any, **_options: Any) -> Any:
    raise RuntimeError("boom")


def panel(**body: Any) -> type:
    return type("Odd", (DeskPanel,), {"called": "odd", "order": 99, "_esm": "export default {}", **body})


def test_a_panel_that_cannot_be_made_is_left_out(plug_ins, recwarn):
    plug_ins(PANELS, odd=panel(__init__=boom))
    for _ in range(2):
        app = wb.App("phantom-ct", n=1, size=16)
        assert app.data.volume.shape == (16, 16, 16)
        assert "odd" not in app.panels
    with pytest.raises(AttributeError, match=r"no attribute 'odd'.*panel plug-in 'odd' .*RuntimeError: boom"):
        _ = app.odd
    assert len([one for one in recwarn if "panel plug-in 'odd'" in str(one.message)]) == 1


def test_so_is_one_that_was_declared_in_a_cell():
    try:
        PANELS.register(panel(__init__=boom))
        with pytest.warns(UserWarning, match=r"'odd' .*declared here, cannot be used: RuntimeError: boom\. Mend it"):
            app = wb.App("phantom-ct", n=1, size=16)
        assert app.data.volume.shape == (16, 16, 16)
        assert "odd" not in app.panels
        PANELS.register(panel())
        assert "odd" in wb.App().panels
    finally:
        PANELS.reset()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"called": "my panel"}, "Odd: called must be a name that Python takes as an attribute .*got 'my panel'"),
        ({"called": "class"}, "got 'class'"),
        ({"actions": {"go": "start"}}, "the action 'go' must be the name of a method, got 'start'"),
    ],
)
def test_a_panel_that_could_never_be_used_is_refused(body, words):
    with pytest.raises(InputError, match=words):
        PANELS.register(panel(**body))


def test_a_panel_that_cannot_answer_hides_no_other_answer(plug_ins, tmp_path):
    plug_ins(PANELS, odd=panel(snippet=boom, facts=boom, pictures=boom, extras=boom))
    with pytest.warns(UserWarning, match="panel plug-in 'odd'.*boom"):
        app = wb.App("phantom-ct", n=1, size=16)
    assert "phantom-ct" in app.code()
    assert app.parameters()["layers"]
    assert app.report(tmp_path / "report.html").is_file()


def test_a_panel_without_a_place_in_the_order_is_warned_of(plug_ins):
    plug_ins(PANELS, odd=type("Odd", (DeskPanel,), {"called": "odd"}))
    with pytest.warns(UserWarning, match="Odd must define order"):
        assert "data" in wb.App().panels


def test_our_own_panel_raises_what_it_raises(monkeypatch):
    app = wb.App("phantom-ct", n=1, size=16)
    monkeypatch.setattr(type(app.data), "snippet", boom)
    with pytest.raises(RuntimeError, match="boom"):
        app.code()


def test_a_format_that_cannot_even_look_is_left_out(plug_ins, tmp_path):
    class Odd(Format):
        name = "odd"
        suffixes = (".odd",)
        sniff = boom

        def read(self, path: Path, **options: Any) -> Any:
            raise NotImplementedError

    plug_ins(FORMATS, odd=Odd)
    file = wb.write(wb.Volume(np.zeros((2, 3, 4), np.int16)), tmp_path / "a.nii.gz")
    with pytest.warns(UserWarning, match="format plug-in 'odd'.*boom"):
        assert wb.read(file).shape == (2, 3, 4)
    (tmp_path / "b.odd").write_bytes(b"something")
    with pytest.raises(FileError, match=r"no known format\..*format plug-in 'odd'.*boom"):
        wb.read(tmp_path / "b.odd")


def test_a_data_set_that_cannot_be_loaded_is_named(plug_ins):
    card = Card(name="odd", title="Odd", tasks=("segmentation",), licence="none")
    plug_ins(DATASETS, odd=Entry(card, boom))
    assert "odd" in repr(wb.datasets.list())
    with pytest.raises(StateError, match=r"data set plug-in 'odd'.*RuntimeError: boom"):
        wb.datasets.load("odd")


def test_an_executor_that_fails_is_named(plug_ins, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_RUNS", str(tmp_path / "runs"))
    body = {"name": "odd", "title": "Odd", "submit": boom, "state": boom, "cancel": boom}
    plug_ins(EXECUTORS, odd=type("Odd", (Executor,), body))
    data = wb.datasets.load("phantom-xray", n=3, size=16)
    with pytest.raises(StateError, match=r"executor plug-in 'odd'.*RuntimeError: boom"):
        wb.tools.over("window", data, out=tmp_path / "out", background=Placement("odd"))


def test_a_method_without_words_is_warned_of(plug_ins):
    from workbench.explain.registry import EXPLAINERS

    plug_ins(EXPLAINERS, odd=type("Odd", (Explainer,), {"name": "odd", "steps": boom, "summary": "odd"}))
    with pytest.warns(UserWarning, match="Odd must define title"):
        assert len(wb.explain.methods())
    with pytest.raises(InputError, match=r"Odd: options must be Parameters by name, got 3"):
        type("Odd", (Explainer,), {"options": {"power": 3}})


def test_a_check_of_maps_that_breaks_hides_no_other(plug_ins):
    from workbench.explain.scoring import CHECKS
    from workbench.testing import toys

    told = {"name": "odd", "title": "Odd?", "summary": "odd", "reference": "none"}
    plug_ins(CHECKS, odd=type("Odd", (Check,), {**told, "find": boom}))
    model = wb.zoo.create("2d-unet", width=2, depth=2)
    why = wb.explain.explain(model, toys.noise_volume((9, 8)), "saliency", 1)
    with pytest.raises(StateError, match=r"check of explanations plug-in 'odd'.*RuntimeError: boom"):
        wb.explain.score(why, checks=["odd"])
    with pytest.warns(UserWarning, match=r"check of explanations plug-in 'odd'.*RuntimeError: boom"):
        scores = wb.explain.score(why)
    assert {"deletion", "randomisation"} <= {one.check.name for one in scores.found}
    assert "odd" not in [one.name for one in wb.explain.checks()]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"task.py": "import no_such_module"}, r"importing odd_\w+\.task raised ModuleNotFoundError.*no_such_module"),
        ({"network.py": "import no_such_module"}, r"importing odd_\w+\.network raised ModuleNotFoundError"),
        (
            {"task.py": "from workbench.zoo import SegmentationTask\nTASK = SegmentationTask"},
            "TASK must be an instance of a Task, got <class",
        ),
    ],
)
def test_an_algorithm_that_cannot_be_imported_is_named(plug_ins, tmp_path, monkeypatch, files, said):
    own = Path(wb.zoo.__file__).parent / "unet_2d"
    # a package of its own for each, as Python remembers what was imported
    folder = tmp_path / f"odd_{tmp_path.name}"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "card.yaml").write_text((own / "card.yaml").read_text().replace("name: 2d-unet", "name: odd-net"))
    for name in ("network.py", "task.py"):
        (folder / name).write_text(files.get(name, (own / name).read_text()))
    monkeypatch.syspath_prepend(str(tmp_path))
    plug_ins(ALGORITHMS)
    wb.zoo.register(Algorithm(folder.name, folder))
    with pytest.raises(StateError, match=said):
        wb.zoo.create("odd-net", width=2, depth=2)


def test_a_tool_says_what_it_lacks():
    with pytest.raises(InputError, match=r"lonely needs a reference, got ''\. Give @tool\(reference="):

        @tool(group="odd")
        def lonely(image: Image) -> Image:
            """Do nothing."""
            return image

    with pytest.raises(InputError, match=r"must say what its argument 'size' is: annotate it"):

        @tool(group="odd", reference="none")
        def vague(image: Image, size) -> Image:
            """Do nothing."""
            return image


def test_a_kind_of_job_says_what_it_lacks(tmp_path):
    kind = type("Odd", (JobKind,), {"title": "Odd", "run": boom, "result": boom})
    with pytest.raises(InputError, match="Odd must define name, as JobKind says"):
        begin(kind(), boom, folder=tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_parameter_of_the_kind_any_says_what_it_may_be():
    one = Parameter("splits", "any", {}, also="a mapping of split to indices")
    assert (
        str(one.refused(3, "Recipe"))
        == "Recipe: splits must be a mapping of split to indices, got 3. The default is {}."
    )
