// Written by widgets/generate.py from workbench.parameters. Change it there, and run `npm run generate`.

/** A parameter as data, for a form: ``widgets/src/ui/schema.ts`` draws it. */
export interface Schema {
  name: string;
  kind: "flag" | "integer" | "number" | "choice" | "text" | "path" | "any";
  label: string;
  tooltip: string;
  rule: string;
  unit: string;
  default: unknown;
  choices: (string | number | boolean)[];
  /** Several values may be given, separated by commas. */
  several: boolean;
  step: number | null;
  required: boolean;
  placeholder: string;
  /** What is typed may name a patient: it is handed on and kept in no state. */
  private: boolean;
}
