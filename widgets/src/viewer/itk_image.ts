// Voxels as the image that ITK's JavaScript speaks of.

import { spacing } from "./geometry";
import { type Entry, Voxels } from "./voxels";

/** ITK's world is LPS, ours RAS: the first two world axes change sign. */
const LPS = [-1, -1, 1];

export interface ItkImage {
  imageType: { dimension: number; componentType: string; pixelType: string; components: number };
  name: string;
  origin: number[];
  spacing: number[];
  direction: Float64Array;
  size: number[];
  metadata: Map<string, unknown>;
  data: ArrayBufferView;
}

export function itkImage(entry: Entry): ItkImage {
  const level = Voxels.sharpest(entry);
  const { shape, affine } = entry.info.levels[level];
  const step = spacing(affine);
  const rows = [0, 1, 2];
  const colours = entry.info.samples > 1;
  return {
    imageType: {
      dimension: 3,
      componentType: entry.header?.dtype ?? "float32",
      pixelType: colours ? "RGB" : "Scalar",
      components: entry.info.samples,
    },
    name: entry.info.kind,
    origin: rows.map((row) => LPS[row] * affine[row][3]),
    spacing: step,
    // row by row
    direction: Float64Array.from(rows.flatMap((row) => rows.map((column) => (LPS[row] * affine[row][column]) / step[column]))),
    size: [...shape],
    metadata: new Map(),
    data: entry.stocks[level].data as ArrayBufferView,
  };
}
