"""Tables of results."""

from __future__ import annotations

import csv

import pytest

from workbench.errors import FileError
from workbench.evaluation import Table


@pytest.fixture
def table():
    return Table([{"model": "a|b", "dice": 0.123456}]).add(model="<c>", auc=1.0)


def test_text_markdown_and_html(table):
    assert repr(table).splitlines() == ["model   dice    auc", "a|b    0.123", "<c>           1.000"]
    assert table.to_markdown().splitlines() == [
        "| model | dice | auc |",
        "| --- | ---: | ---: |",
        "| a\\|b | 0.123 |  |",
        "| <c> |  | 1.000 |",
    ]
    assert "&lt;c&gt;" in table._repr_html_()
    assert len(table) == 2
    assert table.column("auc") == [None, 1.0]
    assert repr(Table()) == "(an empty table)"


def test_csv_keeps_all_digits(table, tmp_path):
    table.to_csv(tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows == [{"model": "a|b", "dice": "0.123456", "auc": ""}, {"model": "<c>", "dice": "", "auc": "1.0"}]
    with pytest.raises(FileError, match="cannot be written"):
        table.to_csv(tmp_path / "no" / "t.csv")
