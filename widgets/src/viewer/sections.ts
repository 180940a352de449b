// Single planes of a grid at full resolution, through each layer, as far as they have come; asks for those looked at.

import { spacing, voxelAt } from "./geometry";
import type { Header, LayerInfo, Look, NoSection, Section, Vec3 } from "./protocol";
import { toArray, type VoxelArray } from "./voxel_array";

/** A plane of more bytes is no small message; websockets and proxies take up to about 10 MB. */
const MOST_BYTES = 5_000_000;
/** WebGL 2 promises textures of this size. */
const MOST_SIDE = 2048;
/** Planes held: some hundreds of a CT, so that scrolling back asks for nothing. */
const HELD_BYTES = 128_000_000;
/** Asked for at a time; what is no longer looked at when there is room again is not asked for at all. */
const IN_FLIGHT = 6;
/** Beyond the plane that is looked at, in the direction of scrolling. */
const AHEAD = 6;
/** A kernel that is busy answers late; asking again is harmless, and mends a lost message. */
const ASK_AGAIN_MS = 20_000;

export interface Plane {
  data: VoxelArray;
  header: Header;
}

/** A plane of the grid of a layer, through a layer. */
export interface Place {
  layer: LayerInfo;
  on: LayerInfo;
  axis: number;
  index: number;
}

export class Sections {
  #held = new Map<string, Plane>();
  #bytes = 0;
  #asked = new Map<string, number>();
  #refused = new Map<string, number>();
  #wanted: Place[] = [];
  #last: Vec3 | null = null;
  #steps: Vec3 = [0, 0, 0];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #listeners = new Set<() => void>();
  #seen = new Set<string>();

  /** `send` asks Python, or the server. */
  constructor(private send: (message: Look) => void) {}

  /** Whether a plane through a layer is small enough to be sent and drawn. */
  static fits(layer: LayerInfo, on: LayerInfo, axis: number): boolean {
    const sides = on.shape.filter((_, one) => one !== axis);
    const each = layer.bytes / layer.shape.reduce((a, b) => a * b, 1);
    // through another grid, values lie between voxels
    const bytes = layer.id === on.id || layer.kind === "labels" ? each : 4 * layer.samples;
    return Math.max(...sides) <= MOST_SIDE && sides[0] * sides[1] * bytes <= MOST_BYTES;
  }

  /** Call back when a plane has come that is looked at; not when one has that is only next. */
  listen(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  get(place: Place): Plane | undefined {
    const key = keyOf(place);
    const plane = this.#held.get(key);
    if (plane) {
      // the one used last goes last
      this.#held.delete(key);
      this.#held.set(key, plane);
    }
    return plane;
  }

  /** The value(s) of a layer at a place in RAS mm, from a plane through it of its own grid or one that is alike. */
  valueAt(layer: LayerInfo, layers: LayerInfo[], xyz: Vec3): number[] | null {
    const voxel = voxelAt(layer.affine, xyz);
    for (const on of layers.filter((one) => alike(one, layer))) {
      for (const axis of [2, 1, 0]) {
        const plane = this.#held.get(keyOf({ layer, on, axis, index: voxel[axis] }));
        if (plane) {
          const [u, v] = [0, 1, 2].filter((one) => one !== axis);
          const at = (voxel[u] + layer.shape[u] * voxel[v]) * layer.samples;
          return Array.from({ length: layer.samples }, (_, sample) => plane.data[at + sample]);
        }
      }
    }
    return null;
  }

  /**
   * Ask for planes through the voxel that is looked at, and then for those that come next.
   *
   * What was wanted before and has not been asked for is forgotten.
   */
  want(on: LayerInfo, layers: LayerInfo[], axes: number[], voxel: Vec3): void {
    const last = this.#last ?? voxel;
    const steps = voxel.map((value, axis) => Math.sign(value - last[axis])) as Vec3;
    const moved = steps.filter((step) => step !== 0).length;
    // a click moves along two axes at once, and nobody knows where the next one will
    if (moved > 0) this.#steps = moved === 1 ? steps : [0, 0, 0];
    this.#last = [...voxel];
    const through = (axis: number, index: number) =>
      layers.filter((layer) => Sections.fits(layer, on, axis)).map((layer) => ({ layer, on, axis, index }));
    this.#wanted = axes.flatMap((axis) => through(axis, voxel[axis]));
    this.#seen = new Set(this.#wanted.map(keyOf));
    // only along the axis that moved last: in the others the same plane stays
    const moving = axes.filter((axis) => this.#steps[axis] !== 0);
    for (let step = 1; step <= AHEAD; step++) {
      for (const axis of moving) {
        const index = voxel[axis] + step * this.#steps[axis];
        if (index >= 0 && index < on.shape[axis]) this.#wanted.push(...through(axis, index));
      }
    }
    this.#ask();
  }

  receive(message: Section, buffer: DataView): void {
    const { dtype, window, range, labels } = message;
    const key = told(message);
    this.#asked.delete(key);
    if (this.#held.has(key)) {
      return; // asked for twice
    }
    const data = toArray(dtype, buffer);
    this.#held.set(key, { data, header: { dtype, window, range, labels } });
    this.#bytes += data.byteLength;
    for (const [old, plane] of this.#held) {
      if (this.#bytes <= HELD_BYTES) break;
      this.#held.delete(old);
      this.#bytes -= plane.data.byteLength;
    }
    this.#ask();
    if (this.#seen.has(key)) {
      this.#listeners.forEach((listener) => listener());
    }
  }

  /** A plane cannot be had: others have its place, and it is asked for again only after a while. */
  refused(place: NoSection): void {
    const key = told(place);
    this.#asked.delete(key);
    this.#refused.set(key, Date.now());
    this.#ask();
  }

  /** Forget the planes of layers that are gone or have other voxels. */
  keep(layers: LayerInfo[]): void {
    const known = new Set(layers.map(({ id, version }) => `${id}/${version}`));
    for (const [key, plane] of this.#held) {
      const [layer, version, on, onVersion] = key.split("/");
      if (!known.has(`${layer}/${version}`) || !known.has(`${on}/${onVersion}`)) {
        this.#held.delete(key);
        this.#bytes -= plane.data.byteLength;
      }
    }
    for (const key of this.#asked.keys()) {
      const [layer, version, on, onVersion] = key.split("/");
      // Python is silent on what is no more
      if (!known.has(`${layer}/${version}`) || !known.has(`${on}/${onVersion}`)) this.#asked.delete(key);
    }
    this.#wanted = [];
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.#listeners.clear();
  }

  #ask(): void {
    clearTimeout(this.#timer);
    const now = Date.now();
    for (const since of [this.#asked, this.#refused]) {
      for (const [key, at] of since) {
        if (now - at >= ASK_AGAIN_MS) since.delete(key);
      }
    }
    for (const place of this.#wanted) {
      if (this.#asked.size >= IN_FLIGHT) break;
      const key = keyOf(place);
      if (this.#held.has(key) || this.#asked.has(key) || this.#refused.has(key)) continue;
      this.#asked.set(key, now);
      const { layer, on, axis, index } = place;
      this.send({ type: "look", layer: layer.id, version: layer.version, on: on.id, on_version: on.version, axis, index });
    }
    if (this.#asked.size > 0) {
      this.#timer = setTimeout(() => this.#ask(), ASK_AGAIN_MS);
    }
  }
}

/** How many voxels of a layer one of a coarser grid stands for, along each axis. */
export function factors(layer: LayerInfo, level: number): Vec3 {
  const [fine, coarse] = [spacing(layer.affine), spacing(layer.levels[level].affine)];
  return fine.map((step, axis) => Math.max(1, Math.round(coarse[axis] / step))) as Vec3;
}

/** Whether two grids are one; Python, which answers, allows for rounding. */
function alike(one: LayerInfo, other: LayerInfo): boolean {
  return JSON.stringify([one.shape, one.affine]) === JSON.stringify([other.shape, other.affine]);
}

/** The key of an answer: that of the place that was asked for. */
function told({ layer, version, on, on_version: onVersion, axis, index }: Section | NoSection): string {
  return `${layer}/${version}/${on}/${onVersion}/${axis}/${index}`;
}

function keyOf({ layer, on, axis, index }: Place): string {
  return `${layer.id}/${layer.version}/${on.id}/${on.version}/${axis}/${index}`;
}
