// The line that says what lies under the crosshair.

import { apply, formatValue, inside, voxelAt } from "./geometry";
import type { LayerInfo, Style, Vec3 } from "./protocol";
import type { Sections } from "./sections";
import { placeWords } from "./space";
import { type Entry, Voxels } from "./voxels";

const MANY = 4;

/** For instance: "voxel (17, 22, 19)  RAS (-24.1, -13.0, -9.5) mm  value 412 HU  labels: anterior". */
export function readout(
  layers: LayerInfo[],
  styles: Record<string, Style>,
  voxels: Pick<Voxels, "get" | "sections">,
  xyz: Vec3,
): string {
  if (layers.length === 0) {
    return "";
  }
  const base = layers[0];
  const voxel = voxelAt(base.affine, xyz);
  const at = base.picture ? voxel.slice(0, 2) : voxel;
  const parts = [`${base.picture ? "pixel" : "voxel"} (${at.join(", ")})`];
  const place = placeWords(base, xyz);
  if (place) {
    parts.push(place);
  }
  // of many label maps, most say "background" nearly everywhere
  const brief = layers.length > MANY;
  for (const layer of layers) {
    const held = voxels.get(layer.id);
    const found = held && inside(layer.shape, voxelAt(layer.affine, layer.picture ? flat(layer, xyz) : xyz)) ? valueAt(held, layers, voxels.sections, xyz) : null;
    if (held?.header && found && !(brief && layer.kind === "labels" && found.values[0] === 0)) {
      const name = layers.length > 1 ? `${styles[layer.id]?.name ?? layer.kind}: ` : "value ";
      parts.push(name + (found.exact ? "" : "about ") + words(layer, held, found.values));
    }
  }
  return parts.join("   ");
}

/** What a layer has at a place: of the voxels that are here, or of a plane through it, where they are coarse. */
function valueAt(held: Entry, layers: LayerInfo[], sections: Sections, xyz: Vec3): { values: number[]; exact: boolean } | null {
  const found = Voxels.valueAt(held, xyz);
  const values = found?.exact ? null : sections.valueAt(held.info, layers, xyz);
  return values ? { values, exact: true } : found;
}

function words(layer: LayerInfo, entry: Entry, values: number[]): string {
  if (layer.kind === "labels") {
    return entry.header?.labels[values[0]]?.name ?? String(values[0]);
  }
  const text = values.map((value) => formatValue(value)).join(", ");
  return layer.unit ? `${text} ${layer.unit}` : text;
}

/** The point of a picture's plane that lies nearest to `xyz`. */
function flat(layer: LayerInfo, xyz: Vec3): Vec3 {
  const [i, j] = voxelAt(layer.affine, xyz);
  return apply(layer.affine, [i, j, 0]);
}
