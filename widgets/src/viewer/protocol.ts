// What the viewer and Python say to each other. Its Python twin is workbench/widgets/{viewer,transfer}.py.
//
// State (traits) is small and holds no voxels: what layers there are, how they are shown, where the crosshair is.
// Voxels travel as answers to "pull": the browser asks for bricks, so nothing is lost if it starts late.

export type Vec3 = [number, number, number];
export type Affine = number[][];

/** What the millimetres are of: a patient, some other thing, or nothing that is known (a pixel counts as 1 mm). */
export type Space = "patient" | "object" | "pixels";

/** One resolution of a grid. A brick is [j start, j stop, k start, k stop]; i is never cut. */
export interface Level {
  shape: Vec3;
  affine: Affine;
  bricks: [number, number, number, number][];
}

export interface LayerInfo {
  id: string;
  version: number;
  kind: "image" | "labels" | "scores";
  unit: string;
  shape: Vec3;
  affine: Affine;
  /** A 2D picture; it has one slice and its own plane. */
  picture: boolean;
  space: Space;
  /** Values per voxel: 1, or 3 for colours. */
  samples: number;
  channels: string[];
  bytes: number;
  /** Coarse to fine. */
  levels: Level[];
}

export interface Style {
  name: string;
  colormap: string;
  opacity: number;
  window: [number, number] | null;
  visible: boolean;
  channel: number;
  /** Whether labels are drawn as outlines. */
  outline: boolean;
}

export interface Label {
  value: number;
  name: string;
  color: string;
}

export type WireType = "uint8" | "int16" | "uint16" | "float32";

/** What is known of a layer once its voxels have been read; comes with every brick. */
export interface Header {
  dtype: WireType;
  window: [number, number];
  range: [number, number];
  labels: Label[];
}

interface Address {
  layer: string;
  version: number;
  level: number;
}

export type Pull = Address & { type: "pull"; bricks: number[] };
export type Brick = Address & Header & { type: "brick"; index: number };
export type Refused = Address & { type: "refused"; cause: string };
export type Click = { type: "click"; xyz: Vec3 };

/** A plane as Python drew it, to be seen until the voxels are there. */
export interface Still {
  view: "axial" | "coronal" | "sagittal";
  convention: Convention;
  png: DataView;
}

export type ToPython = Pull | Click;
export type FromPython = Brick | Refused;

export type Panes = "all" | "axial" | "coronal" | "sagittal" | "3d";
export type Convention = "radiological" | "neurological";
