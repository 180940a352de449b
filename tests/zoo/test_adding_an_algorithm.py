"""The example of docs/adding-an-algorithm.md, taken from the page: a package of its own, found by its entry point.

Nothing of the workbench is replaced: the package lies on the import path with the metadata that an installation writes,
so the zoo finds it as it finds any other, here and in the worker that trains it.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import workbench as wb
from tests.zoo.contract import need
from workbench.zoo import catalogue

PAGE = (Path(__file__).parents[2] / "docs" / "adding-an-algorithm.md").read_text("utf-8")
FILES = dict(re.findall(r"```python\n# (\w+\.py)\n(.*?)```", PAGE, flags=re.DOTALL))
(CARD,) = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
(PROJECT,) = re.findall(r"```toml\n(.*?)```", PAGE, flags=re.DOTALL)
(TREE,) = re.findall(r"```text\n(.*?)```", PAGE, flags=re.DOTALL)


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Lay the package out as an installer does, and forget it afterwards."""
    site = tmp_path_factory.mktemp("site")
    project = tomllib.loads(PROJECT)["project"]
    folder = site / "my_package" / "tiny_net"
    folder.mkdir(parents=True)
    for path in (folder, folder.parent):
        (path / "__init__.py").touch()
    (folder / "card.yaml").write_text(CARD)
    for name in ("network.py", "task.py"):
        (folder / name).write_text(FILES[name])
    facts = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    facts.mkdir()
    (facts / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    lines = [
        line
        for group, entries in project["entry-points"].items()
        for line in (f"[{group}]", *(f"{name} = {value}" for name, value in entries.items()))
    ]
    (facts / "entry_points.txt").write_text("\n".join(lines) + "\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(site))
        # the worker is another process
        patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")])))
        catalogue._known.cache_clear()
        yield site
    for name in [name for name in sys.modules if name.split(".")[0] == "my_package"]:
        del sys.modules[name]
    importlib.invalidate_caches()
    catalogue._known.cache_clear()


def page_test() -> type:
    """Return the test class of the page."""
    scope: dict[str, Any] = {}
    exec(FILES["test_tiny_net.py"], scope)
    return scope["TestTinyNet"]  # type: ignore[no-any-return]


class TestOfThePage(page_test()):  # type: ignore[misc]
    """Parity, files, graph mode, errors: the whole contract, on both frameworks."""


def test_the_page_names_every_file() -> None:
    named = set(re.findall(r"[\w.]+\.(?:py|yaml|toml)", TREE))
    assert named == {"pyproject.toml", "__init__.py", "card.yaml", "network.py", "task.py", "test_tiny_net.py"}
    assert set(FILES) == {"network.py", "task.py", "try_it.py", "test_tiny_net.py"}


def test_it_is_found_by_its_entry_point(installed: Path) -> None:
    (entry,) = [entry for entry in metadata.entry_points(group=catalogue.GROUP) if entry.name == "tiny-net"]
    assert entry.dist is not None
    assert (entry.value, entry.dist.name) == ("my_package.tiny_net", "my-package")
    algorithm = wb.zoo.algorithm("tiny-net")
    assert algorithm.package == "my_package.tiny_net"
    assert algorithm.folder == installed / "my_package" / "tiny_net"
    assert Path(algorithm.network.__file__).is_relative_to(installed)
    assert "Tiny Net" in repr(wb.zoo.list())


def test_it_predicts() -> None:
    volume = wb.Volume(np.random.default_rng(0).normal(size=(9, 7)))
    assert wb.zoo.create("tiny-net", variant="wide").predict(volume).spatial_shape == (9, 7)
    assert wb.zoo.algorithm("tiny-net").task.default_recipe()["epochs"] == 5


@pytest.fixture(scope="module")
def tried(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the page's trial leaves: a trained model and an explanation."""
    scope: dict[str, Any] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WORKBENCH_RUNS", str(tmp_path_factory.mktemp("runs")))
        exec(FILES["try_it.py"], scope)
    return scope


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
