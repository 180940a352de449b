// Written by widgets/generate.py from workbench.widgets.sections. Change it there, and run `npm run generate`.

import type { LabelInfo } from "./transfer";

/** The browser asks for a section. */
export interface Look {
  layer: string;
  version: number | string;
  /** The layer whose grid is meant. */
  on: string;
  on_version: number | string;
  /** The axis through the plane: 0, 1 or 2, as they lie in memory. */
  axis: number;
  index: number;
  type: "look";
}

/** A section; its voxels come with it as a buffer, the lower axis fastest. What is outside of the layer is NaN. */
export interface Section {
  layer: string;
  version: number | string;
  /** The layer whose grid is meant. */
  on: string;
  on_version: number | string;
  /** The axis through the plane: 0, 1 or 2, as they lie in memory. */
  axis: number;
  index: number;
  dtype: "uint8" | "int16" | "uint16" | "float32";
  window: [number, number];
  range: [number, number];
  labels: LabelInfo[];
  type: "section";
}

/** A section that cannot be had now. */
export interface NoSection {
  layer: string;
  version: number | string;
  /** The layer whose grid is meant. */
  on: string;
  on_version: number | string;
  /** The axis through the plane: 0, 1 or 2, as they lie in memory. */
  axis: number;
  index: number;
  type: "no-section";
  cause: string;
}
