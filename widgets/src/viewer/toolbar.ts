// The row of buttons above the pictures.

import { h } from "../ui/dom";
import type { Convention, LayerInfo, Panes } from "./protocol";
import { inPatient, viewNames } from "./space";

export interface Tools {
  panes(value: Panes): void;
  convention(value: Convention): void;
  measure(on: boolean): void;
  reset(): void;
  screenshot(): void;
}

const PANES: [Panes, string, string][] = [
  ["all", "All", "Axial, coronal, sagittal and 3D together"],
  ["axial", "Axial", "Axial slice only"],
  ["coronal", "Coronal", "Coronal slice only"],
  ["sagittal", "Sagittal", "Sagittal slice only"],
  ["3d", "3D", "3D only; drag to turn"],
];

export class Toolbar {
  readonly element: HTMLElement;
  #panes = new Map<Panes, HTMLButtonElement>();
  #group: HTMLElement;
  #convention: HTMLButtonElement;
  #measure: HTMLButtonElement;
  #state: { convention: Convention; measuring: boolean } = { convention: "radiological", measuring: false };

  constructor(tools: Tools) {
    for (const [panes, text, title] of PANES) {
      this.#panes.set(panes, button(text, title, () => tools.panes(panes)));
    }
    this.#group = h("div", { class: "mwb-v-group", role: "group", "aria-label": "Views" }, ...this.#panes.values());
    this.#convention = button("", "", () =>
      tools.convention(this.#state.convention === "radiological" ? "neurological" : "radiological"),
    );
    this.#measure = button("Measure", "Measure: drag along a length on a slice (also: Shift and drag)", () => {
      this.#state.measuring = !this.#state.measuring;
      this.#measure.setAttribute("aria-pressed", String(this.#state.measuring));
      tools.measure(this.#state.measuring);
    });
    this.#measure.setAttribute("aria-pressed", "false");
    this.element = h(
      "div",
      { class: "mwb-v-toolbar", role: "toolbar", "aria-label": "Viewer" },
      this.#group,
      this.#convention,
      this.#measure,
      button("Reset view", "Undo zoom, pan and rotation", () => tools.reset()),
      button("Save PNG", "Save what is shown as a PNG picture", () => tools.screenshot()),
    );
  }

  update(panes: Panes, convention: Convention, base: LayerInfo | null): void {
    this.#state.convention = convention;
    const names = viewNames(base?.space ?? "patient");
    for (const [name, element] of this.#panes) {
      element.setAttribute("aria-pressed", String(name === panes));
      if (name === "axial" || name === "coronal" || name === "sagittal") {
        element.textContent = names[name][0].toUpperCase() + names[name].slice(1);
        element.title = `${element.textContent} slice only`;
      }
    }
    const right = convention === "radiological" ? "left" : "right";
    this.#convention.textContent = convention === "radiological" ? "R on left" : "R on right";
    this.#convention.title = `${convention[0].toUpperCase()}${convention.slice(1)} convention: the patient's right is on the ${right}. Click to change.`;
    this.#group.hidden = base?.picture ?? false;
    this.#convention.hidden = !inPatient(base);
  }
}

export function button(text: string, title: string, click: () => void): HTMLButtonElement {
  return h("button", { type: "button", class: "mwb-v-button", title, onclick: click }, text);
}
