// The voxels of one model's layers, as far as they have arrived; asks for more. Shared by all views of the model.

import { apply, invert } from "./geometry";
import type { Brick, FromPython, Header, LayerInfo, Look, Pull, Vec3 } from "./protocol";
import { Sections } from "./sections";
import { ARRAYS, toArray, type VoxelArray } from "./voxel_array";

/** Up to this many bytes, full resolution is fetched unasked; beyond it the user decides. */
const AUTOMATIC_BYTES = 100_000_000;
/**
 * The same where slices are sharp without it. To lay out 66 MB for the 3D view takes a browser without a graphics card
 * seven seconds, in which nothing moves.
 */
const AUTOMATIC_3D_BYTES = 20_000_000;
/** Bricks asked for at a time: one on its way while another is unpacked. */
const IN_FLIGHT = 2;
/** A kernel that is busy answers late; asking again is harmless, and mends a lost message. */
const ASK_AGAIN_MS = 20_000;

interface Stock {
  data: VoxelArray | null;
  missing: Set<number>;
  asked: Set<number>;
  wanted: boolean;
}

export interface Entry {
  info: LayerInfo;
  header: Header | null;
  stocks: Stock[];
  error: string;
}

type Listener = (id: string, event: "voxels" | "progress" | "error") => void;

export class Voxels {
  #entries = new Map<string, Entry>();
  #listeners = new Set<Listener>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Planes that are looked at, at full resolution before all of it is here. */
  readonly sections: Sections;

  /** `send` asks Python; `near` tells where the user looks, in RAS mm. */
  constructor(
    private send: (message: Pull | Look) => void,
    private near: () => Vec3,
  ) {
    this.sections = new Sections(send);
  }

  /** Follow the layer list: forget what is gone, start to fetch what is new. */
  update(layers: LayerInfo[]): void {
    const old = this.#entries;
    this.#entries = new Map();
    for (const info of layers) {
      const kept = old.get(info.id);
      this.#entries.set(info.id, kept && kept.info.version === info.version ? kept : newEntry(info));
    }
    this.sections.keep(layers);
    this.ask();
  }

  get(id: string): Entry | undefined {
    return this.#entries.get(id);
  }

  listen(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Fetch the finest level of a layer, however large. */
  sharpen(id: string): void {
    const entry = this.#entries.get(id);
    if (entry) {
      entry.stocks[entry.stocks.length - 1].wanted = true;
      this.ask();
    }
  }

  receive(message: FromPython, buffers: DataView[]): void {
    const entry = this.#entries.get(message.layer);
    if (!entry || entry.info.version !== message.version) {
      return; // an answer about a layer that has been replaced meanwhile
    }
    if (message.type === "refused") {
      entry.error = message.cause;
      this.#tell(message.layer, "error");
      return;
    }
    if (message.type === "no-section") {
      this.sections.refused(message);
      return;
    }
    if (message.type === "section") {
      this.sections.receive(message, buffers[0]);
      return;
    }
    this.#store(entry, message, buffers[0]);
    this.ask();
  }

  /** The finest level that is complete, or -1. */
  static sharpest(entry: Entry): number {
    return entry.stocks.findLastIndex((stock) => stock.data !== null && stock.missing.size === 0);
  }

  /** The part of the wanted voxels that is here, 0 to 1. */
  static progress(entry: Entry): number {
    const wanted = entry.stocks.findLastIndex((stock) => stock.wanted);
    const bricks = entry.info.levels[wanted].bricks.length;
    return 1 - entry.stocks[wanted].missing.size / bricks;
  }

  /** The value(s) at a point in RAS mm, from the finest level that has them; exact says whether that is the real voxel. */
  static valueAt(entry: Entry, xyz: Vec3): { values: number[]; exact: boolean } | null {
    const level = Voxels.sharpest(entry);
    if (level < 0) {
      return null;
    }
    const { shape, affine } = entry.info.levels[level];
    const [i, j, k] = apply(invert(affine), xyz).map((value, axis) =>
      Math.min(shape[axis] - 1, Math.max(0, Math.round(value))),
    );
    const at = (i + shape[0] * (j + shape[1] * k)) * entry.info.samples;
    const data = entry.stocks[level].data as VoxelArray;
    const values = Array.from({ length: entry.info.samples }, (_, sample) => data[at + sample]);
    return { values, exact: shape.every((n, axis) => n === entry.info.shape[axis]) };
  }

  /** Ask for the next missing bricks, the coarse level of every layer before the fine level of any. */
  ask(): void {
    clearTimeout(this.#timer);
    let pending = false;
    const depth = Math.max(0, ...[...this.#entries.values()].map((entry) => entry.stocks.length));
    for (let level = 0; level < depth && !pending; level++) {
      for (const [id, entry] of this.#entries) {
        const stock = entry.stocks[level];
        if (!stock?.wanted || stock.missing.size === 0 || entry.error) {
          continue;
        }
        pending = true;
        const room = IN_FLIGHT - stock.asked.size;
        const bricks = room > 0 ? this.#nearest(entry, level).slice(0, room) : [];
        if (bricks.length > 0) {
          bricks.forEach((brick) => stock.asked.add(brick));
          this.send({ type: "pull", layer: id, version: entry.info.version, level, bricks });
        }
      }
    }
    if (pending) {
      this.#timer = setTimeout(() => this.#askAgain(), ASK_AGAIN_MS);
    }
  }

  dispose(): void {
    clearTimeout(this.#timer);
    this.sections.dispose();
    this.#listeners.clear();
  }

  #askAgain(): void {
    for (const entry of this.#entries.values()) {
      entry.stocks.forEach((stock) => stock.asked.clear());
    }
    this.ask();
  }

  #nearest(entry: Entry, level: number): number[] {
    const { affine, bricks } = entry.info.levels[level];
    const stock = entry.stocks[level];
    const k = apply(invert(affine), this.near())[2];
    const distance = (index: number) => Math.abs((bricks[index][2] + bricks[index][3] - 1) / 2 - k);
    return [...stock.missing].filter((index) => !stock.asked.has(index)).sort((a, b) => distance(a) - distance(b));
  }

  #store(entry: Entry, brick: Brick, buffer: DataView): void {
    const { dtype, window, range, labels } = brick;
    const level = entry.info.levels[brick.level];
    const stock = entry.stocks[brick.level];
    if (!stock || !stock.missing.has(brick.index)) {
      return; // asked for twice
    }
    const [ni, nj, nk] = level.shape;
    const [j0, j1, k0, k1] = level.bricks[brick.index];
    const row = ni * entry.info.samples;
    const part = toArray(dtype, buffer);
    if (part.length !== row * (j1 - j0) * (k1 - k0)) {
      entry.error = `A brick of ${part.length} values came where ${row * (j1 - j0) * (k1 - k0)} were expected.`;
      this.#tell(entry.info.id, "error");
      return;
    }
    entry.header = { dtype, window, range, labels };
    stock.data ??= new ARRAYS[dtype](row * nj * nk);
    for (let k = k0; k < k1; k++) {
      const from = (k - k0) * (j1 - j0) * row;
      stock.data.set(part.subarray(from, from + (j1 - j0) * row), row * (j0 + nj * k));
    }
    stock.missing.delete(brick.index);
    stock.asked.delete(brick.index);
    if (stock.missing.size > 0) {
      this.#tell(entry.info.id, "progress");
      return;
    }
    // the coarse voxels have done their work
    entry.stocks.slice(0, brick.level).forEach((coarse) => (coarse.data = null));
    this.#tell(entry.info.id, "voxels");
  }

  #tell(id: string, event: Parameters<Listener>[1]): void {
    this.#listeners.forEach((listener) => listener(id, event));
  }
}

function newEntry(info: LayerInfo): Entry {
  const sliced = [0, 1, 2].every((axis) => Sections.fits(info, info, axis));
  const stocks = info.levels.map((level, index) => ({
    data: null,
    missing: new Set(level.bricks.map((_, brick) => brick)),
    asked: new Set<number>(),
    wanted: index === 0 || info.bytes <= (sliced ? AUTOMATIC_3D_BYTES : AUTOMATIC_BYTES),
  }));
  return { info, header: null, stocks, error: "" };
}
