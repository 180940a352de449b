// Fields for options that Python describes: the algorithm's width and depth, the explainer's window and stride.
import { checkbox, select, typed, type Control, type Label } from "./controls";
import type { DeskPanel } from "../generated/desk_panel";
import type { Schema } from "../generated/parameters";
import { h, replace } from "./dom";

export type Values = Record<string, unknown>;
export type Faults = DeskPanel["state"]["faults"];

/** A value as text, the way a person would type it. */
const shown = (value: unknown): string => (Array.isArray(value) ? value.join(", ") : String(value ?? ""));

/** The control for one option; what is typed is handed on as text, what is chosen as what it is. */
export function field(option: Schema, put: (value: unknown) => void, live = false): Control<unknown> {
  const free = option.kind === "flag" || ((option.kind === "text" || option.kind === "path") && !option.several);
  const tooltip = free ? option.tooltip : `${option.tooltip}\n(${option.rule})`;
  const label: Label = { label: option.label, tooltip, unit: option.unit };
  if (option.kind === "flag") return checkbox(label, put) as Control<unknown>;
  if (option.kind === "choice") {
    const control = select(label, put);
    control.choices(option.choices.map((value) => ({ value: String(value), label: String(value) })));
    return { ...control, set: (value) => control.set(shown(value)) };
  }
  const numeric = option.kind === "integer" || option.kind === "number";
  // a field for numbers alone would refuse commas and words
  const alone = numeric && !option.several && option.choices.length === 0;
  const placeholder = option.placeholder || (numeric && option.several ? "8, 16, 32" : numeric ? shown(option.default) : "default");
  const control = typed(label, { placeholder, numeric: alone, step: option.step ?? (option.kind === "integer" ? 1 : undefined), live }, put);
  return { ...control, set: (value) => control.set(shown(value)) };
}

export interface OptionsForm {
  element: HTMLElement;
  show(schema: Schema[], values: Values, faults: Faults): void;
  enable(on: boolean): void;
}

/** A form under a disclosure triangle: closed by default, since every option has a default worth having. */
export function optionsForm(title: string, change: (values: Values) => void, tell?: (name: string, text: string) => void): OptionsForm {
  const body = h("div", { class: "mwb-fields" });
  const summary = h("summary", {}, title);
  const element = h("details", { class: "mwb-options" }, summary, body);
  let controls = new Map<string, Control<unknown>>();
  let drawn = "";
  let values: Values = {};

  const make = (option: Schema) =>
    field(option, (value) => {
      if (option.private) return tell?.(option.name, String(value));
      values = { ...values, [option.name]: value };
      change(values);
    });

  return {
    element,
    show(schema, given, faults) {
      values = given;
      const next = JSON.stringify(schema);
      if (next !== drawn) {
        drawn = next;
        controls = new Map(schema.map((option) => [option.name, make(option)]));
        replace(body, ...[...controls.values()].map((control) => control.row));
        element.hidden = schema.length === 0;
      }
      for (const option of schema) {
        const control = controls.get(option.name);
        if (!option.private) control?.set(given[option.name] ?? option.default);
        control?.fault(faults[option.name] ?? "");
      }
      // What is wrong must not hide behind the triangle.
      if (schema.some((option) => faults[option.name])) element.open = true;
    },
    enable(on) {
      for (const control of controls.values()) control.enable(on);
    },
  };
}
