// Voxels as they come: a typed array for each type on the wire.

import type { WireType } from "./protocol";

export type VoxelArray = Uint8Array | Int16Array | Uint16Array | Float32Array;

export const ARRAYS: Record<WireType, new (buffer: ArrayBuffer | number) => VoxelArray> = {
  uint8: Uint8Array as never,
  int16: Int16Array as never,
  uint16: Uint16Array as never,
  float32: Float32Array as never,
};

/** Copy voxels out of a message: they need not lie where an array of their type may begin. */
export function toArray(dtype: WireType, { buffer, byteOffset, byteLength }: DataView): VoxelArray {
  return new ARRAYS[dtype](buffer.slice(byteOffset, byteOffset + byteLength) as ArrayBuffer);
}
