// Written by widgets/generate.py from workbench.widgets.transfer. Change it there, and run `npm run generate`.

import type { Style } from "./layer";

/** What the browser must know of a layer before the first voxel. */
export interface LayerInfo {
  id: string;
  /** Another one whenever the voxels are others. */
  version: number | string;
  kind: "image" | "labels" | "scores";
  unit: string;
  shape: [number, number, number];
  /** From voxel to RAS mm. */
  affine: number[][];
  /** Whether it is a 2D picture: one slice, in its own plane. */
  picture: boolean;
  /** What the millimetres are of: a patient, some other thing, or nothing that is known (a pixel counts as 1 mm). */
  space: "patient" | "object" | "pixels";
  /** Values per voxel: 1, or 3 for colours. */
  samples: number;
  channels: string[];
  bytes: number;
  /** Coarse to fine. */
  levels: LevelInfo[];
}

/** One resolution of a grid, as the browser is told of it. */
export interface LevelInfo {
  shape: [number, number, number];
  affine: number[][];
  /** [j start, j stop, k start, k stop]; i is never cut. */
  bricks: [number, number, number, number][];
}

/** A line of the label table; the voxel value ``n`` on the wire means line ``n``. */
export interface LabelInfo {
  value: number;
  name: string;
  color: string;
}

/** A file on the server, as JupyterLab asks for it: what the viewer must know. */
export interface Described {
  description: LayerInfo;
  style: Style;
}

/** What is known of a layer once its voxels have been read; it comes with every brick. */
export interface Header {
  dtype: "uint8" | "int16" | "uint16" | "float32";
  window: [number, number];
  range: [number, number];
  labels: LabelInfo[];
}
