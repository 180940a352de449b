"""The example of docs/adding-an-algorithm.md, taken from the page: a package of its own, found by its entry point."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from tests.pages import Page, check_found, installed
from workbench.testing.marks import need
from workbench.zoo import catalogue

PAGE = Page("adding-an-algorithm.md")
(CARD,) = PAGE.blocks("yaml")
(TREE,) = PAGE.blocks("text")


@pytest.fixture(scope="module", autouse=True)
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder that the page's package is installed in."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "my_package" / "tiny_net").mkdir(parents=True)
    (folder / "my_package" / "tiny_net" / "card.yaml").write_text(CARD)
    with installed(PAGE, folder, catalogue.ALGORITHMS.reset, package="my_package.tiny_net"):
        yield folder


class TestOfThePage(PAGE.test_class()):  # type: ignore[misc]
    """Parity, files, graph mode, errors: the whole contract, on both frameworks."""


def test_the_page_names_every_file() -> None:
    named = set(re.findall(r"[\w.]+\.(?:py|yaml|toml)", TREE))
    assert named == {"pyproject.toml", "__init__.py", "card.yaml", "network.py", "task.py", "test_tiny_net.py"}
    assert set(PAGE.files) == {"network.py", "task.py", "try_it.py", "test_tiny_net.py"}


def test_it_is_found_by_its_entry_point(site: Path) -> None:
    check_found(PAGE)
    algorithm = wb.zoo.algorithm("tiny-net")
    assert algorithm.package == "my_package.tiny_net"
    assert algorithm.folder == site / "my_package" / "tiny_net"
    assert Path(algorithm.network.__file__).is_relative_to(site)
    assert "Tiny Net" in repr(wb.zoo.list())


def test_it_predicts() -> None:
    volume = wb.Volume(np.random.default_rng(0).normal(size=(9, 7)))
    assert wb.zoo.create("tiny-net", variant="wide").predict(volume).spatial_shape == (9, 7)
    assert wb.zoo.algorithm("tiny-net").plan()["epochs"] == 5


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page's trial leaves: a trained model and an explanation."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_RUNS", str(tmp_path_factory.mktemp("runs")))
        return PAGE.run("try_it.py")


def test_it_is_trained_and_explained(tried: dict[str, Any]) -> None:
    run, model, image, why = tried["run"], tried["model"], tried["case"]["image"], tried["why"]
    assert run.state == "finished"
    assert (model.name, model.config["width"], model.classes) == ("tiny-net", 4, tried["data"].classes)
    losses = [line["loss"] for line in run.metrics() if line["kind"] == "epoch"]
    assert len(losses) == 3
    assert losses[-1] < losses[0]
    assert tried["labels"].same_grid(image)
    assert why.shape == image.spatial_shape
    assert np.array_equal(why.affine, image.affine)
    assert (why.method, why.layer) == ("grad-cam", "body")
    assert why.weights_fingerprint == model.weights_fingerprint()
    assert np.isfinite(why.data).all()
    assert np.ptp(why.data) > 0


@pytest.mark.mindspore
def test_the_other_framework_explains_it_alike(tried: dict[str, Any]) -> None:
    need("mindspore")
    image = tried["case"]["image"]
    other = tried["run"].model(framework="mindspore")
    assert np.array_equal(other.predict(image).data, tried["labels"].data)
    why = wb.explain(other, image, "grad-cam", "lungs")
    assert np.abs(why.data - tried["why"].data).max() <= 1e-3 * np.abs(tried["why"].data).max()
