"""The viewer as a person sees it: in JupyterLab, in Chromium."""

from __future__ import annotations

from typing import Any

SCENE = """
import numpy as np, workbench as wb
from workbench.volume import Volume
from workbench.widgets import Layer
i, j, k = np.mgrid[0:60, 0:50, 0:40]
affine = np.diag([-1.0, 1.2, 1.5, 1.0]); affine[:3, 3] = [30, -30, -20]
body = (((i - 30) / 26.0) ** 2 + ((j - 25) / 21.0) ** 2 + ((k - 20) / 17.0) ** 2 < 1) * 100.0
ct = Volume(body.astype(np.float32), affine, unit="a.u.")
blob = np.zeros(i.shape, np.uint8); blob[8:20, 20:32, 14:26] = 1
seg = Volume(blob, affine, kind="labels", labels={1: "lesion"})
"""


def test_first_picture(lab: Any) -> None:
    lab.run_cell(SCENE)
    cell = lab.run_cell("viewer = wb.view(ct, Layer(seg, opacity=1.0), crosshair=(16.0, 1.2, 10.0))\nviewer")
    cell.locator(".mwb-viewer canvas").wait_for()
    lab.page.wait_for_timeout(8000)
    lab.shot("viewer-first")
    print(lab.errors, lab.strangers)
