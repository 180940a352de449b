"""``workbench explain-score``: a leaderboard and a report from a shell."""

from __future__ import annotations

import json

import pytest

import workbench as wb
from workbench.cli import main

OPTIONS = ["--data-options", json.dumps({"task": "classification", "n": 3, "size": [32, 32], "seed": 1})]
ASKED = ["--methods", "saliency,input-x-gradient", "--checks", '{"energy": {}, "agreement": {}}', "--target", "lesion"]


def test_it_scores_goes_on_and_reports(tmp_path, capsys):
    call = ["explain-score", "covid-resnet-phantom-xray", "phantom-xray", str(tmp_path / "out"), *OPTIONS, *ASKED]
    assert main([*call, "--plan"]) == 0
    assert capsys.readouterr().out == "3 cases of 3 left, 2 methods, how long is known after the first case\n"
    assert not (tmp_path / "out").exists()
    assert main([*call, "--report"]) == 0
    told = capsys.readouterr().out
    assert "covid-resnet on phantom-xray: 3 cases of 3 patients" in told
    assert told.rstrip().endswith("report.html")
    assert (tmp_path / "out" / "report.html").is_file()
    assert main([*call, "--plan"]) == 0
    assert "0 cases of 3 left" in capsys.readouterr().out
    assert wb.explain.OverScores(tmp_path / "out").checks == ["energy", "agreement"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (["--methods", "salency"], "Did you mean 'saliency'"),
        (["--methods", "saliency", "--checks", "{"], "--checks must be JSON"),
        (["--methods", "saliency", "--data-options", "[1]"], "--data-options must be JSON with names"),
        (["--methods", '{"saliency": 3}'], "--methods: saliency must have options by name, got 3"),
        (["--methods", "saliency", "--plan", "--mask", "lesoin"], "Did you mean 'lesion'"),
        (["--methods", "saliency", "--target", "9"], "target must be a class from 0 to 1, got 9"),
    ],
)
def test_what_is_wrong_is_said_in_words(tmp_path, capsys, change, words):
    call = ["explain-score", "covid-resnet-phantom-xray", "phantom-xray", str(tmp_path / "out"), *OPTIONS, *change]
    assert main(call) == 2
    assert words in capsys.readouterr().err
