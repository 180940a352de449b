"""The viewer in Chromium on volumes of 64 MB to 2 GB: how long until something is seen, and until it is sharp.

    python benchmarks/viewer.py [--sizes 64 157 ...] [--save]

JupyterLab and the kernel are warm: a small volume was shown before. A volume is written as `.nii` (int16, axes of a
CT), read and shown in one cell. Measured in the page, from the moment the cell is run: the first picture (anything but
the empty stage), the first drawing from voxels, and exact values under the crosshair, which come with full resolution
of its planes. Then 40 steps of the axial slice, without a pause: from the key to the sharp slice. Bytes are those of
the websockets; memory is that of the page's process and of the kernel beyond what they had before (of the kernel also
without the file, which it holds once). Software rendering; `tests/browser` says how Chromium is started.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from _report import load, save

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.browser import conftest as lab_of_tests

SHAPES = {64: (256, 256, 512), 157: (512, 512, 300), 315: (512, 512, 600), 2000: (1024, 1024, 1000)}
STEPS = 40
#: Installed before the cell runs: notes when each thing is first so.
WATCH = """() => {
    const seen = (window.__seen = {});
    const now = () => performance.now();
    window.__begun = now();
    const look = () => {
        const viewer = [...document.querySelectorAll(".mwb-viewer")].at(-1);
        const message = viewer?.querySelector(".mwb-v-message");
        const text = viewer?.querySelector(".mwb-v-readout")?.textContent ?? "";
        const note = (name) => (seen[name] ??= now() - window.__begun);
        if (viewer && window.__viewers < document.querySelectorAll(".mwb-viewer").length) {
            if (message.hidden || message.classList.contains("mwb-v-note")) note("first picture");
            if (message.hidden) note("drawn from voxels");
            if (message.hidden && text.includes("value") && !text.includes("about")) note("sharp under the crosshair");
        }
        if (!seen["sharp under the crosshair"]) requestAnimationFrame(look);
    };
    window.__viewers = document.querySelectorAll(".mwb-viewer").length;
    requestAnimationFrame(look);
}"""
SCROLL = """async (steps) => {
    const viewer = [...document.querySelectorAll(".mwb-viewer")].at(-1);
    const canvas = viewer.querySelector("canvas");
    const readout = viewer.querySelector(".mwb-v-readout");
    const frame = () => new Promise(requestAnimationFrame);
    const times = [];
    for (let n = 0; n < steps; n++) {
        const before = readout.textContent;
        const begun = performance.now();
        canvas.dispatchEvent(new KeyboardEvent("keydown", { key: "PageUp", bubbles: true }));
        const waits = () => readout.textContent === before || readout.textContent.includes("about");
        do await frame(); while (performance.now() - begun < 5000 && waits());
        times.push(performance.now() - begun);
    }
    return times;
}"""


def write(path: Path, shape: tuple[int, ...]) -> None:
    """Write a CT of noise, which no step of the way can shorten."""
    import nibabel

    rng = np.random.default_rng(0)
    slab = rng.normal(40, 300, (*shape[:2], 20)).astype(np.int16)
    data = np.asfortranarray(np.concatenate([np.roll(slab, n, 0) for n in range(shape[2] // 20)], axis=2))
    image = nibabel.Nifti1Image(data, np.diag([-0.7, -0.7, 1.0, 1.0]))
    nibabel.save(image, path)


def renderers() -> dict[int, int]:
    """Return the bytes of each process that draws pages."""
    found = {}
    for process in psutil.process_iter(["cmdline", "memory_info"]):
        if "--type=renderer" in (process.info["cmdline"] or []):
            found[process.pid] = process.info["memory_info"].rss
    return found


def measure(open_: Any, server: Any, size: int) -> dict[str, Any]:
    """Show a volume of about `size` MB in a fresh page."""
    shape = SHAPES[size]
    path = server.folder / f"ct-{size}.nii"
    write(path, shape)
    lab = open_(f"doc/tree/{new_notebook(server, size)}", 1600, 1000)
    lab.wait_for_kernel()
    lab.run_cell("import numpy as np, os, psutil, workbench as wb\nwb.view(wb.Volume(np.zeros((9, 9, 9), np.int16)))")
    lab.page.locator(".mwb-v-message").wait_for(state="hidden")
    session = lab.page.context.new_cdp_session(lab.page)
    session.send("Network.enable")
    counted = {"bytes": 0}
    session.on(
        "Network.webSocketFrameReceived",
        lambda event: counted.__setitem__("bytes", counted["bytes"] + len(event["response"]["payloadData"]) * 3 // 4),
    )
    kernel = "int(psutil.Process().memory_info().rss)"
    kernel_before, page_before = lab.python(kernel), max(renderers().values())
    lab.page.evaluate(WATCH)
    lab.run_cell(f"viewer = wb.view(wb.read({path.name!r}))\nviewer")
    lab.page.wait_for_function("() => window.__seen['sharp under the crosshair']", timeout=120_000)
    times = lab.page.evaluate("() => window.__seen")
    first = counted["bytes"]
    lab.page.wait_for_timeout(3000)
    scrolled = lab.page.evaluate(SCROLL, STEPS)
    lab.page.wait_for_timeout(1000)
    kernel_more = lab.python(kernel) - kernel_before
    page_more = max(renderers().values()) - page_before
    stored = path.stat().st_size
    path.unlink()
    return {
        "shape": shape,
        "MB": round(stored / 1e6),
        "seconds": {name: round(value / 1000, 2) for name, value in times.items()},
        "MB received until sharp": round(first / 1e6, 1),
        "ms from the key to the sharp slice": {
            "median": round(statistics.median(scrolled)),
            "95th percentile": round(float(np.percentile(scrolled, 95))),
            "all": [round(one) for one in scrolled],
        },
        "MB more in the page": round(page_more / 1e6),
        "MB more in the kernel": round(kernel_more / 1e6),
        "MB more in the kernel, without the volume": round((kernel_more - stored) / 1e6),
    }


def new_notebook(server: Any, size: int) -> str:
    """Write an empty notebook; return its name."""
    import nbformat

    name = f"show-{size}.ipynb"
    cells = [nbformat.v4.new_code_cell("")]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=metadata), server.folder / name)
    return name


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="*", type=int, default=list(SHAPES), choices=list(SHAPES))
    parser.add_argument("--save", action="store_true", help="write benchmarks/results/viewer.json, sizes not run stay")
    arguments = parser.parse_args()
    report: dict[str, Any] = (load("viewer") if arguments.save else None) or {}
    from playwright.sync_api import sync_playwright

    with (
        tempfile.TemporaryDirectory() as base,
        lab_of_tests.running_server(Path(base)) as server,
        sync_playwright() as p,
    ):
        browser = p.chromium.launch(executable_path="/usr/bin/chromium", args=lab_of_tests.CHROMIUM_FLAGS)
        for size in arguments.sizes:
            with lab_of_tests.opening(server, browser) as open_:
                report[str(size)] = measure(open_, server, size)
            print(size, json.dumps(report[str(size)]), flush=True)
            if arguments.save:
                save("viewer", report)
        browser.close()


if __name__ == "__main__":
    main()
