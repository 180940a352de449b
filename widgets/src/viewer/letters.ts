// The names of the views and the letters at their edges (R L A P S I), over the pictures.

import { h } from "../ui/dom";
import type { Convention, Space } from "./protocol";
import { inPatient, viewNames } from "./space";

export type ViewName = "axial" | "coronal" | "sagittal" | "3D";

/** Where a view lies on the canvas, in CSS pixels. */
export interface Pane {
  view: ViewName;
  left: number;
  top: number;
  width: number;
  height: number;
}

type Edges = { left: string; right: string; top: string; bottom: string };

/** What lies at the edges of a view. The sagittal view is the same in both conventions: nose to the right. */
export function edges(view: Exclude<ViewName, "3D">, convention: Convention): Edges {
  const [left, right] = convention === "radiological" ? ["R", "L"] : ["L", "R"];
  return {
    axial: { left, right, top: "A", bottom: "P" },
    coronal: { left, right, top: "S", bottom: "I" },
    sagittal: { left: "P", right: "A", top: "S", bottom: "I" },
  }[view];
}

/** Elements to lay over the canvas; a picture of no patient has none, its views are no other's. */
export function letterElements(panes: Pane[], convention: Convention, shown: { space: Space; picture: boolean }): HTMLElement[] {
  const lettered = inPatient(shown);
  return panes.map((pane) => {
    const box = h("div", { class: "mwb-v-pane", "aria-hidden": "true" });
    for (const side of ["left", "top", "width", "height"] as const) {
      box.style[side] = `${pane[side]}px`;
    }
    if (lettered || !shown.picture) {
      const name = pane.view === "3D" ? "3D" : viewNames(shown.space)[pane.view];
      box.append(h("span", { class: "mwb-v-view" }, name));
    }
    if (lettered && pane.view !== "3D") {
      for (const [side, letter] of Object.entries(edges(pane.view, convention))) {
        box.append(h("span", { class: `mwb-v-letter mwb-v-${side}` }, letter));
      }
    }
    return box;
  });
}
