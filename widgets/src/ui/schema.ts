// Fields for options that Python describes: the algorithm's width and depth, the explainer's window and stride.
import { checkbox, number, select, textbox, type Control, type Label } from "./controls";
import { h, replace } from "./dom";

/** One option, as `workbench.widgets._options` writes it down. */
export interface Option {
  name: string;
  kind: "int" | "float" | "bool" | "choice" | "text" | "numbers";
  label: string;
  tooltip: string;
  unit: string;
  default: unknown;
  min: number | null;
  max: number | null;
  choices: (string | number | boolean)[];
}

type Values = Record<string, unknown>;

export interface OptionsForm {
  element: HTMLElement;
  show(schema: Option[], values: Values): void;
  enable(on: boolean): void;
}

/** A form under a disclosure triangle: closed by default, since every option has a default worth having. */
export function optionsForm(title: string, change: (values: Values) => void): OptionsForm {
  const body = h("div", { class: "mwb-fields" });
  const summary = h("summary", {}, title);
  const element = h("details", { class: "mwb-options" }, summary, body);
  let controls = new Map<string, Control<never>>();
  let shown = "";
  let values: Values = {};

  const make = (option: Option): Control<never> => {
    const label: Label = { label: option.label, tooltip: option.tooltip, unit: option.unit };
    const put = (value: unknown) => {
      values = { ...values, [option.name]: value };
      change(values);
    };
    const range = { min: option.min ?? undefined, max: option.max ?? undefined };
    if (option.kind === "bool") return checkbox(label, put) as Control<never>;
    if (option.kind === "int") return number(label, { ...range, whole: true }, put) as Control<never>;
    if (option.kind === "float") return number(label, range, put) as Control<never>;
    if (option.kind === "choice") {
      const control = select(label, put);
      control.choices(option.choices.map((value) => ({ value: String(value), label: String(value) })));
      return control as Control<never>;
    }
    const placeholder = option.kind === "numbers" ? "8, 16, 32" : "default";
    return textbox(label, placeholder, (text) => put(text)) as Control<never>;
  };

  return {
    element,
    show(schema, given) {
      values = given;
      const next = JSON.stringify(schema);
      if (next !== shown) {
        shown = next;
        controls = new Map(schema.map((option) => [option.name, make(option)]));
        replace(body, ...[...controls.values()].map((control) => control.row));
        element.hidden = schema.length === 0;
      }
      for (const option of schema) {
        const value = given[option.name] ?? option.default;
        const plain = Array.isArray(value) ? value.join(", ") : (value ?? "");
        (controls.get(option.name) as Control<unknown> | undefined)?.set(option.kind === "choice" ? String(plain) : plain);
      }
    },
    enable(on) {
      for (const control of controls.values()) control.enable(on);
    },
  };
}
