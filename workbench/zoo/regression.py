"""Regression: what a network that measures answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Regression:
    """The answer of a network that gives numbers for one image.

    Parameters
    ----------
    names : tuple of str
        What each number is of.
    values : tuple of float
        In the network's own units.
    """

    names: tuple[str, ...]
    values: tuple[float, ...]

    @property
    def value(self) -> float:
        """The first number."""
        return self.values[0]

    def __repr__(self) -> str:
        pairs = zip(self.names, self.values, strict=True)
        return f"<Regression {', '.join(f'{name} {value:.4g}' for name, value in pairs)}>"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(name)}</td><td style='text-align:right'>{value:.4g}</td></tr>"
            for name, value in zip(self.names, self.values, strict=True)
        )
        return f"<table>{rows}</table>"
