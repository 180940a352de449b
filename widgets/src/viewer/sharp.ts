// Slices at full resolution over a volume that is coarse: niivue draws them as its own, with its zoom, lines and overlays.
//
// A slice looks up its colours in a texture of the whole volume, by the share of the way along each axis. A texture that
// is one voxel deep gives those of its only plane, wherever along that axis they are looked up: so the plane takes the
// place of the volume while its slice is drawn.

import { type Niivue, type NVImage, SLICE_TYPE } from "@niivue/niivue";

import { voxelAt } from "./geometry";
import { colormapName, type Shown } from "./image";
import { ground, layPlane, paint } from "./paint";
import type { Vec3 } from "./protocol";
import { factors, type Plane, Sections } from "./sections";
import { Voxels } from "./voxels";

/** The axis through a slice, of niivue's: they count from the third. */
const THROUGH: Partial<Record<SLICE_TYPE, number>> = {
  [SLICE_TYPE.AXIAL]: 2,
  [SLICE_TYPE.CORONAL]: 1,
  [SLICE_TYPE.SAGITTAL]: 0,
};

interface Thin {
  key: string;
  lowest: WebGLTexture;
  overlays: WebGLTexture | null;
}

export class Sharp {
  #thin = new Map<number, Thin>();
  #shown: Shown[] = [];

  constructor(
    private niivue: Niivue,
    private sections: Sections,
  ) {
    const draw = niivue.draw2DMain.bind(niivue);
    niivue.draw2DMain = (place: number[], slice: SLICE_TYPE, mm?: number) => {
      const thin = Number.isNaN(mm ?? Number.NaN) ? this.#thin.get(THROUGH[slice] ?? -1) : undefined;
      if (!thin) {
        draw(place, slice, mm);
        return;
      }
      const { volumeTexture, overlayTexture } = niivue as unknown as { volumeTexture: WebGLTexture; overlayTexture: WebGLTexture };
      this.#bind(thin.lowest, thin.overlays);
      draw(place, slice, mm);
      this.#bind(volumeTexture, overlayTexture);
    };
  }

  /** Take note of what is drawn, from the lowest layer up. */
  setLayers(shown: Shown[]): void {
    this.#shown = shown;
  }

  /** Ask for the planes through a place in RAS mm that are seen (by niivue's axes), and lay out those that are here. */
  update(xyz: Vec3, seen: number[]): void {
    const lowest = this.#shown[0];
    const image = this.niivue.volumes[0];
    if (!lowest?.entry || !image?.permRAS || !this.#shown.some(isCoarse)) {
      this.#clear([0, 1, 2]);
      return;
    }
    const { info } = lowest;
    const voxel = voxelAt(info.affine, xyz).map((value, axis) => Math.max(0, Math.min(info.shape[axis] - 1, value))) as Vec3;
    const visible = this.#shown.filter(({ info: layer, style }, n) => n === 0 || (style.visible && style.opacity > 0 && layer.id !== info.id));
    const axisOf = (through: number) => Math.abs((image.permRAS as number[])[through]) - 1;
    this.sections.want(info, visible.map((one) => one.info), seen.map(axisOf), voxel);
    this.#clear([0, 1, 2].filter((through) => !seen.includes(through)));
    for (const through of seen) {
      const axis = axisOf(through);
      const planes = visible.map((one) => this.sections.get({ layer: one.info, on: info, axis, index: voxel[axis] }));
      if (planes[0]) {
        this.#lay(through, axis, image, visible, planes, voxel[axis]);
      } else {
        this.#clear([through]);
      }
    }
  }

  #lay(through: number, axis: number, image: NVImage, visible: Shown[], planes: (Plane | undefined)[], index: number): void {
    const { info, entry } = visible[0];
    const level = Voxels.sharpest(entry as NonNullable<typeof entry>);
    const key = JSON.stringify([index, level, visible.map(({ info: one, style }, n) => [one.id, one.version, style, Boolean(planes[n])])]);
    if (this.#thin.get(through)?.key === key) {
      return;
    }
    const each = factors(info, level);
    const size = info.levels[level].shape.map((n, one) => n * each[one]) as Vec3;
    const sides = [0, 1, 2].filter((one) => one !== axis).map((one) => info.shape[one]) as [number, number];
    const perm = image.permRAS as number[];
    const picture = (layers: number[]): Uint8ClampedArray => {
      const [columns, rows] = [0, 1, 2].filter((one) => one !== through).map((one) => size[Math.abs(perm[one]) - 1]);
      const pixels = new Uint8ClampedArray(4 * columns * rows);
      for (const n of layers) {
        const { info: layer, style } = visible[n];
        const plane = planes[n] as Plane;
        const lie = layPlane(info.shape, size, perm, through, layer.samples);
        const table = this.#table(visible[n], plane, n === 0);
        // how clear the lowest layer is, niivue sees to
        paint(pixels, { layer, style: n === 0 ? { ...style, opacity: 1 } : style, plane, lie, sides, table });
      }
      return pixels;
    };
    const dims = [0, 1, 2].map((one) => (one === through ? 1 : size[Math.abs(perm[one]) - 1])) as Vec3;
    const above = visible.map((_, n) => n).slice(1);
    // where one overlay is not here yet, all of them stay coarse: niivue has them in one
    const overlays = above.length > 0 && above.every((n) => planes[n]) ? this.#texture(picture(above), dims) : null;
    const lowest = this.#texture(picture([0]), dims);
    this.#clear([through]);
    this.#thin.set(through, { key, lowest, overlays });
  }

  #table({ info, style }: Shown, { header }: Plane, lowest: boolean): ArrayLike<number> {
    if (info.kind === "labels" || info.samples === 3) {
      return [];
    }
    const [low] = style.window ?? header.window;
    const table = this.niivue.colormap(colormapName(info, style, low, lowest));
    return lowest ? ground(table) : table;
  }

  #texture(pixels: Uint8ClampedArray, dims: Vec3): WebGLTexture {
    const gl = this.niivue.gl;
    const texture = gl.createTexture() as WebGLTexture;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_3D, texture);
    for (const [name, value] of [
      [gl.TEXTURE_MIN_FILTER, gl.LINEAR],
      [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
      [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
      [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
      [gl.TEXTURE_WRAP_R, gl.CLAMP_TO_EDGE],
    ]) {
      gl.texParameteri(gl.TEXTURE_3D, name, value);
    }
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage3D(gl.TEXTURE_3D, 0, gl.RGBA8, ...dims, 0, gl.RGBA, gl.UNSIGNED_BYTE, new Uint8Array(pixels.buffer));
    gl.bindTexture(gl.TEXTURE_3D, (this.niivue as unknown as { volumeTexture: WebGLTexture }).volumeTexture);
    return texture;
  }

  #bind(lowest: WebGLTexture, overlays: WebGLTexture | null): void {
    const gl = this.niivue.gl;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_3D, lowest);
    if (overlays) {
      gl.activeTexture(gl.TEXTURE2);
      gl.bindTexture(gl.TEXTURE_3D, overlays);
    }
  }

  #clear(axes: number[]): void {
    for (const through of axes) {
      const thin = this.#thin.get(through);
      this.#thin.delete(through);
      this.niivue.gl?.deleteTexture(thin?.lowest ?? null);
      this.niivue.gl?.deleteTexture(thin?.overlays ?? null);
    }
  }
}

function isCoarse({ info, entry, style }: Shown): boolean {
  const level = entry ? Voxels.sharpest(entry) : -1;
  return style.visible && level >= 0 && info.levels[level].shape.some((n, axis) => n !== info.shape[axis]);
}
