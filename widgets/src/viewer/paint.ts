// Colours of a plane, as niivue's own shaders give them to a volume.

import { outlined } from "./outline";
import type { Header, LayerInfo, Style, Vec3 } from "./protocol";
import type { Plane } from "./sections";
import type { VoxelArray } from "./voxel_array";

/** How a plane in memory lies in a texture: where in memory each column and each row begins. */
export interface Lie {
  columns: Int32Array;
  rows: Int32Array;
}

/**
 * Lay a plane along niivue's axes, the nearest to RAS.
 *
 * `perm` is niivue's: the voxel axis (from 1) along each of them, negative where it runs the other way. `size` is what
 * the texture holds along each voxel axis, beyond `shape` where the coarse grid ends in a block that is cut short.
 */
export function layPlane(shape: Vec3, size: Vec3, perm: number[], through: number, samples: number): Lie {
  const strides = [1, 1, 1].map((_, axis) => {
    const before = [0, 1, 2].filter((one) => one < axis && one !== Math.abs(perm[through]) - 1);
    return before.reduce((stride, one) => stride * shape[one], samples);
  });
  const [columns, rows] = [0, 1, 2]
    .filter((one) => one !== through)
    .map((one) => {
      const axis = Math.abs(perm[one]) - 1;
      return Int32Array.from({ length: size[axis] }, (_, at) => {
        const voxel = perm[one] < 0 ? size[axis] - 1 - at : at;
        return Math.min(voxel, shape[axis] - 1) * strides[axis];
      });
    });
  return { columns, rows };
}

/** A layer, a plane through it, and how the two are shown. */
export interface Painted {
  layer: LayerInfo;
  style: Style;
  plane: Plane;
  lie: Lie;
  /** How many voxels the plane has along both axes, as they lie in memory. */
  sides: [number, number];
  /** 256 colours for values from one end of the window to the other. */
  table: ArrayLike<number>;
}

/** Paint a plane over pixels [r, g, b, a]; what is not a number is not there. */
export function paint(pixels: Uint8ClampedArray, { layer, style, plane: { data, header }, lie, sides, table }: Painted): void {
  const voxels = layer.kind === "labels" && style.outline ? outlined(data, [...sides, 1]) : data;
  const opacity = style.opacity;
  const color = layer.samples === 3 ? ofColors(voxels) : layer.kind === "labels" ? ofLabels(voxels, header) : ofValues(voxels, header, style, table);
  const rgba = [0, 0, 0, 0];
  for (let row = 0, at = 0; row < lie.rows.length; row++) {
    for (let column = 0; column < lie.columns.length; column++, at += 4) {
      color(lie.rows[row] + lie.columns[column], rgba);
      const alpha = (rgba[3] / 255) * opacity;
      if (alpha > 0) {
        const below = pixels[at + 3] / 255;
        const both = alpha + below * (1 - alpha);
        for (let c = 0; c < 3; c++) {
          pixels[at + c] += ((rgba[c] - pixels[at + c]) * alpha) / both;
        }
        pixels[at + 3] = both * 255;
      }
    }
  }
}

/** Make what was painted of the lowest layer the ground: as clear as its table says it is in 3D alone. */
export function ground(table: ArrayLike<number>): number[] {
  return Array.from(table, (value, at) => (at % 4 === 3 ? 255 : value));
}

type Color = (at: number, rgba: number[]) => void;

function ofColors(voxels: VoxelArray): Color {
  return (at, rgba) => {
    for (let c = 0; c < 3; c++) rgba[c] = voxels[at + c];
    rgba[3] = Number.isNaN(voxels[at]) ? 0 : 255;
  };
}

function ofLabels(voxels: VoxelArray, header: Header): Color {
  const table = header.labels.map(({ color }) => [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16)));
  return (at, rgba) => {
    const value = voxels[at];
    for (let c = 0; c < 3; c++) rgba[c] = table[value]?.[c] ?? 0;
    rgba[3] = value === 0 ? 0 : 255;
  };
}

function ofValues(voxels: VoxelArray, header: Header, style: Style, table: ArrayLike<number>): Color {
  const [low, high] = style.window ?? header.window;
  const scale = 255 / Math.max(1e-5, high - low);
  return (at, rgba) => {
    const value = voxels[at];
    // niivue rounds what is above the lowest value up to what can be seen
    const line = value > low ? Math.max(2, Math.min(255, Math.round((value - low) * scale))) : 0;
    for (let c = 0; c < 4; c++) rgba[c] = table[4 * line + c];
    if (Number.isNaN(value)) rgba[3] = 0;
  };
}
