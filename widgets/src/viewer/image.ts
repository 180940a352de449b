// A layer as niivue wants it: an NVImage around voxels that are in memory already.

import { NVImage } from "@niivue/niivue";

import { spacing } from "./geometry";
import { outlined } from "./outline";
import type { Header, LayerInfo, Style } from "./protocol";
import type { VoxelArray } from "./voxel_array";
import type { Entry } from "./voxels";

/** A layer with its style and what has arrived of its voxels, from the bottom up. */
export interface Shown {
  info: LayerInfo;
  style: Style;
  entry: Entry | undefined;
}

// NIfTI's codes for the types on the wire
const DATATYPES = { uint8: 2, int16: 4, float32: 16, uint16: 512 };
const RGB24 = 128;

/** Make an NVImage around voxels that are already in memory, without niivue's slow search for a window. */
export function makeImage(info: LayerInfo, entry: Entry, level: number, outline: boolean): NVImage {
  const { shape, affine } = entry.info.levels[level];
  const header = entry.header as Header;
  const data = entry.stocks[level].data as VoxelArray;
  const image = new NVImage();
  const datatype = DATATYPES[header.dtype];
  const hdr = NVImage.createNiftiHeader(shape, spacing(affine), affine.flat(), datatype);
  if (info.samples === 3) {
    hdr.datatypeCode = RGB24;
    hdr.numBitsPerVoxel = 24;
  }
  if (info.kind === "labels") {
    hdr.intent_code = 1002;
  }
  image.name = info.id;
  image.hdr = hdr;
  const voxels = header.dtype === "float32" ? finite(data as Float32Array, header) : data;
  image.img = outline ? outlined(voxels, shape) : voxels;
  image.nVox3D = shape[0] * shape[1] * shape[2];
  image.nFrame4D = image.nTotalFrame4D = 1;
  image.frame4D = 0;
  image.calculateRAS();
  [image.global_min, image.global_max] = header.range;
  if (info.kind === "labels") {
    const rgb = header.labels.map(({ color }) => [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16)));
    image.setColormapLabel({
      R: rgb.map((c) => c[0]),
      G: rgb.map((c) => c[1]),
      B: rgb.map((c) => c[2]),
      A: rgb.map((_, index) => (index === 0 ? 0 : 255)),
      I: rgb.map((_, index) => index),
      labels: header.labels.map(({ name }) => name),
    });
  }
  return image;
}

export function dress(image: NVImage, { info, style }: Shown, header: Header, lowest: boolean): void {
  const [low, high] = style.window ?? header.window;
  image.cal_min = image.robust_min = low;
  image.cal_max = image.robust_max = high;
  image._opacity = style.visible ? style.opacity : 0;
  if (info.kind !== "labels") {
    image._colormap = colormapName(info, style, low, lowest);
  }
}

/** The colour map of a layer whose window begins at `low`, as niivue knows it: see `addColormaps`. */
export function colormapName(info: LayerInfo, style: Style, low: number, lowest: boolean): string {
  const cover = info.kind === "scores" ? (low < 0 ? "signed" : "scores") : lowest ? "image" : "cover";
  return `${cover}-${style.colormap}`;
}

/** A GPU texture must not hold what is not a number; such voxels are drawn as the lowest value, and told as they are. */
function finite(data: Float32Array, header: Header): Float32Array {
  if (data.every(Number.isFinite)) {
    return data;
  }
  return data.map((value) => (Number.isFinite(value) ? value : header.range[0]));
}
