"""What was found of methods over a data set: by case, in the mean, and who is to be trusted most."""

from __future__ import annotations

import json
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from workbench._arrays import Array
from workbench._atomic import write_text
from workbench._words import count
from workbench.errors import FileError, InputError, choose
from workbench.evaluation.intervals import Interval, bootstrap_means, mean_interval
from workbench.evaluation.table import Table
from workbench.explain.over.cases import CASES, FAILED, NOT_HERE, NOTE, PICTURES, SCHEMA, read_case
from workbench.explain.over.report import save_report
from workbench.jobs.files import read_json

#: What a verdict is worth in the trust of a method; "open" tells nothing, and counts for nothing.
POINTS = {"good": 1.0, "doubtful": 0.5, "bad": 0.0}
#: Trust from which on a method is said to be trusted here, and below which it is not.
TRUSTED, DOUBTED = 0.7, 0.4
#: Checks whose verdict "bad" for most cases outweighs all others: a map that ignores the weights explains nothing.
OUTWEIGHING = ("randomisation",)
#: The share of the cases in which a method must have an answer, for a verdict on it.
ENOUGH = 0.5
#: Patients below which it is said that they are few.
FEW = 10
SUMMARY, _README = "summary.json", "README.md"


class OverScores:
    """What checks found of the maps of several methods over a data set.

    Parameters
    ----------
    folder : path
        In which `wb.explain.score_over` put them.

    Attributes
    ----------
    folder : Path
    note : dict
        What they are of: model, data, methods, checks and their options, target, split, versions.
    rows : list of dict
        What was found, a row for each case, method and check, as ``cases/000012.json`` has it; with it ``case`` and
        ``group``, a number for the patient.
    failed : dict of int to str
        Why a case has no scores.
    missing : list of int
        Cases that nobody has looked at yet.

    Raises
    ------
    FileError
        If the folder holds no such scores, or those of a later version.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder).expanduser()
        note = read_json(self.folder / NOTE)
        if note is None:
            raise FileError(
                f"A folder of scores must hold {NOTE}; {self.folder} does not. wb.explain.score_over(..., out=folder) "
                "makes one."
            )
        if note.get("schema") != SCHEMA:
            raise FileError(f"{NOTE} must be of schema {SCHEMA}, got {note.get('schema')!r}. Update the workbench.")
        self.note: dict[str, Any] = note
        self.rows: list[dict[str, Any]] = []
        self.failed: dict[int, str] = {}
        self.missing: list[int] = []
        self._groups: dict[int, int] = {}
        #: Methods that failed in each case in which all did; a case that cannot be read is no failure of theirs.
        self._without_map: dict[int, set[str]] = {}
        self.targets: dict[int, str] = {}
        for number in note["cases"]:
            if not (self.folder / CASES / f"{number:06d}.json").exists():
                self.missing.append(number)
                continue
            found = read_case(self.folder, number)
            if found["failed"]:
                self.failed[number] = found["failed"]
                if found["findings"]:
                    self._without_map[number] = {row["method"] for row in found["findings"]}
                continue
            self._groups[number], self.targets[number] = found["group"], found["target"]
            self.rows += [{"case": number, "group": found["group"], **row} for row in found["findings"]]

    @property
    def methods(self) -> list[str]:
        """The methods, in the order in which they were given."""
        return [*self.note["methods"]]

    @property
    def checks(self) -> list[str]:
        """The checks, in the order in which they were given."""
        return [*self.note["checks"]]

    @property
    def cases(self) -> list[int]:
        """The cases that were scored, by their number in the data set."""
        return [*self._groups]

    @property
    def patients(self) -> int:
        """Of how many patients they are; a case of nobody who is known is one of its own."""
        return len({*self._groups.values()})

    @property
    def table(self) -> Table:
        """Every finding: case, method, check, value, verdict, and what it means."""
        return Table(
            {
                "case": row["case"],
                "explains": self.targets[row["case"]],
                "method": row["method"],
                "check": row["check"],
                "value": None if np.isnan(row["value"]) else row["value"],
                "verdict": row["verdict"],
                "what it means": row["sentence"],
            }
            for row in self.rows
        )

    @cached_property
    def means(self) -> Table:
        """The mean of each check and method with its 95 % interval by case, and for how many cases it says nothing."""
        return Table(self._mean(method, check) for method in self.methods for check in self.checks)

    @cached_property
    def left_out(self) -> Table:
        """Where a check said nothing, and why, with the numbers of the cases."""
        told: dict[tuple[str, str, str, str], list[int]] = {}
        for row in self.rows:
            if row["verdict"] in (NOT_HERE, FAILED, "open"):
                key = (row["method"], row["check"], row["verdict"], row["sentence"])
                told.setdefault(key, []).append(row["case"])
        rows = [
            {
                "method": m,
                "check": c,
                "because": v,
                "words": w,
                "count": len(cases),
                "cases": ", ".join(map(str, cases)),
            }
            for (m, c, v, w), cases in told.items()
        ]
        rows += [{"because": FAILED, "words": w, "count": 1, "cases": str(n)} for n, w in self.failed.items()]
        return Table(rows)

    @cached_property
    def leaderboard(self) -> Table:
        """The methods, the most trusted first: trust (0 to 1) with its 95 % interval, and a sentence.

        ``cases`` is in how many a check answered, ``failed`` in how many the map or a check failed. A method without
        an answer in half of the cases has the verdict "open", and comes after those with enough.
        """
        order = self._order()
        return Table(
            {
                "rank": place,
                "model": self.note["model"],
                "method": method,
                "trust": None if np.isnan(found.mean) else found.mean,
                "low": None if np.isnan(found.low) else found.low,
                "high": None if np.isnan(found.high) else found.high,
                "cases": found.count,
                "failed": self._failures(method),
                "verdict": _verdict(found.mean, self._outweighed(method), self._enough(found)),
                "what it means": self._sentence(place, order),
            }
            for place, (method, found) in enumerate(order, start=1)
        )

    def interval(self, method: str, check: str) -> Interval:
        """Return the mean of a check over the cases, of one method, with its 95 % interval."""
        choose(method, self.methods, "method")
        choose(check, self.checks, "check")
        rows = [row for row in self.rows if row["method"] == method and row["check"] == check]
        return mean_interval([row["value"] for row in rows], [row["group"] for row in rows])

    def trust(self, method: str) -> dict[int, float]:
        """Return the trust that each case gives a method: the mean of what its verdicts are worth; NaN without any."""
        choose(method, self.methods, "method")
        worth: dict[int, list[float]] = {number: [] for number in self.cases}
        for row in self.rows:
            if row["method"] == method and row["verdict"] in POINTS:
                worth[row["case"]].append(POINTS[row["verdict"]])
        return {number: float(np.mean(one)) if one else float("nan") for number, one in worth.items()}

    def picture(self, number: int, method: str) -> bytes:
        """Return the picture of a map, PNG; the outline of the truth is green.

        Raises
        ------
        InputError
            If there is no map of that case and method.
        """
        file = self.folder / PICTURES / f"{number:06d}.{choose(method, self.methods, 'method')}.png"
        if not file.exists():
            raise InputError(f"The case must be one with a map of {method}, got {number}. Scored are {self.cases}.")
        return file.read_bytes()

    def write(self) -> None:
        """Write the tables beside what was found: CSV, JSON, and a README that says what is what.

        Raises
        ------
        FileError
            If they cannot be written.
        """
        tables = {"findings": self.table, "means": self.means, "leaderboard": self.leaderboard}
        for name, table in {**tables, "left-out": self.left_out}.items():
            table.to_csv(self.folder / f"{name}.csv")
        summary = {
            "headline": self.headline,
            "note": self.note,
            "leaderboard": tables["leaderboard"].rows,
            "means": tables["means"].rows,
        }
        try:
            write_text(self.folder / SUMMARY, json.dumps(summary, indent=1, allow_nan=False))
            write_text(self.folder / _README, self._readme())
        except OSError as error:
            raise FileError(f"The tables cannot be written into {self.folder}: {error.strerror}.") from error

    def report(self, path: str | Path | None = None) -> Path:
        """Save all this as one HTML page that needs nothing beside it; a browser prints it as PDF.

        Parameters
        ----------
        path : path, optional
            An ``.html`` file; ``report.html`` in the folder by default.

        Raises
        ------
        InputError
            If the name ends as that of another kind of file, or no case was scored.
        FileError
            If the file cannot be written.
        """
        return save_report(self, self.folder / "report.html" if path is None else Path(path))

    def __repr__(self) -> str:
        return f"{self.headline}\n{self.leaderboard!r}"

    def _repr_html_(self) -> str:
        return f"<p>{self.headline}</p>{self.leaderboard._repr_html_()}"

    @property
    def headline(self) -> str:
        """What was scored, in a line, with what is missing."""
        note = self.note
        of = f"{count(len(self.cases), 'case')} of {count(self.patients, 'patient')}"
        split = "" if note["split"] is None else f", split {note['split']}"
        words = f"{note['model']} on {note['data']}{split}: {of}"
        words += f", {len(self.failed)} failed" if self.failed else ""
        return words + (f", {len(self.missing)} not done yet" if self.missing else "")

    # -- inside -------------------------------------------------------------------------------------------

    def _mean(self, method: str, check: str) -> dict[str, Any]:
        found = self.interval(method, check)
        verdicts = self._verdicts(method, check)
        known = not np.isnan(found.low)
        return {
            "method": method,
            "check": check,
            "mean": found.mean if found.count else None,
            "low": found.low if known else None,
            "high": found.high if known else None,
            "cases": found.count,
            "patients": found.groups,
            **{name: verdicts[name] for name in (*POINTS, "open", NOT_HERE, FAILED)},
        }

    def _verdicts(self, method: str, check: str | None = None) -> Counter[str]:
        return Counter(
            row["verdict"] for row in self.rows if row["method"] == method and check in (None, row["check"])
        )  # fmt: skip

    def _order(self) -> list[tuple[str, Interval]]:
        groups = [*self._groups.values()]
        found = {name: mean_interval([*self.trust(name).values()], groups) for name in self.methods}
        known = {name: -1.0 if np.isnan(one.mean) else one.mean for name, one in found.items()}
        order = sorted(
            found, key=lambda name: (self._outweighed(name), not self._enough(found[name]), -known[name])
        )  # fmt: skip
        return [(name, found[name]) for name in order]

    def _failures(self, method: str) -> int:
        """Return in how many cases the map or a check failed."""
        failed = {row["case"] for row in self.rows if row["method"] == method and row["verdict"] == FAILED}
        return len(failed) + sum(method in methods for methods in self._without_map.values())

    @property
    def _tried(self) -> int:
        """In how many cases maps were asked for."""
        return len(self.cases) + len(self._without_map)

    def _enough(self, found: Interval) -> bool:
        """Tell whether a method has an answer in enough of the cases for a verdict."""
        return found.count > 0 and found.count >= ENOUGH * self._tried

    def _outweighed(self, method: str) -> bool:
        """Tell whether a check that outweighs all others is bad for most cases in which it says anything."""
        for check in OUTWEIGHING:
            verdicts = self._verdicts(method, check)
            decided = sum(verdicts[name] for name in POINTS)
            if decided and verdicts["bad"] > decided / 2:
                return True
        return False

    def _sentence(self, place: int, order: list[tuple[str, Interval]]) -> str:
        method, found = order[place - 1]
        failed = self._failures(method)
        broken = f"failed in {failed} of {count(self._tried, 'case')}" if failed else ""
        if not found.count:
            return "No check says anything of it here" + (f"; it {broken}." if broken else ".")
        verdicts = self._verdicts(method)
        decided = sum(verdicts[name] for name in POINTS)
        words = f"{verdicts['good']} of {count(decided, 'answer')} are good"
        by_check = {one: _worth(self._verdicts(method, one)) for one in self.checks}
        decisive = {one: worth for one, worth in by_check.items() if worth is not None}
        best, worst = max(decisive, key=lambda one: decisive[one]), min(decisive, key=lambda one: decisive[one])
        if decisive[best] > decisive[worst]:
            words += f"; best at {best}, worst at {worst}"
        words += f"; {broken}" if broken else ""
        if self._outweighed(method):
            words += ". It hardly changes when the weights are random, so nothing else it shows counts"
        elif not self._enough(found):
            words += f". Answers in {found.count} of {count(self._tried, 'case')} are too few for a verdict"
        elif place < len(order) and self._enough(order[place][1]) and not self._differs(method, order[place][0]):
            few = " with so few patients" if self.patients < FEW else ""
            words += f". It cannot be told from {order[place][0]}{few}"
        return words + "."

    def _differs(self, one: str, other: str) -> bool:
        """Tell whether the 95 % interval of the difference of two methods, case by case, leaves out 0."""
        both: Array = np.array([[*self.trust(name).values()] for name in (one, other)]).T
        means = bootstrap_means(both[:, :1] - both[:, 1:], [*self._groups.values()])[:, 0]
        if self.patients < 2 or not np.isfinite(means).any():
            return False
        low, high = np.nanpercentile(means, [2.5, 97.5])
        return bool(low > 0 or high < 0)

    def _readme(self) -> str:
        note = self.note
        options = json.dumps({name: note[name] for name in ("methods", "checks", "target", "mask")}, indent=1)
        return (
            f"# Scores of explanations\n\n{self.headline}. Research use only.\n\n{self.leaderboard.to_markdown()}\n\n"
            "Trust is the mean over the cases of what verdicts are worth (good 1, doubtful 0.5, bad 0). Intervals are "
            "95 % percentile bootstrap intervals in which cases of one patient are drawn together. A method whose maps "
            "hardly change with random weights comes last, whatever else it shows; one without an answer in half of "
            "the cases has no verdict, and comes after those with enough.\n\n"
            "| file | holds |\n| --- | --- |\n"
            "| `leaderboard.csv` | the methods, the most trusted first |\n"
            "| `means.csv` | the mean of each check and method with its interval; how many cases had which verdict |\n"
            "| `findings.csv` | every finding; `case` is the number in the data set |\n"
            "| `left-out.csv` | where a check said nothing, and why |\n"
            "| `summary.json` | the first two with all options and versions |\n"
            "| `cases/`, `pictures/` | what was found of each case, and its maps |\n\n"
            f"Options:\n\n```json\n{options}\n```\n"
        )


def _verdict(trust: float, outweighed: bool, enough: bool) -> str:
    if np.isnan(trust) or not (enough or outweighed):
        return "open"
    return "bad" if outweighed or trust < DOUBTED else "good" if trust >= TRUSTED else "doubtful"


def _worth(verdicts: Counter[str]) -> float | None:
    decided = sum(verdicts[name] for name in POINTS)
    return sum(worth * verdicts[name] for name, worth in POINTS.items()) / decided if decided else None
