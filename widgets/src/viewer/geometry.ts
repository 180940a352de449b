// The arithmetic of affines (voxel to RAS mm), in double precision: niivue's own is in single.

import type { Affine, Vec3 } from "./protocol";

export function apply(affine: Affine, point: Vec3): Vec3 {
  const row = (r: number[]) => r[0] * point[0] + r[1] * point[1] + r[2] * point[2] + r[3];
  return [row(affine[0]), row(affine[1]), row(affine[2])];
}

export function invert(affine: Affine): Affine {
  const [[a, b, c], [d, e, f], [g, h, i]] = affine;
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const m = [
    [e * i - f * h, c * h - b * i, b * f - c * e],
    [f * g - d * i, a * i - c * g, c * d - a * f],
    [d * h - e * g, b * g - a * h, a * e - b * d],
  ].map((row) => row.map((value) => value / det));
  const t = [affine[0][3], affine[1][3], affine[2][3]];
  return [
    ...m.map((row) => [...row, -(row[0] * t[0] + row[1] * t[1] + row[2] * t[2])]),
    [0, 0, 0, 1],
  ];
}

/** The voxel (i, j, k) whose box holds a point in RAS mm, inside the grid or not. */
export function voxelAt(affine: Affine, xyz: Vec3): Vec3 {
  return apply(invert(affine), xyz).map((value) => Math.round(value) + 0) as Vec3;
}

export function inside(shape: Vec3, voxel: Vec3): boolean {
  return voxel.every((value, axis) => value >= 0 && value < shape[axis]);
}

export function spacing(affine: Affine): Vec3 {
  return [0, 1, 2].map((c) => Math.hypot(affine[0][c], affine[1][c], affine[2][c])) as Vec3;
}

/** The world axis (0 x, 1 y, 2 z) that is nearest to the normal of the third voxel axis' plane. */
export function normalAxis(affine: Affine): 0 | 1 | 2 {
  const [u, v] = [0, 1].map((c) => [affine[0][c], affine[1][c], affine[2][c]]);
  const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]].map(Math.abs);
  return n.indexOf(Math.max(...n)) as 0 | 1 | 2;
}

/** How far it is from one layer of voxels to the next along a world axis, by the voxel axis that is nearest to it. */
export function stepAlong(affine: Affine, world: 0 | 1 | 2): number {
  const steps = spacing(affine);
  const along = [0, 1, 2].map((c) => Math.abs(affine[world][c]) / steps[c]);
  return steps[along.indexOf(Math.max(...along))];
}

export function distance(start: Vec3, stop: Vec3): number {
  return Math.hypot(...start.map((value, axis) => stop[axis] - value));
}

/** Enough digits to tell neighbouring voxels apart, and no more. */
export function formatValue(value: number, digits = 4): string {
  if (!Number.isFinite(value)) {
    return "not a number";
  }
  if (Number.isInteger(value)) {
    return String(value);
  }
  if (Math.abs(value) >= 1000) {
    return String(Number(value.toFixed(digits > 3 ? 1 : 0)));
  }
  const rounded = Number(value.toPrecision(digits));
  // JavaScript itself writes zeros down to 0.000001
  return Math.abs(rounded) < 1e-3 ? rounded.toExponential() : String(rounded);
}
