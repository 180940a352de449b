"""A Jupyter Server with the extension, in a process of its own, asked over HTTP."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

from jupyter_server.auth import Authorizer

TOKEN = "a-token-of-the-tests"


class ReadOnly(Authorizer):
    """Lets everybody look, and nobody change anything."""

    def is_authorized(self, _handler, _user, action, _resource):
        return action == "read"


class Server:
    """A Jupyter Server with the extension."""

    def __init__(self, folder, *options, **environment):
        self.root = folder / "served"
        self.root.mkdir(exist_ok=True)
        self.log = folder / "log.txt"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        settings = {"port": self.port, "root_dir": self.root, "allow_unauthenticated_access": False, "ip": "127.0.0.1"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "jupyter_server", "--no-browser", "--allow-root"]
            + [f"--ServerApp.{name}={value}" for name, value in settings.items()]
            + [f"--IdentityProvider.token={TOKEN}", "--ServerApp.jpserver_extensions={'workbench.lab': True}"]
            + [*options],
            env={**os.environ, "JUPYTER_CONFIG_DIR": str(folder / "config"), **environment},
            stdout=self.log.open("w"),
            stderr=subprocess.STDOUT,
        )

    def __enter__(self):
        try:
            self.wait()
        except BaseException:
            self.end()
            raise
        return self

    def __exit__(self, *_):
        self.end()

    def end(self):
        self.process.terminate()
        self.process.wait(20)

    def wait(self):
        for _ in range(240):
            try:
                return self.get("api")
            except OSError:
                assert self.process.poll() is None, self.log.read_text()
                time.sleep(0.25)
        raise AssertionError(self.log.read_text())

    def ask(self, method, address, headers, query):
        """Return (status, headers, body); `query` is encoded."""
        url = f"http://127.0.0.1:{self.port}/{address}?{urllib.parse.urlencode(query)}"
        request = urllib.request.Request(url, method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.headers, answer.read()
        except urllib.error.HTTPError as error:
            return error.code, error.headers, error.read()

    def get(self, address, token=TOKEN, method="GET", **query):
        """Ask with a token, or with none."""
        return self.ask(method, address, {"Authorization": f"token {token}"} if token else {}, query)

    def refused(self, address, method="GET", **query):
        """Return (status, message) of a request that must fail."""
        status, _, body = self.get(address, method=method, **query)
        assert status >= 400, (status, body)
        return status, json.loads(body)["message"]
