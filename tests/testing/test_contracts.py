"""A plug-in that breaks a rule fails the contract of its kind, with words that say which."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import workbench as wb
from tests.pages import Page
from workbench import testing
from workbench.datasets.catalogue import DATASETS, Entry
from workbench.errors import StateError
from workbench.explain import Explainer, Step
from workbench.explain.registry import EXPLAINERS
from workbench.frameworks._registry import FRAMEWORKS
from workbench.frameworks.torch import TorchFramework
from workbench.io._registry import FORMATS
from workbench.jobs.kind import KINDS as JOBS
from workbench.testing.algorithms.card import CardContract
from workbench.testing.grids import oblique
from workbench.testing.viewers import BLOCK
from workbench.tools.kind import OverData
from workbench.widgets import Desk, DeskPanel
from workbench.widgets.backends._base import VIEWERS
from workbench.widgets.desk_panel import PANELS

PlugIns = Callable[..., None]


def contract(base: type, **attributes: Any) -> Any:
    """Return a test object, as pytest makes one for each test."""
    return type("TestOfAnAuthor", (base,), attributes)()


@pytest.fixture
def plain(plug_ins: PlugIns) -> Any:
    """The class of a format, and what brings a changed one."""
    kind = Page("how-to/add-a-format.md").run("my_format.py")["Plain"]

    def bring(**changes: Any) -> Any:
        plug_ins(FORMATS, plain=type("Changed", (kind,), changes))
        return contract(testing.FormatContract, suffixes=(".plain",))

    return SimpleNamespace(kind=kind, bring=bring)


def test_a_format_that_loses_the_affine(plain: Any, tmp_path: Path) -> None:
    def write(self: Any, volume: Any, path: Path, **options: Any) -> None:
        plain.kind.write(self, wb.Volume(volume.data, axes=volume.axes), path)

    tested = plain.bring(write=write)
    with pytest.raises(AssertionError, match="the affine is another"):
        tested.check_round_trip(tested.volume(affine=oblique()), tmp_path / "a.plain")


def test_a_format_that_reads_all_voxels_at_once(plain: Any, tmp_path: Path) -> None:
    tested = plain.bring(read=lambda self, path, **options: plain.kind.read(self, path).load())
    with pytest.raises(AssertionError, match="before they are asked for"):
        tested.test_dtypes_round_trip(tmp_path)


def test_a_format_that_leaves_half_a_file(plain: Any, tmp_path: Path) -> None:
    def write(self: Any, volume: Any, path: Path, **options: Any) -> None:
        path.touch()
        plain.kind.write(self, volume, path)

    with pytest.raises(AssertionError, match="iterdir"):
        plain.bring(write=write).test_nothing_is_left_when_writing_fails(tmp_path)


@pytest.fixture
def discs(plug_ins: PlugIns) -> Any:
    """What brings a changed data set of the page."""
    page = Page("how-to/add-a-data-set.md").run("my_discs.py")

    def bring(**changes: Any) -> tuple[Any, Any]:
        kind = type("Changed", (page["Discs"],), changes)
        plug_ins(DATASETS, discs=Entry(page["CARD"], lambda n=6, seed=0: kind(n, seed)))
        tested = contract(testing.DatasetContract, name="discs", options={"n": 6})
        return tested, wb.datasets.load("discs", n=6)

    return bring


def test_a_data_set_with_a_patient_in_two_splits(discs: Any) -> None:
    tested, dataset = discs()
    dataset.patients = ("p1",) * 6
    with pytest.raises(AssertionError, match="patient p1 is in two splits"):
        tested.test_splits_are_disjoint_and_keep_patients_together(dataset)


def test_a_data_set_that_is_another_each_time(discs: Any) -> None:
    def read(self: Any, index: int) -> Any:
        data = np.random.default_rng().normal(size=(4, 4))
        return {"id": self.ids[index], "image": wb.Volume(data), "label": None, "patient": None}

    tested, dataset = discs(_read=read)
    with pytest.raises(AssertionError, match="another each time it is asked for"):
        tested.test_asking_twice_gives_the_same(dataset)


def test_an_algorithm_whose_card_counts_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    algorithm = wb.zoo.algorithm("2d-unet")
    first = algorithm.card.parameters[0]
    wrong = algorithm.card.model_copy(update={"parameters": (first.model_copy(update={"count": first.count + 1}),)})
    monkeypatch.setitem(vars(algorithm), "card", wrong)
    with pytest.raises(AssertionError, match=f"the network has {first.count} parameters"):
        contract(CardContract, name="2d-unet").test_parameter_counts_of_the_card()


def test_a_framework_that_builds_as_it_likes(plug_ins: PlugIns) -> None:
    class Careless(TorchFramework):
        name = "careless"

        def build(self, define: Any, config: Any, device: str = "cpu", seed: int | None = 0) -> Any:
            return super().build(define, config, device, None)

    plug_ins(FRAMEWORKS, careless=Careless)
    with pytest.raises(AssertionError, match="one seed built two networks"):
        contract(testing.FrameworkContract, name="careless").test_the_same_seed_builds_the_same_weights(Careless())


class Saliency(Explainer):
    """The gradient at the input, changed by `amiss`."""

    name, title, summary, reference = "amiss", "Amiss", "a map with a fault", "nobody"

    def amiss(self, found: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def steps(self, problem: Any) -> Any:
        gradient = problem.framework.input_gradient(problem.module, problem.input, problem.score)[1]
        found = self.amiss(np.abs(gradient[0].sum(axis=0)))
        yield Step(1.0, lambda: found, problem.spatial_shape)


@pytest.mark.parametrize(
    ("amiss", "test", "words"),
    [
        (lambda self, found: found[::-1], "test_the_peak_lies_where_the_blob_lies", "mm from what made the score"),
        (
            lambda self, found: found * np.random.default_rng().uniform(0.5, 1, found.shape),
            "test_the_same_call_gives_the_same_map",
            "draw what is random from a seed",
        ),
    ],
)
def test_a_method_that_is_amiss(plug_ins: PlugIns, amiss: Any, test: str, words: str) -> None:
    plug_ins(EXPLAINERS, amiss=type("Amiss", (Saliency,), {"amiss": amiss}))
    tested = contract(testing.ExplainerContract, method="amiss")
    with pytest.raises(AssertionError, match=words):
        getattr(tested, test)(*([2] if "peak" in test else []))


def test_a_viewer_that_draws_what_is_not_visible(plug_ins: PlugIns) -> None:
    kind = Page("how-to/add-a-viewer.md").run("my_viewer.py")["Axial"]

    class Blunt(kind):  # type: ignore[misc, valid-type]
        def open(self, layers: Any, **options: Any) -> Any:
            for layer in layers:
                layer.visible = True
            return super().open(layers, **options)

    plug_ins(VIEWERS, axial=Blunt)
    attributes = {"name": "axial", "options": {"crosshair": BLOCK}, "pixels": lambda self, opened: np.asarray(opened)}
    tested = contract(testing.ViewerContract, **attributes)
    tested.test_shows_image_and_labels(Blunt())
    with pytest.raises(AssertionError, match="what is not visible is drawn"):
        tested.test_what_is_invisible_is_not_drawn(Blunt())


class Notes(DeskPanel):
    """A panel of somebody else."""

    called = "notes"
    order = 9
    _esm = "export default { render({ el }) { el.textContent = 'notes'; } };"


@pytest.fixture
def notes(plug_ins: PlugIns) -> Callable[..., tuple[Any, DeskPanel]]:
    """What brings a changed panel, and gives its contract and one of it."""

    def bring(**changes: Any) -> tuple[Any, DeskPanel]:
        plug_ins(PANELS, notes=type("Changed", (Notes,), changes))
        return contract(testing.PanelContract, name="notes"), PANELS.get("notes")(Desk())

    return bring


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"facts": lambda self: {"notes": {1, 2}}}, "not JSON serializable"),
        ({"facts": lambda self: {"notes": (1, 2)}}, "facts are plain data"),
        ({"pictures": lambda self: [("mine", b"GIF89a")]}, "a picture is PNG or SVG"),
        ({"snippet": lambda self: "notes = ("}, "was never closed"),
    ],
)
def test_a_panel_that_answers_wrongly(notes: Any, changes: dict[str, Any], words: str) -> None:
    tested, panel = notes(**changes)
    with pytest.raises((AssertionError, TypeError, SyntaxError), match=words):
        tested.test_an_empty_desk_is_no_trouble(panel)


def test_a_panel_that_names_the_patient(notes: Any, tmp_path: Path) -> None:
    path = wb.write(wb.Volume(np.zeros((2, 3, 4)), np.eye(4)), tmp_path / "doe-john.nii.gz")
    tested, panel = notes(facts=lambda self: {"file": {"name": str(self.desk.case.volume.source)}})
    case = wb.widgets.Case(wb.read(path).load())
    with pytest.raises(AssertionError, match="the name of the file is in the panel's facts"):
        tested.test_no_patient_is_named(panel, panel.desk, case)


def test_a_panel_that_fetches(notes: Any) -> None:
    tested, _ = notes(_esm='import { html } from "https://esm.sh/lit"; export default {};')
    with pytest.raises(AssertionError, match="must work without a network"):
        tested.test_has_a_browser_half_that_fetches_nothing()


def test_a_panel_whose_button_does_nothing(notes: Any) -> None:
    # it is refused before the contract could look at it
    with pytest.raises(StateError, match="the action 'save' must be the name of a method, got 'save'"):
        notes(actions={"save": "save"})


def test_what_is_right_passes(notes: Any) -> None:
    tested, panel = notes()
    tested.test_an_empty_desk_is_no_trouble(panel)
    tested.test_stands_in_the_app()
    tested.test_has_a_browser_half_that_fetches_nothing()


def test_a_kind_of_job_that_is_called_differently(plug_ins: PlugIns) -> None:
    plug_ins(JOBS, copying=type("Copying", (OverData,), {"name": "copy"}))
    with pytest.raises(StateError, match="must be called 'copying', as its entry point is, got copy"):
        JOBS.get("copying")


def test_a_kind_of_job_that_forgets_what_it_has_done(plug_ins: PlugIns, tmp_path: Path) -> None:
    class Forgetful(testing.JobContract):
        def outcome(self, job: Any) -> Any:
            return job.path  # differs from one to the other

    one, other = (SimpleNamespace(path=tmp_path / name, status={"progress": 1}, state="finished") for name in "ab")
    for job in (one, other):
        job.resume = job.wait = lambda *_, job=job: job
    with pytest.raises(AssertionError, match=r"/b'\)"):
        Forgetful()._ends_as(one, other)  # type: ignore[arg-type]
    Forgetful()._ends_as(one, one)  # type: ignore[arg-type]


def test_every_name_is_there_and_another_names_the_nearest() -> None:
    assert [name for name in testing.__all__ if not isinstance(getattr(testing, name), type)] == []
    with pytest.raises(AttributeError, match="Did you mean 'FormatContract'"):
        _ = testing.FormatContact  # type: ignore[attr-defined]


def _python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_nothing_of_the_package_imports_them() -> None:
    rooms = ", ".join(f"workbench.{room}" for room in wb._ROOMS)
    code = f"import sys, workbench, workbench.cli, {rooms}; print({{'workbench.testing', 'pytest'}} & set(sys.modules))"
    assert _python(code) == "set()\n"


def test_without_what_they_need_the_extra_is_named() -> None:
    said = _python("import sys; sys.modules['hypothesis'] = None; import workbench.testing")
    assert "workbench.testing, which uses hypothesis, is not installed" in said
    assert "pip install 'medical-workbench[testing]'" in said
