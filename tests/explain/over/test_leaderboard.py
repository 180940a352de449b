"""What is made of findings: means, trust, order, the report; from findings whose sums are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from workbench.errors import FileError, InputError
from workbench.evaluation import mean_interval
from workbench.explain import OverScores
from workbench.explain.over.pictures import write_picture
from workbench.explain.targets import Class
from workbench.testing import toys

#: By method and check the verdict and value of each of six cases, two of each patient.
GIVEN = {
    ("sharp", "energy"): [("good", 0.8), ("good", 0.9), ("good", 0.7), ("good", 0.8), ("doubtful", 0.4), ("good", 0.9)],
    ("sharp", "randomisation"): [("good", 0.1)] * 6,
    ("pretty", "energy"): [("good", 0.9)] * 6,
    ("pretty", "randomisation"): [("bad", 0.95)] * 6,
    ("vague", "energy"): [("bad", 0.1), ("doubtful", 0.3), ("does not apply", None), ("open", None), ("bad", 0.2),
                          ("failed", None)],
    ("vague", "randomisation"): [("good", 0.2)] * 6,
}  # fmt: skip


def lay_out(folder: Path) -> Path:
    for name in ("cases", "pictures"):
        (folder / name).mkdir(parents=True)
    note = {
        "schema": 1, "model": "3d-unet", "framework": "torch", "weights": "abc", "data": "phantom-ct",
        "data fingerprint": "0123456789abcdef01", "methods": {"vague": {}, "pretty": {}, "sharp": {"window": 4}},
        "checks": {"energy": {}, "randomisation": {}}, "target": "lung", "mask": None, "split": "test",
        "cases": [*range(8)], "versions": {"workbench": "0.1.0"},
    }  # fmt: skip
    (folder / "scoring.json").write_text(json.dumps(note))
    for number in range(6):
        findings = [
            {
                "method": method,
                "check": check,
                "value": row[number][1],
                "verdict": row[number][0],
                "sentence": "<b> & so",
            }
            for (method, check), row in GIVEN.items()
        ]
        case = {
            "case": number,
            "group": number // 2,
            "target": "lung",
            "failed": "",
            "seconds": 1.0,
            "findings": findings,
        }
        (folder / "cases" / f"{number:06d}.json").write_text(json.dumps(case))
        for method in note["methods"]:
            (folder / "pictures" / f"{number:06d}.{method}.png").write_bytes(b"\x89PNG of " + method.encode())
    lost = {"case": 6, "group": 3, "target": "", "failed": "It cannot be read.", "seconds": 0.1, "findings": []}
    (folder / "cases" / "000006.json").write_text(json.dumps(lost))
    return folder


@pytest.fixture(scope="module")
def scores(tmp_path_factory: pytest.TempPathFactory) -> OverScores:
    return OverScores(lay_out(tmp_path_factory.mktemp("known") / "scores"))


def test_means_have_intervals_by_patient_and_counts_of_all(scores):
    row = next(one for one in scores.means.rows if (one["method"], one["check"]) == ("sharp", "energy"))
    values = [value for _, value in GIVEN["sharp", "energy"]]
    known = mean_interval(values, [0, 0, 1, 1, 2, 2])
    assert (row["mean"], row["low"], row["high"]) == (known.mean, known.low, known.high)
    assert row["mean"] == pytest.approx(4.5 / 6)
    assert (row["cases"], row["patients"], row["good"], row["doubtful"], row["bad"]) == (6, 3, 5, 1, 0)
    vague = next(one for one in scores.means.rows if (one["method"], one["check"]) == ("vague", "energy"))
    counted = [vague[name] for name in ("cases", "good", "doubtful", "bad", "open", "does not apply", "failed")]
    assert counted == [3, 0, 1, 2, 1, 1, 1]
    assert vague["mean"] == pytest.approx(0.2)


def test_who_ignores_the_weights_comes_last(scores):
    board = scores.leaderboard.rows
    assert [row["method"] for row in board] == ["sharp", "vague", "pretty"]
    assert [row["trust"] for row in board] == pytest.approx([(5 + 0.75) / 6, (0.5 + 0.75 + 1 + 1 + 0.5 + 1) / 6, 0.5])
    assert [row["verdict"] for row in board] == ["good", "good", "bad"]
    assert board[0]["what it means"].startswith("11 of 12 answers are good; best at randomisation, worst at energy")
    assert "hardly changes when the weights are random" in board[2]["what it means"]


def test_cases_without_any_map_are_failures_too(tmp_path):
    (tmp_path / "cases").mkdir()
    note = {"schema": 1, "model": "m", "data": "d", "methods": {"only": {}}, "checks": {"energy": {}},
            "target": None, "mask": None, "split": None, "cases": [*range(5)]}  # fmt: skip
    (tmp_path / "scoring.json").write_text(json.dumps(note))
    for number in range(5):
        row = {"method": "only", "check": "energy", "value": None, "verdict": "good" if number == 0 else "failed"}
        case = {"case": number, "group": number, "target": "", "failed": "" if number == 0 else "No map", "seconds": 1,
                "findings": [] if number == 4 else [{**row, "sentence": ""}]}  # fmt: skip
        (tmp_path / "cases" / f"{number:06d}.json").write_text(json.dumps(case))
    (row,) = OverScores(tmp_path).leaderboard.rows
    assert (row["cases"], row["failed"], row["verdict"]) == (1, 3, "open")
    assert "failed in 3 of 4 cases" in row["what it means"], "that which cannot be read is nobody's failure"


@pytest.mark.parametrize(("patients", "few"), [(20, False), (4, True)])
def test_who_fails_in_most_cases_has_no_verdict(tmp_path, patients, few):
    (tmp_path / "cases").mkdir()
    methods = ("lucky", "steady", "alike")
    note = {"schema": 1, "model": "m", "data": "d", "methods": {name: {} for name in methods}, "checks": {"energy": {}},
            "target": None, "mask": None, "split": None, "cases": [*range(20)]}  # fmt: skip
    (tmp_path / "scoring.json").write_text(json.dumps(note))
    for number in range(20):
        said = {"lucky": "good" if number == 3 else "failed", "steady": "good" if number % 4 else "bad",
                "alike": "doubtful" if number == 1 else "good" if number % 4 else "bad"}  # fmt: skip
        rows = [{"method": name, "check": "energy", "value": None, "verdict": verdict, "sentence": ""}
                for name, verdict in said.items()]  # fmt: skip
        case = {"case": number, "group": number % patients, "target": "", "failed": "", "seconds": 1, "findings": rows}
        (tmp_path / "cases" / f"{number:06d}.json").write_text(json.dumps(case))
    board = OverScores(tmp_path).leaderboard.rows
    assert [row["method"] for row in board] == ["steady", "alike", "lucky"]
    assert [(row["cases"], row["failed"]) for row in board] == [(20, 0), (20, 0), (1, 19)]
    assert [row["verdict"] for row in board] == ["good", "good", "open"]
    assert [row["trust"] for row in board] == pytest.approx([0.75, 0.725, 1.0])
    assert board[2]["what it means"] == (
        "1 of 1 answer are good; failed in 19 of 20 cases. Answers in 1 of 20 cases are too few for a verdict."
    )
    assert "cannot be told from alike" in board[0]["what it means"]
    assert ("with so few patients" in board[0]["what it means"]) == few


def test_what_says_nothing_is_told_with_the_cases(scores):
    told = {(row.get("method"), row["because"]): row["cases"] for row in scores.left_out.rows}
    assert told == {
        ("vague", "does not apply"): "2",
        ("vague", "open"): "3",
        ("vague", "failed"): "5",
        (None, "failed"): "6",
    }
    assert (scores.failed, scores.missing, scores.patients) == ({6: "It cannot be read."}, [7], 3)
    assert scores.headline == (
        "3d-unet on phantom-ct, split test: 6 cases of 3 patients, 1 failed, 1 not done yet"
    )  # fmt: skip


def test_the_report_holds_all_and_asks_for_nothing(scores, tmp_path):
    page = scores.report(tmp_path / "page.html").read_text("utf-8")
    for words in ("leaderboard", "best: case 0, trust 1.00", "&lt;b&gt; &amp; so", "window", "@media print"):
        assert words in page, words
    assert "<b> &" not in page
    assert "http" not in page
    assert str(scores.folder) not in page
    assert page.count('class="bar"') == 3 + 6
    code = page.partition('<pre id="code">')[2].partition("</pre>")[0]
    compile(code.replace("&#34;", '"').replace("&#39;", "'"), "report", "exec")
    assert scores.report() == (scores.folder / "report.html").resolve()
    with pytest.raises(InputError, match=r"\.html"):
        scores.report(tmp_path / "page.pdf")


def test_a_folder_of_something_else_is_refused(tmp_path, scores):
    with pytest.raises(FileError, match=r"must hold scoring\.json"):
        OverScores(tmp_path)
    (tmp_path / "scoring.json").write_text('{"schema": 2}')
    with pytest.raises(FileError, match=r"must be of schema 1, got 2\. Update"):
        OverScores(tmp_path)
    with pytest.raises(InputError, match=r"must be one with a map of sharp, got 6"):
        scores.picture(6, "sharp")


def test_a_picture_shows_the_slice_of_the_peak(tmp_path):
    from PIL import Image

    import workbench as wb

    model, volume = toys.cnn_model(3), toys.noise_volume((9, 10, 8), toys.OBLIQUE)
    why = wb.explain(model, volume, "saliency", Class(1))
    inside = np.zeros(volume.shape, bool)
    peak = np.unravel_index(int(np.argmax(why.data)), why.shape)
    inside[tuple(slice(max(0, one - 1), one + 2) for one in peak)] = True
    write_picture(tmp_path / "a.png", volume, why, inside)
    with Image.open(tmp_path / "a.png") as picture:
        pixels = np.asarray(picture)
        assert not picture.info
    assert max(pixels.shape) >= 160
    assert (pixels == (0, 200, 120)).all(axis=-1).any()
