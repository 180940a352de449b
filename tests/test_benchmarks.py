"""The benchmark of the zoo asks for what there is: every algorithm, options that exist, data of the right kind."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from workbench import datasets, zoo
from workbench.volume import Volume

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def benchmark(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(FOLDER))
    yield importlib.import_module
    for name in ("zoo", "_zoo_page", "_zoo_cards", "_zoo_results", "_baselines", "_report"):
        sys.modules.pop(name, None)


def test_every_algorithm_has_a_case_with_options_that_exist(benchmark: Any) -> None:
    cases, algorithm_of = benchmark("zoo").CASES, benchmark("zoo").algorithm_of
    assert {algorithm_of(name) for name in cases} == {card.name for card in zoo.cards()}
    for name, case in cases.items():
        algorithm = zoo.algorithm(algorithm_of(name))
        algorithm.config(3, 2, **case["options"])
        card = datasets.card(case["data"][0])
        assert case["data"][1].get("task", card.tasks[0]) == algorithm.task.kind, name
        assert card.spatial_ndim == algorithm.card.dimensions, name


def test_every_case_of_a_small_set_is_tested_once(benchmark: Any) -> None:
    divisions = benchmark("zoo")._divisions
    data = ("phantom-cells", {"task": "detection", "n": 7, "size": [32, 32], "cells": [1, 2]})
    folds = [one.splits for one in divisions({"data": data, "folds": 3})]
    assert sorted(index for splits in folds for index in splits["test"]) == list(range(7))
    for splits in folds:
        assert sorted([*splits["train"], *splits["test"]]) == list(range(7))
        assert splits["val"] == []
    [own] = divisions({"data": data})
    assert own.splits == datasets.load(data[0], **data[1]).splits


def test_figures_of_folds_are_their_mean(benchmark: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    module = benchmark("zoo")
    one = module.Training({"aji": 0.5, "pq": 0.2}, cpu_seconds=30.2, wall_seconds=40.0, log=[{"epoch": 1}])
    other = module.Training({"aji": 0.7, "pq": 0.4}, cpu_seconds=50.6, wall_seconds=60.0, log=[])
    found = iter([one, other])
    monkeypatch.setattr(module, "_divisions", lambda _: [None, None])
    monkeypatch.setattr(module, "_train_and_test", lambda *_: next(found))
    entry = module.run_score("cd-net", "torch")
    assert (entry["score"], entry["scores"], entry["folds"]) == (0.6, {"aji": 0.6, "pq": 0.3}, [0.5, 0.7])
    assert (entry["train_cpu_seconds"], entry["log"]) == (51, [{"fold": 0, "epoch": 1}])
    dated = {"cd-net": {"score-torch": {"date": "2026-01-31", **entry}}}
    [figure] = benchmark("_zoo_cards").figures(dated, "cd-net")
    assert figure["source"].endswith("epochs on a CPU, mean of 2 folds")


@pytest.fixture
def stored(benchmark: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """The module that keeps the figures, with a folder and a machine of its own."""
    report, results = benchmark("_report"), benchmark("_zoo_results")
    monkeypatch.setattr(report, "RESULTS", tmp_path)
    results.here = {"date": "2026-01-31", "cores": 2}
    monkeypatch.setattr(report, "machine", lambda: dict(results.here))
    return results


def test_figures_and_epochs_are_kept_apart(stored: Any) -> None:
    log = [{"fold": 0, "epoch": 1, "loss": 0.123456789, "val": {"dice": 0.987654321}, "best": True}, {"epoch": 2}]
    stored.record("lod-net:polyps", "score-torch", {"score": 0.5, "log": log})
    stored.record("lod-net:polyps", "score-mindspore", {"score": 0.25, "log": [{"epoch": 1}]})
    assert stored.load(["lod-net:polyps", "cd-net"]) == {
        "lod-net:polyps": {
            "score-torch": {"date": "2026-01-31", "score": 0.5},
            "score-mindspore": {"date": "2026-01-31", "score": 0.25},
        },
        "cd-net": {},
    }
    first = {"fold": 0, "epoch": 1, "loss": 0.123457, "val": {"dice": 0.987654}, "best": True}
    assert stored.epochs("lod-net:polyps", "torch") == [first, {"epoch": 2}]
    assert stored.epochs("lod-net:polyps", "mindspore") == [{"epoch": 1}]
    assert stored.epochs("cd-net", "torch") == []
    assert ":" not in stored.file_of("lod-net:polyps").name
    assert len({stored.file_of(case) for case in ("lod-net:polyps", "lod-net", "cd-net")}) == 3


def test_a_part_measured_again_takes_the_place_of_the_old_one_only(stored: Any) -> None:
    stored.record("cd-net", "score-torch", {"score": 0.5, "log": [{"epoch": 1}, {"epoch": 2}]})
    stored.record("cd-net", "cost-torch", {"step_seconds": 1.0})
    stored.here = {"date": "2026-02-01", "cores": 64}
    stored.record("cd-net", "score-torch", {"score": 0.75, "log": [{"epoch": 1}]})
    entry = json.loads(stored.file_of("cd-net").read_text("utf-8"))
    assert entry["machine"] == {"cores": 2}
    assert entry["results"]["cost-torch"] == {"date": "2026-01-31", "step_seconds": 1.0}
    assert entry["results"]["score-torch"] == {"date": "2026-02-01", "score": 0.75, "machine": {"cores": 64}}
    assert stored.epochs("cd-net", "torch") == [{"epoch": 1}]


def test_every_training_has_its_epochs_on_file(benchmark: Any) -> None:
    results, cases = benchmark("_zoo_results"), benchmark("zoo").CASES
    files = {results.file_of(case) for case in cases}
    assert set(results.file_of("cd-net").parent.glob("*.json")) == files
    for case, parts in results.load(cases).items():
        for part, figures in parts.items():
            kind, _, framework = part.partition("-")
            if kind == "score":
                count = figures["recipe"]["epochs"] * len(figures.get("folds", [0]))
                assert len(results.epochs(case, framework)) == count, (case, part)


def test_every_figure_of_openmedia_has_its_algorithm(benchmark: Any) -> None:
    assert set(benchmark("_zoo_page").OPENMEDIA) == {card.name for card in zoo.cards()}


def test_page_and_cards_say_what_the_result_file_says(benchmark: Any, tmp_path: Path) -> None:
    results = benchmark("_zoo_results").load(benchmark("zoo").CASES)
    benchmark("_zoo_page").write(results, tmp_path / "zoo.md")
    page = FOLDER.parent / "docs" / "zoo.md"
    assert page.read_text("utf-8") == (tmp_path / "zoo.md").read_text("utf-8"), "run benchmarks/zoo.py --page"
    for card in zoo.cards():
        measured = [figure.model_dump() for figure in card.measured]
        assert measured == benchmark("_zoo_cards").figures(results, card.name), card.name


def test_the_page_shows_what_was_measured(benchmark: Any, tmp_path: Path) -> None:
    score = {
        "data": "nuclei",
        "metric": "aji",
        "score": 0.5,
        "options": {"variant": "small"},
        "train_cpu_seconds": 60,
    }
    cost = {
        "step_seconds": 0.25,
        "inference_seconds": 0.01,
        "peak_memory_mb": 700,
        "parameters": 12345,
        "macs": 2_000_000_000,
    }
    naive = {"what": "a threshold", "score": 0.4, "margin": 0.1}
    results = {
        "cd-net": {
            "baseline": naive,
            "score-torch": score,
            "score-mindspore": {**score, "score": 0.49},
            "cost-torch": cost,
        }
    }
    benchmark("_zoo_page").write(results, tmp_path / "zoo.md")
    text = (tmp_path / "zoo.md").read_text(encoding="utf-8")
    published = "Dice (MoNuSeg), 0.80 → 0.80 / 0.80"
    assert f"| cd-net | instances | {published} | nuclei, aji | 0.400 | **0.500** | 0.490 (missed) |" in text
    assert "| cd-net | variant=small | 12,345 | 2.00 | 0.25 / – | 0.01 / – | 700 / – | 60 / 60 |" in text
    assert "- **cd-net**: a threshold; to be beaten by 0.1." in text


@pytest.mark.parametrize("task", ["instances", "points", "detection", "ellipses", "segmentation"])
def test_naive_answers_are_of_the_kind_of_their_task(benchmark: Any, task: str) -> None:
    data = datasets.load("phantom-cells", n=6, size=(48, 48), task=task)
    what, answer = benchmark("_baselines").baseline(data)
    assert len(what) > 10
    given = answer(data[0]["image"])
    assert type(given) is type(data[0]["label"])
    np.testing.assert_array_equal(given.affine, data[0]["image"].affine)
    if not isinstance(given, Volume):
        assert given.scores is not None
