"""What the doctor finds."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at.

    Attributes
    ----------
    group, name : str
        What was looked at.
    state : str
        ``"ok"``, ``"warning"`` (works, but read on), ``"absent"`` (optional, not here) or ``"broken"`` (needed).
    found : str
        What is there.
    remedy : str
        The command that mends it.
    """

    group: str
    name: str
    state: str
    found: str
    remedy: str = ""

    def to_dict(self) -> dict[str, str]:
        """Return it as JSON-able data."""
        return asdict(self)
