// Controls with a label, a unit and a tooltip. Native elements throughout: the keyboard and screen readers know them.
import { h, uniqueId } from "./dom";

export interface Label {
  label: string;
  tooltip: string;
  unit?: string;
}

export interface Choice {
  value: string;
  label: string;
  enabled?: boolean;
  reason?: string;
}

/** A control inside its row; `set` shows a value without telling the listener. */
export interface Control<T> {
  row: HTMLElement;
  input: HTMLElement;
  set(value: T): void;
  enable(on: boolean): void;
}

function row(text: Label, input: HTMLElement, extra?: HTMLElement): HTMLElement {
  const id = uniqueId("field");
  input.id = id;
  input.title = text.tooltip;
  return h(
    "div",
    { class: "mwb-field" },
    h("label", { for: id, title: text.tooltip }, text.label),
    h("div", { class: "mwb-control" }, input, extra, text.unit && h("span", { class: "mwb-unit" }, text.unit)),
  );
}

/** Two controls in the row of the first; the second keeps its own name for screen readers. */
export function joined(first: { row: HTMLElement }, second: { row: HTMLElement; input: HTMLElement }): HTMLElement {
  const name = second.row.querySelector("label")?.textContent ?? "";
  second.input.setAttribute("aria-label", name);
  first.row.querySelector(".mwb-control")?.append(...(second.row.querySelector(".mwb-control")?.childNodes ?? []));
  first.row.classList.add("mwb-joined");
  return first.row;
}

export interface SelectControl extends Control<string> {
  choices(choices: Choice[], placeholder?: string): void;
}

export function select(text: Label, change: (value: string) => void): SelectControl {
  const input = h("select", { class: "mwb-input", onchange: () => change(input.value) });
  let wanted = "";
  let shown = "";
  return {
    row: row(text, input),
    input,
    set(value) {
      wanted = value;
      input.value = value;
      const chosen = input.selectedOptions[0]?.textContent;
      input.title = chosen ? `${chosen}\n${text.tooltip}` : text.tooltip;
    },
    enable(on) {
      input.disabled = !on;
    },
    choices(choices, placeholder) {
      // An open list would close if its options were replaced, so do it only when they changed.
      const next = JSON.stringify([choices, placeholder]);
      if (next === shown) return;
      shown = next;
      const options = choices.map((choice) => {
        const enabled = choice.enabled !== false;
        const label = enabled || !choice.reason ? choice.label : `${choice.label} - ${choice.reason}`;
        return h("option", { value: choice.value, disabled: !enabled, title: choice.reason }, label);
      });
      if (placeholder !== undefined) options.unshift(h("option", { value: "", disabled: true }, placeholder));
      input.replaceChildren(...options);
      input.value = wanted;
    },
  };
}

export interface Range {
  min?: number;
  max?: number;
  step?: number | "any";
  whole?: boolean;
}

export function number(text: Label, range: Range, change: (value: number) => void): Control<number> {
  const input = h("input", {
    class: "mwb-input mwb-number",
    type: "number",
    min: range.min,
    max: range.max,
    step: range.step ?? (range.whole ? 1 : "any"),
    onchange: () => {
      const value = range.whole ? Math.round(input.valueAsNumber) : input.valueAsNumber;
      const inside = value >= (range.min ?? -Infinity) && value <= (range.max ?? Infinity);
      input.setAttribute("aria-invalid", String(!inside));
      if (inside) change(value);
    },
  });
  return {
    row: row(text, input),
    input,
    set(value) {
      // Do not take the text away from under a person who is typing.
      if (document.activeElement !== input) input.value = Number.isFinite(value) ? String(value) : "";
    },
    enable(on) {
      input.disabled = !on;
    },
  };
}

export function checkbox(text: Label, change: (value: boolean) => void): Control<boolean> {
  const input = h("input", { class: "mwb-check", type: "checkbox", onchange: () => change(input.checked) });
  return {
    row: row(text, input),
    input,
    set(value) {
      input.checked = value;
    },
    enable(on) {
      input.disabled = !on;
    },
  };
}

export function textbox(text: Label, placeholder: string, change: (value: string) => void): Control<string> {
  const input = h("input", {
    class: "mwb-input",
    type: "text",
    placeholder,
    spellcheck: "false",
    autocomplete: "off",
    onchange: () => change(input.value.trim()),
  });
  // JupyterLab's own shortcuts must not act on what is typed here.
  input.addEventListener("keydown", (event) => event.stopPropagation());
  return {
    row: row(text, input),
    input,
    set(value) {
      if (document.activeElement !== input) input.value = value;
    },
    enable(on) {
      input.disabled = !on;
    },
  };
}

export interface SliderControl extends Control<number> {
  range(count: number): void;
  value(): number;
}

/** A whole number from 0 to count - 1, by slider or by typing; `input` changes live, `change` when let go. */
export function slider(text: Label, change: (value: number) => void): SliderControl {
  const box = h("input", { class: "mwb-input mwb-index", type: "number", min: 0, step: 1, "aria-label": text.label });
  const input = h("input", { class: "mwb-slider", type: "range", min: 0, step: 1, value: 0 });
  input.addEventListener("input", () => (box.value = input.value));
  input.addEventListener("change", () => change(input.valueAsNumber));
  box.addEventListener("change", () => {
    const value = Math.min(Math.max(Math.round(box.valueAsNumber || 0), 0), Number(input.max));
    input.value = box.value = String(value);
    change(value);
  });
  box.title = text.tooltip;
  return {
    row: row(text, input, box),
    input,
    set(value) {
      input.value = String(value);
      if (document.activeElement !== box) box.value = String(value);
    },
    enable(on) {
      input.disabled = box.disabled = !on;
    },
    range(count) {
      input.max = box.max = String(Math.max(count - 1, 0));
    },
    value: () => input.valueAsNumber,
  };
}

/** A row of two or three choices of which one is taken: radio buttons that look like one bar. */
export function segmented(text: Label, choices: Choice[], change: (value: string) => void): Control<string> {
  const name = uniqueId("segment");
  const inputs = choices.map((choice) =>
    h("input", { type: "radio", name, value: choice.value, onchange: () => change(choice.value) }),
  );
  const bar = h(
    "div",
    { class: "mwb-segments", role: "radiogroup", "aria-label": text.label, title: text.tooltip },
    ...choices.map((choice, n) => h("label", { title: choice.reason }, inputs[n], h("span", {}, choice.label))),
  );
  return {
    row: bar,
    input: bar,
    set(value) {
      for (const input of inputs) input.checked = input.value === value;
    },
    enable(on) {
      for (const input of inputs) input.disabled = !on;
    },
  };
}

export interface ButtonControl {
  element: HTMLButtonElement;
  enable(on: boolean, why?: string): void;
  show(on: boolean): void;
}

export function button(
  text: string,
  tooltip: string,
  press: () => void,
  look: "primary" | "plain" | "danger" | "quiet" = "plain",
): ButtonControl {
  const element = h("button", { type: "button", class: `mwb-button mwb-${look}`, title: tooltip, onclick: press }, text);
  return {
    element,
    enable(on, why) {
      element.disabled = !on;
      element.title = on || !why ? tooltip : why;
    },
    show(on) {
      element.hidden = !on;
    },
  };
}
