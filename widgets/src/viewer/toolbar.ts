// The row of buttons above the pictures.

import { h } from "../ui/dom";
import type { Convention, LayerInfo, Panes, Tool } from "./protocol";
import { inPatient, viewNames } from "./space";
import { toolButton } from "./tools";

export interface Actions {
  panes(value: Panes): void;
  convention(value: Convention): void;
  tool(value: Tool): void;
  reset(): void;
  screenshot(): void;
  help(): void;
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
  #tools = new Map<Tool, HTMLButtonElement>();
  #shown: Convention = "radiological";

  constructor(actions: Actions, offered: Tool[]) {
    for (const [panes, text, title] of PANES) {
      this.#panes.set(panes, button(text, title, () => actions.panes(panes)));
    }
    this.#group = h("div", { class: "mwb-v-group", role: "group", "aria-label": "Views" }, ...this.#panes.values());
    this.#convention = button("", "", () =>
      actions.convention(this.#shown === "radiological" ? "neurological" : "radiological"),
    );
    for (const tool of offered) {
      this.#tools.set(tool, toolButton(tool, () => actions.tool(tool)));
    }
    this.element = h(
      "div",
      { class: "mwb-v-toolbar", role: "toolbar", "aria-label": "Viewer" },
      this.#group,
      h("div", { class: "mwb-v-group", role: "group", "aria-label": "Tools" }, ...this.#tools.values()),
      this.#convention,
      button("Reset view", "Undo zoom, pan and rotation", () => actions.reset()),
      button("Save PNG", "Save what is shown as a PNG picture", () => actions.screenshot()),
      button("?", "Mouse and keys (?)", () => actions.help()),
    );
  }

  update(panes: Panes, convention: Convention, tool: Tool, base: LayerInfo | null): void {
    this.#shown = convention;
    for (const [name, element] of this.#tools) {
      element.setAttribute("aria-pressed", String(name === tool));
    }
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
