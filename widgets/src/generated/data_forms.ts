// Written by widgets/generate.py from workbench.widgets._data_forms. Change it there, and run `npm run generate`.

import type { Schema } from "./parameters";

/** A data set of the catalogue. */
export interface DataEntry {
  name: string;
  title: string;
  about: string;
  available: boolean;
  /** How to get it, where it is not here. */
  hint: string;
  options: Schema[];
}
