from __future__ import annotations

import logging
from pathlib import Path

from workbench import lab
from workbench.errors import FileError


def test_what_was_waiting_goes_on_when_the_server_starts(monkeypatch, caplog) -> None:
    monkeypatch.setattr("workbench.jobs.executors.local.revive", lambda: [Path("runs/one")])
    with caplog.at_level(logging.INFO):
        lab._go_on_with_jobs(logging.getLogger("server"))
    assert "job one goes on" in caplog.text


def test_a_server_starts_all_the_same(monkeypatch, caplog) -> None:
    def revive() -> list[Path]:
        raise FileError("The settings must be readable JSON.")

    monkeypatch.setattr("workbench.jobs.executors.local.revive", revive)
    with caplog.at_level(logging.INFO):
        lab._go_on_with_jobs(logging.getLogger("server"))
    assert "not started again. The settings must be readable JSON." in caplog.text
