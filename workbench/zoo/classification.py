"""Classification: what a classifier answers."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Classification:
    """The answer of a classifier for one image.

    Parameters
    ----------
    classes : tuple of str
        Names of the classes.
    probabilities : tuple of float
        Probability of each.
    """

    classes: tuple[str, ...]
    probabilities: tuple[float, ...]

    @property
    def label(self) -> int:
        """Number of the most probable class."""
        return max(range(len(self.probabilities)), key=self.probabilities.__getitem__)

    @property
    def name(self) -> str:
        """Name of the most probable class."""
        return self.classes[self.label]

    @property
    def probability(self) -> float:
        """Probability of the most probable class."""
        return self.probabilities[self.label]

    def ranked(self) -> list[tuple[str, float]]:
        """Return (name, probability) of all classes, most probable first."""
        return sorted(zip(self.classes, self.probabilities, strict=True), key=lambda pair: -pair[1])

    def __repr__(self) -> str:
        listing = ", ".join(f"{name} {probability:.1%}" for name, probability in self.ranked()[:5])
        more = f", and {len(self.classes) - 5} more" if len(self.classes) > 5 else ""
        return f"<Classification {listing}{more}>"

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>{escape(name)}</td><td style='text-align:right'>{probability:.1%}</td>"
            f"<td style='min-width:10em'><div style='background:var(--jp-brand-color1,#1976d2);height:0.8em;"
            f"width:{100 * probability:.1f}%'></div></td></tr>"
            for name, probability in self.ranked()
        )
        return f"<table>{rows}</table>"
