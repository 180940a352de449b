"""Opening JupyterLab: as root too, at a port and with a token that one can choose."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from workbench.cli import _lab, main


@pytest.fixture
def started(monkeypatch):
    """What JupyterLab would be started with."""
    calls = []

    def become(command, environment):
        calls.append((command[3:], environment))
        return 7

    monkeypatch.setattr(_lab, "_become", become)
    return calls


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("root", [True, False])
def test_root_needs_no_flag_and_is_told(monkeypatch, started, capsys, root):
    monkeypatch.setattr(_lab, "is_root", lambda: root)
    assert main(["lab", "tour.ipynb"]) == 7
    [(arguments, _)] = started
    assert arguments == ["--allow-root"] * root + ["tour.ipynb"]
    assert ("--allow-root" in capsys.readouterr().err) == root
    main(["lab", "--allow-root"])
    assert started[1][0] == ["--allow-root"]
    assert capsys.readouterr().err == "", "who types it knows it"


def test_port_address_and_token_are_chosen_and_the_rest_is_handed_on(monkeypatch, started, capsys):
    monkeypatch.setattr(_lab, "is_root", lambda: False)
    port = free_port()
    main(["lab", f"--port={port}", "--no-browser", "--token", "secret", "--ServerApp.root_dir", "/data", "a b.ipynb"])
    [(arguments, environment)] = started
    assert arguments == [
        f"--port={port}", "--ServerApp.port_retries=0", "--no-browser", "--ServerApp.root_dir", "/data", "a b.ipynb",
    ]  # fmt: skip
    assert environment["JUPYTER_TOKEN"] == "secret"
    assert environment["PATH"] == os.environ["PATH"]
    assert capsys.readouterr().err == ""
    main(["lab", "--ip=0.0.0.0"])
    assert started[1][0] == ["--ip=0.0.0.0"]
    assert "from other machines" in capsys.readouterr().err
    main(["lab", "--ip=*", f"--port={free_port()}"])
    assert started[2][0][-1] == "--ip=*"
    assert "from other machines" in capsys.readouterr().err


def test_a_port_that_is_in_use_is_refused(started, capsys):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert main(["lab", f"--port={port}"]) == 1
    assert f"Port {port} is in use" in capsys.readouterr().err
    assert started == []
    assert main(["lab", f"--port={free_port()}", "--ip=no.such.host.invalid"]) == 1
    assert "got 'no.such.host.invalid', which is not known here" in capsys.readouterr().err
    assert main(["lab", f"--port={free_port()}", "--ip=192.0.2.1"]) == 1
    assert "got '192.0.2.1', which is another one's" in capsys.readouterr().err
    assert main(["lab", "--port=70000"]) == 1
    assert "1 to 65535" in capsys.readouterr().err


def test_it_is_listed_and_explains_itself(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    assert "open JupyterLab" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["lab", "--help"])
    assert "--port" in capsys.readouterr().out


def test_it_opens_for_this_user_whoever_that_is(tmp_path):
    port = free_port()
    environment = {**os.environ, "JUPYTER_CONFIG_DIR": str(tmp_path / "config"), "JUPYTER_DATA_DIR": str(tmp_path)}
    command = [sys.executable, "-m", "workbench", "lab", f"--port={port}", "--token=a-token", "--no-browser"]
    process = subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    try:
        for _ in range(240):
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status?token=a-token", timeout=5) as answer:
                    assert answer.status == 200
                break
            except (urllib.error.URLError, ConnectionError):
                assert process.poll() is None, process.stderr.read()
                time.sleep(0.25)
        else:
            pytest.fail("JupyterLab did not answer in 60 s")
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api/status?token=another", timeout=5)
    finally:
        process.terminate()
        process.wait(20)
        process.stderr.close()
    assert _lab.port_is_free("", port), "the server ends with the command"
