// Labels as outlines: what is left of them where another label begins.

import type { Vec3 } from "./protocol";
import type { VoxelArray } from "./voxel_array";

/**
 * The labels of voxels that have a neighbour of another label, along any axis; all others are 0. The edge of the grid
 * ends no label. Voxels lie with i fastest.
 */
export function outlined<T extends VoxelArray>(data: T, [ni, nj, nk]: Vec3): T {
  const out = new (data.constructor as new (length: number) => T)(data.length);
  const plane = ni * nj;
  for (let k = 0, at = 0; k < nk; k++) {
    for (let j = 0; j < nj; j++) {
      for (let i = 0; i < ni; i++, at++) {
        const value = data[at];
        if (value === 0) continue;
        const ends =
          (i > 0 && data[at - 1] !== value) ||
          (i < ni - 1 && data[at + 1] !== value) ||
          (j > 0 && data[at - ni] !== value) ||
          (j < nj - 1 && data[at + ni] !== value) ||
          (k > 0 && data[at - plane] !== value) ||
          (k < nk - 1 && data[at + plane] !== value);
        if (ends) out[at] = value;
      }
    }
  }
  return out;
}
