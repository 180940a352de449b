"""The addresses of jobs, asked over HTTP: by whom they may be asked, and from the start of a job to its end."""

from __future__ import annotations

import json
import time

import pytest

import workbench as wb
from tests.lab.serving import Server
from workbench.jobs.faults import HELD, VARIABLE
from workbench.training import Recipe
from workbench.training.run import create

RUNS = "medical-workbench/runs"
ROUTES = [
    ("GET", RUNS),
    ("DELETE", RUNS),
    ("POST", f"{RUNS}/stop"),
    ("POST", f"{RUNS}/resume"),
    ("GET", f"{RUNS}/curves"),
]
_PATIENCE = 120.0


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("server")
    with Server(
        folder, WORKBENCH_RUNS=str(folder / "served" / "runs"), WORKBENCH_QUEUE=str(folder / "queue")
    ) as server:
        yield server


def rows(answer):
    status, _, body = answer
    assert status == 200, body
    return {row["id"]: row for row in json.loads(body)["rows"]}


def until(server, job, *states):
    deadline = time.monotonic() + _PATIENCE
    while (row := rows(server.get(RUNS))[job.id])["state"] not in states:
        assert time.monotonic() < deadline, row
        time.sleep(0.1)
    return row


@pytest.mark.parametrize(("method", "address"), ROUTES)
def test_nobody_asks_without_a_token(server, method, address):
    run = create(
        server.root / "runs" / f"20260101-{method}-{address[-6:]}".replace("/", "-"), Recipe(algorithm="3d-unet")
    )
    for token in (None, "wrong"):
        status, _, body = server.get(address, token=token, method=method, path=f"runs/{run.id}")
        assert status == 403
        assert run.id.encode() not in body
    assert (run.path / "recipe.json").is_file()
    assert not (run.path / "control.json").exists()


@pytest.mark.parametrize(("method", "address"), [route for route in ROUTES if route[0] != "GET"])
def test_a_page_of_somebody_else_cannot_use_the_cookie(server, method, address):
    run = create(
        server.root / "runs" / f"20260102-{method}-{address[-6:]}".replace("/", "-"), Recipe(algorithm="3d-unet")
    )
    _, headers, _ = server.get("api/me")
    cookies = "; ".join(one.split(";")[0] for one in headers.get_all("Set-Cookie") or [])
    assert "username" in cookies
    status, _, body = server.ask(method, address, {"Cookie": cookies}, {"path": f"runs/{run.id}"})
    assert status == 403
    assert b"XSRF" in body or b"_xsrf" in body
    assert (run.path / "recipe.json").is_file()


def test_who_may_only_read_stops_and_deletes_nothing(tmp_path):
    create(tmp_path / "served" / "runs" / "20260101-a", Recipe(algorithm="3d-unet"))
    runs = str(tmp_path / "served" / "runs")
    with Server(tmp_path, "--ServerApp.authorizer_class=tests.lab.serving.ReadOnly", WORKBENCH_RUNS=runs) as server:
        assert list(rows(server.get(RUNS))) == ["20260101-a"]
        for method, address in ROUTES:
            if method != "GET":
                status, message = server.refused(address, method=method, path="runs/20260101-a")
                assert (status, "not authorized to write on resource: contents" in message) == (403, True)
        assert list(rows(server.get(RUNS))) == ["20260101-a"]


@pytest.mark.parametrize(("method", "address"), ROUTES[1:])
@pytest.mark.parametrize("path", ["../log.txt", "/etc", "runs/../..", "..%2F", "\0", "runs/nothing", ""])
def test_what_is_no_job_below_the_root_is_refused(server, method, address, path):
    status, message = server.refused(address, method=method, path=path)
    assert status == 400
    assert str(server.root.parent) not in message
    assert server.root.is_dir()


def test_a_wrong_request_is_answered_in_words(server):
    assert server.refused(RUNS, folder="../..")[0] == 400
    status, message = server.refused(f"{RUNS}/stop", method="POST")
    assert (status, "path" in message) == (400, True)
    status, message = server.refused(RUNS, folder="no such folder")
    assert status == 400
    assert message.startswith("There is no folder no such folder.")


def test_an_error_that_nobody_expected_has_no_traceback(server):
    run = create(server.root / "runs" / "20260103-broken", Recipe(algorithm="3d-unet"))
    (run.path / "launch.json").write_text('{"id": "a", "time": "yesterday", "owner": {}}')
    status, message = server.refused(f"{RUNS}/stop", method="POST", path="runs/20260103-broken")
    assert (status, message) == (500, "The server met an error that it did not expect; its log tells which.")
    assert "Traceback" in server.log.read_text()
    assert rows(server.get(RUNS))[run.id]["told"] == "Its files are damaged (TypeError)."
    # not left for the servers of other tests to find
    (run.path / "launch.json").unlink()


@pytest.fixture
def held(server, tmp_path, monkeypatch):
    """A job that stays half through until it is asked to stop, and is gone after the test in any case."""
    monkeypatch.setenv("WORKBENCH_RUNS", str(server.root / "runs"))
    monkeypatch.setenv("WORKBENCH_QUEUE", str(server.root.parent / "queue"))
    monkeypatch.setenv(VARIABLE, "progress:2:hold")
    data = wb.datasets.load("phantom-xray", n=4, size=12)
    job = wb.tools.over("window", data, out=tmp_path / "out", background=True)
    monkeypatch.delenv(VARIABLE)
    yield job
    if job.path.exists():
        job.stop().wait(_PATIENCE)


def test_a_job_is_followed_stopped_resumed_and_deleted(server, tmp_path, held):
    job, place = held, f"runs/{held.id}"
    deadline = time.monotonic() + _PATIENCE
    while not (job.path / HELD).exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    row = until(server, job, "running")
    assert (row["path"], row["alive"], row["can_delete"]) == (place, True, False)
    assert 0 <= row["progress"] < 1
    status, message = server.refused(RUNS, method="DELETE", path=place)
    assert status == 409
    assert "works on it" in message
    assert rows(server.get(f"{RUNS}/stop", method="POST", path=place))[job.id]["state"] in ("stopping", "stopped")
    assert until(server, job, "stopped")["can_resume"]
    assert rows(server.get(f"{RUNS}/resume", method="POST", path=place))[job.id]["alive"]
    row = until(server, job, "finished")
    assert (row["told"], row["can_open"]) == ("4 cases done, 0 failed", True)
    status, message = server.refused(f"{RUNS}/resume", method="POST", path=place)
    assert (status, "is finished" in message) == (409, True)
    assert server.refused(f"{RUNS}/curves", path=place)[0] == 400
    assert job.id not in rows(server.get(RUNS, method="DELETE", path=place))
    assert not job.path.exists()
    assert len(list((tmp_path / "out").iterdir())) >= 4, "what it wrote elsewhere stays"
