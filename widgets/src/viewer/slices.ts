// Where a point of the canvas lies in space, and back: the arithmetic of niivue's tiles, on the slices that it has drawn.

import type { Vec3 } from "./protocol";

/** A slice as niivue has drawn it last; pixels are those of the canvas, not of CSS. */
export interface Slice {
  /** 0 axial, 1 coronal, 2 sagittal; more is no slice. */
  axCorSag: number;
  leftTopWidthHeight: number[];
  /** The place at the lower left, and what the tile spans, across and up; mirrored where the span is negative. */
  leftTopMM: number[];
  fovMM: number[];
  /** A point of the plane (across, up, through), and how much it falls across and rises up. */
  AxyzMxy: number[];
}

/** The world axes across, up and through a slice, by its `axCorSag`. */
const AXES = [
  [0, 1, 2],
  [0, 2, 1],
  [1, 2, 0],
];

export function isSlice(slice: Slice): boolean {
  return slice.axCorSag in AXES && slice.AxyzMxy.length >= 5;
}

/** The slice under a point of the canvas. */
export function sliceUnder(slices: Slice[], x: number, y: number): Slice | null {
  const under = slices.find(({ leftTopWidthHeight: [left, top, width, height] }) => x >= left && y >= top && x <= left + width && y <= top + height);
  return under && isSlice(under) ? under : null;
}

/** Where a point of the canvas lies on a slice, in RAS mm; beyond its edge, the point of the edge. */
export function placeOn(slice: Slice, x: number, y: number): Vec3 {
  const [left, top, width, height] = slice.leftTopWidthHeight;
  const part = (value: number) => Math.min(1, Math.max(0, value));
  const across = slice.leftTopMM[0] + part((x - left) / width) * slice.fovMM[0];
  const up = slice.leftTopMM[1] + part(1 - (y - top) / height) * slice.fovMM[1];
  const xyz: Vec3 = [0, 0, 0];
  const [a, u, t] = AXES[slice.axCorSag];
  [xyz[a], xyz[u], xyz[t]] = [across, up, through(slice, across, up)];
  return xyz;
}

/** Where a place in RAS mm lies on the canvas, and how far it is from the plane. */
export function onSlice(slice: Slice, xyz: Vec3): { x: number; y: number; depth: number } {
  const [left, top, width, height] = slice.leftTopWidthHeight;
  const [across, up, deep] = AXES[slice.axCorSag].map((axis) => xyz[axis]);
  return {
    x: left + ((across - slice.leftTopMM[0]) / slice.fovMM[0]) * width,
    y: top + (1 - (up - slice.leftTopMM[1]) / slice.fovMM[1]) * height,
    depth: deep - through(slice, across, up),
  };
}

/** How deep the plane lies at a point of it: that of an oblique volume is not straight. */
function through({ AxyzMxy: [a, u, t, falls, rises] }: Slice, across: number, up: number): number {
  return t + rises * (up - u) - falls * (across - a);
}
