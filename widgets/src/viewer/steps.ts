// The crosshair by keys: one voxel at a time, as the directions are seen on the screen.

import { inside, spacing, voxelAt } from "./geometry";
import type { Convention, LayerInfo, Vec3 } from "./protocol";
import { inPatient } from "./space";

/** The axis of RAS mm, and the way along it, of each key. */
const STEPS: Record<string, [axis: 0 | 1 | 2, way: 1 | -1]> = {
  ArrowLeft: [0, -1],
  ArrowRight: [0, 1],
  ArrowUp: [1, 1],
  ArrowDown: [1, -1],
  PageUp: [2, 1],
  PageDown: [2, -1],
};

/** Where a key moves the crosshair; null for other keys, and at the edge of the layer. */
export function stepped(key: string, crosshair: Vec3, base: LayerInfo, convention: Convention): Vec3 | null {
  const step = STEPS[key];
  if (!step) {
    return null;
  }
  const [axis, way] = step;
  const xyz = [...crosshair] as Vec3;
  // a step on the screen: to the left is to the patient's right in the radiological convention
  const radiological = !inPatient(base) || convention === "radiological";
  xyz[axis] += way * (axis === 0 && radiological ? -1 : 1) * Math.min(...spacing(base.affine));
  return inside(base.shape, voxelAt(base.affine, xyz)) ? xyz : null;
}

/** Whether a key is pressed that makes another one of it: those are the browser's and JupyterLab's. */
export function modified(event: KeyboardEvent): boolean {
  return event.ctrlKey || event.metaKey || event.altKey;
}
