// What the space of a layer means for a person: whether edges have letters, what the views are called, where a point is.

import { formatValue, spacing } from "./geometry";
import type { Affine, LayerInfo, Space, Vec3 } from "./protocol";

type Slice = "axial" | "coronal" | "sagittal";

const IN_A_PATIENT: Record<Slice, string> = { axial: "axial", coronal: "coronal", sagittal: "sagittal" };
/** Columns are x and rows are y, as in every program for pictures. */
const ELSEWHERE: Record<Slice, string> = { axial: "XY", coronal: "XZ", sagittal: "YZ" };
/** Steps below this (mm) are told in micrometres. */
const SMALL = 0.02;

/** Whether there is a patient, who has a right and a left. */
export function inPatient(info: { space: Space } | null | undefined): boolean {
  return (info?.space ?? "patient") === "patient";
}

export function viewNames(space: Space): Record<Slice, string> {
  return space === "patient" ? IN_A_PATIENT : ELSEWHERE;
}

/** The unit of a length: millimetres, or pixels where no size of one is known. */
export function lengthUnit(info: { space: Space }): "mm" | "px" {
  return info.space === "pixels" ? "px" : "mm";
}

/** A length for a person, for instance "12.3 mm", "45 px" or "8.2 µm". */
export function lengthWords(info: { space: Space; affine: Affine; picture: boolean }, length: number): string {
  const unit = lengthUnit(info);
  const micro = unit === "mm" && isSmall(info);
  return `${formatValue(micro ? length * 1000 : length, 3)} ${micro ? "µm" : unit}`;
}

/** Where a point lies, for instance "RAS (-24.1, -13.0, -9.5) mm" or "(60.5, 44) µm"; nothing where no size is known. */
export function placeWords(info: LayerInfo, xyz: Vec3): string {
  if (info.space === "pixels") return "";
  if (info.space === "patient") return `RAS (${xyz.map((value) => (Math.abs(value) < 0.05 ? 0 : value).toFixed(1)).join(", ")}) mm`;
  const axes = info.picture ? [0, 1] : [0, 1, 2];
  const steps = spacing(info.affine);
  const micro = isSmall(info);
  // along the axes of the grid, in the order in which the voxel is told
  const along = axes.map((axis) => xyz.reduce((sum, value, row) => sum + value * info.affine[row][axis], 0) / steps[axis]);
  return `(${along.map((value) => formatValue(micro ? value * 1000 : value)).join(", ")}) ${micro ? "µm" : "mm"}`;
}

/** Whether lengths are told in micrometres. */
function isSmall(info: { affine: Affine; picture: boolean }): boolean {
  const steps = spacing(info.affine);
  return Math.min(...(info.picture ? [0, 1] : [0, 1, 2]).map((axis) => steps[axis])) < SMALL;
}
