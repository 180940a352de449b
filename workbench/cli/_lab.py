"""``workbench lab``: JupyterLab, as ``make lab`` opens it; what is not an option here is handed on to it."""

from __future__ import annotations

import argparse
import errno
import os
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence

from workbench.errors import InputError, StateError

_ROOT = """\
You are root: JupyterLab is started with --allow-root. That is usual in a container; elsewhere every notebook, and
whoever opens this page, can then do everything on this machine: better start it as an ordinary user."""
_OPEN = """\
The page can be opened from other machines, by whoever has the token. Its traffic is not encrypted: use a tunnel, or
give JupyterLab a certificate."""
_HERE = ("", "localhost", "127.0.0.1", "::1")
#: JupyterLab's word for all addresses of this machine.
_EVERYWHERE = "*"


def parser() -> argparse.ArgumentParser:
    """Return the options that are ours; everything else is JupyterLab's."""
    made = argparse.ArgumentParser(
        prog="workbench lab",
        usage="workbench lab [--port PORT] [--ip IP] [--token TOKEN] [FILE] [options of JupyterLab]",
        description="Open JupyterLab. Other options are handed on: `jupyter lab --help` lists them.",
        allow_abbrev=False,
    )
    made.add_argument("--port", type=int, help="where the page is found; taken as it is, or refused if it is in use")
    made.add_argument("--ip", default="", help="who may connect: localhost (the default), or * for everybody")
    made.add_argument("--token", help="what the page asks for instead of a random one (also: JUPYTER_TOKEN)")
    return made


def lab(arguments: Sequence[str]) -> int:
    """Open JupyterLab and return its exit code.

    Raises
    ------
    StateError
        If the port that was asked for is in use.
    """
    options, rest = parser().parse_known_args(arguments)
    if options.port is not None:
        check_port(options.ip, options.port)
    for note in notes(options.ip, rest):
        print(note, file=sys.stderr)
    sys.stderr.flush()
    return _become(command(options.port, options.ip, rest), environment(options.token, os.environ))


def command(port: int | None, ip: str, rest: Sequence[str]) -> list[str]:
    """Return the command that starts JupyterLab."""
    made = [sys.executable, "-m", "jupyterlab"]
    if is_root() and "--allow-root" not in rest:
        made.append("--allow-root")
    if port is not None:
        # else JupyterLab would quietly take the next one that is free
        made += [f"--port={port}", "--ServerApp.port_retries=0"]
    if ip:
        made.append(f"--ip={ip}")
    return [*made, *rest]


def environment(token: str | None, inherited: Mapping[str, str]) -> dict[str, str]:
    """Return the environment of JupyterLab; the token travels in it, as everybody can read a command line."""
    return {**inherited, **({"JUPYTER_TOKEN": token} if token else {})}


def notes(ip: str, rest: Sequence[str]) -> list[str]:
    """Return what should be known before the page opens."""
    said = [_ROOT] if is_root() and "--allow-root" not in rest else []
    return said + ([_OPEN] if ip not in _HERE else [])


def _become(command: list[str], environment: dict[str, str]) -> int:
    if os.name == "posix":
        # one process, so that what ends this command ends the server
        os.execve(command[0], command, environment)  # noqa: S606
    return subprocess.run(command, env=environment, check=False).returncode  # noqa: S603


def is_root() -> bool:
    """Tell whether this process may do everything; on Windows there is no such user."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def port_is_free(ip: str, port: int) -> bool:
    """Tell whether a server could listen at a port.

    Raises
    ------
    InputError
        If `ip` is no address of this machine.
    """
    ip = "0.0.0.0" if ip == _EVERYWHERE else ip  # noqa: S104 - it was asked for, and is warned of
    with socket.socket(socket.AF_INET6 if ":" in ip else socket.AF_INET) as probe:
        if os.name == "posix":
            # a server that has just ended does not count
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((ip or "127.0.0.1", port))
        except socket.gaierror:
            raise InputError(
                f"The ip is an address or a name of this machine, or * for all, got {ip!r}, which is not known here. "
                "Leave it out to work on this machine alone."
            ) from None
        except OSError as error:
            if error.errno == errno.EADDRNOTAVAIL:
                raise InputError(
                    f"The ip is an address of this machine, or * for all, got {ip!r}, which is another one's. "
                    "Leave it out to work on this machine alone."
                ) from None
            return False
    return True


def check_port(ip: str, port: int) -> None:
    """Raise if a server could not listen at a port.

    Raises
    ------
    InputError
        If port or address cannot be one.
    StateError
        If the port is in use.
    """
    if not 0 < port < 65536:
        raise InputError(f"A port is a number from 1 to 65535, got {port}. Choose one, such as 8890.")
    if not port_is_free(ip, port):
        raise StateError(
            f"Port {port} is in use, or this user may not use it. Choose another one (--port 8890; in a checkout: make "
            "lab PORT=8890), or none: then the first that is free is taken."
        )
