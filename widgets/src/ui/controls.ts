// Controls with a label, a unit and a tooltip. Native elements throughout: the keyboard and screen readers know them.
import type { Offer } from "../generated/messages";
import { h, setText, uniqueId } from "./dom";
import { enable } from "./enabling";

export interface Label {
  label: string;
  tooltip: string;
  unit?: string;
}

/** A control inside its row; `set` shows a value without telling the listener, `fault` what is wrong with it. */
export interface Control<T> {
  row: HTMLElement;
  input: HTMLElement;
  set(value: T): void;
  enable(on: boolean): void;
  fault(text: string): void;
  /** Where `fault` is told; below the control, unless it is put elsewhere. */
  told: HTMLElement;
}

function row(text: Label, input: HTMLElement, extra?: HTMLElement): HTMLElement {
  const id = uniqueId("field");
  input.id = id;
  input.title = text.tooltip;
  return h(
    "div",
    { class: "mwb-field" },
    h("label", { for: id, title: [text.label, text.tooltip].filter(Boolean).join(": ") }, text.label),
    h("div", { class: "mwb-control" }, input, extra, text.unit && h("span", { class: "mwb-unit", title: text.unit }, text.unit)),
  );
}

/** Say below a field what is wrong with what was typed into it, for eyes and for screen readers. */
function faultBelow(field: HTMLElement, input: HTMLElement): { fault(text: string): void; told: HTMLElement } {
  const told = h("p", { class: "mwb-fault", id: uniqueId("fault"), role: "alert" });
  told.hidden = true;
  field.append(told);
  const fault = (text: string) => {
    setText(told, text);
    told.hidden = !text;
    input.setAttribute("aria-invalid", String(Boolean(text)));
    if (text) input.setAttribute("aria-describedby", told.id);
    else input.removeAttribute("aria-describedby");
  };
  return { fault, told };
}

/** Two controls in the row of the first; the second keeps its own name for screen readers. */
export function joined(first: { row: HTMLElement }, second: { row: HTMLElement; input: HTMLElement }): HTMLElement {
  const name = second.row.querySelector("label")?.textContent ?? "";
  second.input.setAttribute("aria-label", name);
  first.row.querySelector(".mwb-control")?.append(...(second.row.querySelector(".mwb-control")?.childNodes ?? []));
  first.row.classList.add("mwb-joined");
  return first.row;
}

export interface SelectControl<T extends string = string> extends Control<T> {
  choices(choices: Offer[], placeholder?: string): void;
}

export function select<T extends string = string>(text: Label, change: (value: T) => void): SelectControl<T> {
  const input = h("select", { class: "mwb-input", onchange: () => change(input.value as T) });
  let wanted = "";
  let shown = "";
  const field = row(text, input);
  return {
    row: field,
    input,
    ...faultBelow(field, input),
    set(value) {
      wanted = value;
      input.value = value;
      const chosen = input.selectedOptions[0]?.textContent;
      input.title = chosen ? `${chosen}\n${text.tooltip}` : text.tooltip;
    },
    enable(on) {
      enable(input, on);
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

/** After the last key, in ms: the rule of a field is told while a person types, but not at every key. */
const TYPED_MS = 350;

/**
 * A field whose text is handed on as it was typed: Python says whether it is a number that may be. With `step`, the
 * arrow keys count up and down.
 */
export function typed(
  text: Label,
  look: { placeholder?: string; numeric?: boolean; step?: number; live?: boolean },
  change: (value: string) => void,
): Control<string> {
  const input = h("input", {
    class: `mwb-input${look.numeric ? " mwb-number" : ""}`,
    type: "text",
    inputmode: look.numeric ? "decimal" : undefined,
    placeholder: look.placeholder,
    spellcheck: "false",
    autocomplete: "off",
  });
  let told = "";
  let timer: ReturnType<typeof setTimeout> | undefined;
  const tell = () => {
    clearTimeout(timer);
    const value = input.value.trim();
    if (value !== told) {
      told = value;
      change(value);
    }
  };
  input.addEventListener("change", tell);
  if (look.live) {
    input.addEventListener("input", () => {
      clearTimeout(timer);
      timer = setTimeout(tell, TYPED_MS);
    });
  }
  input.addEventListener("keydown", (event) => {
    const way = { ArrowUp: 1, ArrowDown: -1 }[event.key];
    if (look.step && way && input.value.trim() !== "" && Number.isFinite(Number(input.value))) {
      event.preventDefault();
      input.value = String(Number(input.value) + way * look.step);
      tell();
    }
    // JupyterLab's own shortcuts must not act on what is typed here.
    event.stopPropagation();
  });
  const field = row(text, input);
  return {
    row: field,
    input,
    ...faultBelow(field, input),
    set(value) {
      // Do not take the text away from under a person who is typing.
      if (document.activeElement === input) return;
      input.value = value;
      told = value;
    },
    enable(on) {
      enable(input, on);
    },
  };
}

export function checkbox(text: Label, change: (value: boolean) => void): Control<boolean> {
  const input = h("input", { class: "mwb-check", type: "checkbox", onchange: () => change(input.checked) });
  const field = row(text, input);
  return {
    row: field,
    input,
    ...faultBelow(field, input),
    set(value) {
      input.checked = value;
    },
    enable(on) {
      enable(input, on);
    },
  };
}

export interface SliderControl extends Control<number> {
  range(count: number): void;
  value(): number;
}

/**
 * A whole number from 0 to count - 1, by slider or by typing; `input` changes live, `change` when let go. What is typed
 * goes to `type` as it is, which says whether there is such a number.
 */
export function slider(text: Label, change: (value: number) => void, type?: (text: string) => void): SliderControl {
  const box = h("input", { class: "mwb-input mwb-index", type: "text", inputmode: "numeric", "aria-label": text.label });
  const input = h("input", { class: "mwb-slider", type: "range", min: 0, step: 1, value: 0 });
  input.addEventListener("input", () => (box.value = input.value));
  input.addEventListener("change", () => change(input.valueAsNumber));
  box.addEventListener("change", () => type?.(box.value.trim()));
  box.addEventListener("keydown", (event) => event.stopPropagation());
  box.title = text.tooltip;
  const field = row(text, input, box);
  return {
    row: field,
    input,
    ...faultBelow(field, box),
    set(value) {
      input.value = String(value);
      if (document.activeElement !== box) box.value = String(value);
    },
    enable(on) {
      enable(input, on);
      enable(box, on);
    },
    range(count) {
      input.max = String(Math.max(count - 1, 0));
    },
    value: () => input.valueAsNumber,
  };
}

export interface SegmentedControl<T extends string> extends Control<T> {
  /** Grey out what cannot be chosen now, by its value, with the reason as its tooltip. */
  refuse(reasons: Partial<Record<string, string>>): void;
}

/** A row of two or three choices of which one is taken: radio buttons that look like one bar. */
export function segmented<T extends string>(text: Label, choices: (Offer & { value: T })[], change: (value: T) => void): SegmentedControl<T> {
  const name = uniqueId("segment");
  const inputs = choices.map((choice) =>
    h("input", { type: "radio", name, value: choice.value, onchange: () => change(choice.value) }),
  );
  const labels = choices.map((choice, n) => h("label", {}, inputs[n], h("span", {}, choice.label)));
  const bar = h("div", { class: "mwb-segments", role: "radiogroup", "aria-label": text.label, title: text.tooltip }, ...labels);
  let refused: Partial<Record<string, string>> = {};
  let idle = true;
  const show = () =>
    choices.forEach((choice, n) => {
      const why = refused[choice.value];
      labels[n].title = why || [choice.label, choice.reason].filter(Boolean).join(": ");
      enable(inputs[n], idle && !why);
    });
  show();
  return {
    row: bar,
    input: bar,
    ...faultBelow(bar, bar),
    set(value) {
      for (const input of inputs) input.checked = input.value === value;
    },
    enable(on) {
      idle = on;
      show();
    },
    refuse(reasons) {
      refused = reasons;
      show();
    },
  };
}

export interface ButtonControl {
  element: HTMLButtonElement;
  /** `why` is said as the tooltip of a button that cannot be pressed. */
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
      enable(element, on);
      element.title = on || !why ? tooltip : why;
    },
    show(on) {
      element.hidden = !on;
    },
  };
}
