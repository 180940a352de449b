// Written by widgets/generate.py from workbench.widgets.viewer. Change it there, and run `npm run generate`.

import type { Style } from "./layer";
import type { Measurement } from "./pointing";
import type { Look, NoSection, Section } from "./sections";
import type { Still } from "./still";
import type { LabelInfo, LayerInfo } from "./transfer";

/** Layers over one another, in axial, coronal, sagittal and 3D views linked by a crosshair. */
export interface Viewer {
  state: {
    _first: Still[];
    _layers: LayerInfo[];
    _removable: string[];
    _styles: Record<string, Style>;
    _tools: ("navigate" | "pick" | "window" | "measure")[];
    convention: "radiological" | "neurological";
    crosshair: [number, number, number];
    empty_text: string;
    frame: number;
    frames: string[];
    height: number;
    measurements: Measurement[];
    panes: "all" | "axial" | "coronal" | "sagittal" | "3d";
    shown_frame: number;
    tool: "navigate" | "pick" | "window" | "measure";
  };
  hears: Pull | Look | Click | Remove;
  says: Brick | Section | NoSection | Refused;
}

/** The browser asks for bricks: nothing is lost if it starts late. */
export interface Pull {
  layer: string;
  version: number | string;
  level: number;
  type: "pull";
  bricks: number[];
}

/** A slice was clicked (and not dragged). */
export interface Click {
  type: "click";
  xyz: [number, number, number];
}

/** Somebody takes a layer away. */
export interface Remove {
  type: "remove";
  layer: string;
}

/** A brick; its voxels come with it as a buffer. */
export interface Brick {
  layer: string;
  version: number | string;
  level: number;
  dtype: "uint8" | "int16" | "uint16" | "float32";
  window: [number, number];
  range: [number, number];
  labels: LabelInfo[];
  type: "brick";
  index: number;
}

/** Voxels that cannot be had. */
export interface Refused {
  layer: string;
  version: number | string;
  level: number;
  type: "refused";
  cause: string;
}
