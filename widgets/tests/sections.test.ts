import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";

import { ground, layPlane, paint } from "../src/viewer/paint";
import type { LayerInfo, Look, Section, Style, Vec3 } from "../src/viewer/protocol";
import { factors, Sections } from "../src/viewer/sections";

const IDENTITY = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
const STYLE: Style = { name: "ct", colormap: "gray", opacity: 1, window: null, visible: true, channel: 0, outline: false };

function info(change: Partial<LayerInfo> = {}): LayerInfo {
  const shape: Vec3 = change.shape ?? [4, 5, 40];
  return {
    id: "a", version: 0, kind: "image", unit: "HU", shape, affine: IDENTITY, picture: false, space: "patient", samples: 1, channels: [], bytes: 2 * shape[0] * shape[1] * shape[2],
    levels: [{ shape, affine: IDENTITY, bricks: [] }],
    ...change,
  };
}

function answer(look: Look, values: number[]): [Section, DataView] {
  const header = { dtype: "int16", window: [0, 255], range: [0, 255], labels: [] } as const;
  const section = { ...look, ...header, type: "section" } as unknown as Section;
  return [section, new DataView(Int16Array.from(values).buffer)];
}

function started(t: TestContext): { sections: Sections; asked: Look[] } {
  const asked: Look[] = [];
  const sections = new Sections((look) => asked.push(look));
  t.after(() => sections.dispose());
  return { sections, asked };
}

const places = (asked: Look[]) => asked.map(({ axis, index }) => [axis, index]);

test("the planes through the voxel are asked for first, and then those where scrolling leads", (t) => {
  const { sections, asked } = started(t);
  const ct = info();
  sections.want(ct, [ct], [0, 1, 2], [1, 2, 20]);
  assert.deepEqual(places(asked), [[0, 1], [1, 2], [2, 20]]);
  for (const look of [...asked]) sections.receive(...answer(look, Array(look.axis === 2 ? 20 : 200).fill(0)));
  asked.length = 0;
  sections.want(ct, [ct], [0, 1, 2], [1, 2, 19]);
  assert.deepEqual(places(asked), [[2, 19], [2, 18], [2, 17], [2, 16], [2, 15], [2, 14]], "six are on their way at most");
  sections.receive(...answer(asked[0], Array(20).fill(0)));
  assert.deepEqual(places(asked).at(-1), [2, 13]);
  const told: number[] = [];
  sections.listen(() => told.push(1));
  sections.receive(...answer(asked[2], Array(20).fill(0)));
  assert.deepEqual(told, [], "one that comes next is not drawn");
  // drawn again at the same place: the direction is kept
  sections.receive(...answer(asked[1], Array(20).fill(0)));
  sections.want(ct, [ct], [0, 1, 2], [1, 2, 19]);
  const before = asked.length;
  sections.want(ct, [ct], [0, 1, 2], [3, 4, 19]);
  assert.deepEqual(places(asked.slice(before)), [[0, 3], [1, 4]], "after a click nobody knows where it goes");
  sections.receive(...answer(asked[before], Array(200).fill(0)));
  assert.deepEqual(told, [1]);
});

test("what is no longer looked at is not asked for", (t) => {
  const { sections, asked } = started(t);
  const ct = info();
  sections.want(ct, [ct], [2], [0, 0, 0]);
  for (const at of [1, 9]) sections.want(ct, [ct], [2], [0, 0, at]);
  const before = asked.length;
  assert.equal(before, 6);
  sections.want(ct, [ct], [2], [0, 0, 30]);
  assert.equal(asked.length, before, "there is no room yet");
  sections.receive(...answer(asked[0], Array(20).fill(0)));
  assert.deepEqual(places(asked).at(-1), [2, 30]);
});

test("a value is told from a plane through it, of any axis", (t) => {
  const { sections, asked } = started(t);
  const ct = info({ shape: [2, 3, 4] });
  assert.equal(sections.valueAt(ct, [ct], [1, 2, 3]), null);
  sections.want(ct, [ct], [1], [1, 2, 3]);
  // i fastest, then k
  sections.receive(...answer(asked[0], [0, 1, 2, 3, 4, 5, 6, 7]));
  assert.deepEqual(sections.valueAt(ct, [ct], [1, 2, 3]), [7]);
  assert.deepEqual(sections.valueAt(ct, [ct], [0, 2, 1]), [2]);
  assert.equal(sections.valueAt(ct, [ct], [0, 1, 1]), null);
  // a mask on the same grid has its planes on that grid; one on another grid is not told exactly
  const mask = info({ id: "m", kind: "labels", shape: [2, 3, 4] });
  sections.want(ct, [mask], [1], [1, 2, 3]);
  sections.receive(...answer(asked[1], [0, 0, 0, 0, 0, 0, 0, 5]));
  assert.deepEqual(sections.valueAt(mask, [ct, mask], [1, 2, 3]), [5]);
  const moved = { ...mask, affine: [[2, 0, 0, 0], ...IDENTITY.slice(1)] };
  assert.equal(sections.valueAt(moved, [ct, moved], [1, 2, 3]), null);
  sections.keep([info({ shape: [2, 3, 4], version: 1 })]);
  assert.equal(sections.valueAt(ct, [ct], [1, 2, 3]), null, "of a layer that was replaced");
});

test("a plane that is refused keeps no place from others, and is not asked for at once again", (t) => {
  const { sections, asked } = started(t);
  const ct = info();
  for (const at of [3, 4]) sections.want(ct, [ct], [2], [0, 0, at]);
  assert.equal(asked.length, 6);
  sections.refused({ ...asked[1], type: "no-section", cause: "MemoryError" });
  assert.equal(asked.length, 7);
  sections.want(ct, [ct], [2], [0, 0, 4]);
  assert.equal(asked.filter(({ index }) => index === 4).length, 1);
});

test("planes asked for of what has been replaced keep no place from others", (t) => {
  const { sections, asked } = started(t);
  const ct = info();
  for (const at of [3, 4]) sections.want(ct, [ct], [2], [0, 0, at]);
  assert.equal(asked.length, 6);
  const next = info({ version: 1 });
  sections.keep([next]);
  sections.want(next, [next], [2], [0, 0, 4]);
  assert.deepEqual(asked.slice(6).map(({ version, index }) => [version, index])[0], [1, 4]);
});

test("planes that are no small message stay coarse", () => {
  assert.ok(Sections.fits(info({ shape: [512, 512, 600] }), info({ shape: [512, 512, 600] }), 0));
  const slide = info({ shape: [4000, 3000, 1] });
  assert.ok(!Sections.fits(slide, slide, 2));
});

test("a block that is cut short counts as a whole one", () => {
  const coarse = [[2, 0, 0, 0.5], [0, 1, 0, 0], [0, 0, 3, 1], [0, 0, 0, 1]];
  const ct = info({ levels: [{ shape: [2, 5, 14], affine: coarse, bricks: [] }] });
  assert.deepEqual(factors(ct, 0), [2, 1, 3]);
});

test("a plane lies along niivue's axes, turned and flipped as the volume does", () => {
  // voxel axes: i runs to the left (flipped), j up (third), k forward (second); 3 x 4 x 5 voxels, i in blocks of 2
  const perm = [-1, 3, 2];
  const shape: Vec3 = [3, 4, 5];
  const size: Vec3 = [4, 4, 5];
  const axial = layPlane(shape, size, perm, 2, 1);
  // through niivue's third axis, which is j: columns are i backwards (its last one stands in), rows are k
  assert.deepEqual([...axial.columns], [2, 2, 1, 0]);
  assert.deepEqual([...axial.rows], [0, 3, 6, 9, 12]);
  const coronal = layPlane(shape, size, perm, 1, 3);
  assert.deepEqual([...coronal.columns], [6, 6, 3, 0]);
  assert.deepEqual([...coronal.rows], [0, 9, 18, 27]);
});

const RAMP = Array.from({ length: 1024 }, (_, at) => (at % 4 === 3 ? 255 : at >> 2));
const LIE = { columns: Int32Array.from([0, 1]), rows: Int32Array.from([0, 2]) };

function painted(data: Int16Array | Float32Array | Uint8Array, layer: LayerInfo, style: Partial<Style> = {}, below?: number[]): number[] {
  const pixels = Uint8ClampedArray.from(below ?? Array(16).fill(0));
  const labels = [{ value: 0, name: "background", color: "#000000" }, { value: 4, name: "lesion", color: "#ff8000" }];
  const header = { dtype: "int16", window: [0, 100], range: [0, 100], labels } as never;
  paint(pixels, { layer, style: { ...STYLE, ...style }, plane: { data, header }, lie: LIE, sides: [2, 2], table: RAMP });
  return [...pixels];
}

test("values are coloured by their window, and what is not a number is clear", () => {
  const grey = (value: number) => [value, value, value, 255];
  assert.deepEqual(painted(Int16Array.from([0, 50, 100, 900]), info()), [...grey(0), ...grey(127), ...grey(255), ...grey(255)]);
  assert.deepEqual(painted(Int16Array.from([0, 50, 100, 900]), info(), { window: [50, 900] }).slice(4, 8), grey(0));
  assert.deepEqual(painted(Float32Array.from([Number.NaN, 100, 0, 0]), info()).slice(0, 8), [0, 0, 0, 0, ...grey(255)]);
});

test("the lowest layer is as bright as its table says, however clear it is in 3D", () => {
  assert.deepEqual(ground([1, 2, 3, 0, 9, 9, 9, 127]), [1, 2, 3, 255, 9, 9, 9, 255]);
});

test("labels have their colours over what is below, and none where there is no label", () => {
  const below = Array(16).fill(100).map((value, at) => (at % 4 === 3 ? 255 : value));
  const half = painted(Uint8Array.from([0, 1, 0, 0]), info({ kind: "labels" }), { opacity: 0.5 }, below);
  assert.deepEqual(half.slice(0, 4), [100, 100, 100, 255]);
  assert.deepEqual(half.slice(4, 8), [178, 114, 50, 255]);
});

test("colours are shown as they are", () => {
  const data = Uint8Array.from([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  const lie = { columns: Int32Array.from([0, 3]), rows: Int32Array.from([0, 6]) };
  const pixels = new Uint8ClampedArray(16);
  const plane = { data, header: { labels: [] } as never };
  paint(pixels, { layer: info({ samples: 3 }), style: STYLE, plane, lie, sides: [2, 2], table: [] });
  assert.deepEqual([...pixels], [1, 2, 3, 255, 4, 5, 6, 255, 7, 8, 9, 255, 10, 11, 12, 255]);
});
