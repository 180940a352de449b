"""The curves of a run as pictures, for pages that have no live chart."""

from __future__ import annotations

from io import BytesIO

from workbench.widgets.messages import Curve, RunCurves, RunSnapshot

Picture = tuple[str, bytes]

#: Okabe and Ito's colours, as in the live charts: told apart by people with any kind of colour vision.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
_SIZE = (7.0, 2.8)  # inches


def curves(state: RunSnapshot) -> list[Picture]:
    """Return the loss and the validation scores over the epochs as SVG, each with its caption.

    Parameters
    ----------
    state : RunSnapshot
        What `workbench.widgets._watch.snapshot` says of a run.
    """
    told = state.get("curves") or RunCurves(steps=[], loss=[], metrics={})
    found = []
    loss = {"each step": told["steps"], "mean of the epoch": told["loss"]}
    if any(loss.values()):
        found.append(("Loss", _chart(loss, "loss", faint="each step")))
    scores = {name: points for name, points in told["metrics"].items() if points}
    if scores:
        found.append(("Validation", _chart(scores, "score")))
    return found


def _chart(series: dict[str, Curve], quantity: str, faint: str = "") -> bytes:
    from matplotlib import rc_context
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    figure = Figure(figsize=_SIZE, layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    strong = [name for name in series if name != faint]
    for name, points in series.items():
        if not points:
            continue
        x, y = zip(*points, strict=True)
        if name == faint and any(series[one] for one in strong):
            axes.plot(x, y, color=_COLORS[0], linewidth=0.7, alpha=0.35, label=name)
        else:
            color = _COLORS[strong.index(name) % len(_COLORS)] if name in strong else _COLORS[0]
            axes.plot(x, y, color=color, linewidth=1.6, marker="o", markersize=3, label=f"{name}: {y[-1]:.3g}")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("epoch")
    axes.set_ylabel(quantity)
    axes.grid(linewidth=0.4, alpha=0.6)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), frameon=False, fontsize=8)
    buffer = BytesIO()
    # the same curves give the same bytes: neither date nor random names of paths
    with rc_context({"svg.hashsalt": "workbench"}):
        figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    return buffer.getvalue()
