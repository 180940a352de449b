import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { apply, formatValue, inside, invert, normalAxis, spacing, voxelAt } from "../src/viewer/geometry";
import { edges } from "../src/viewer/letters";
import type { Brick, LayerInfo, Pull, Refused, Vec3 } from "../src/viewer/protocol";
import { readout } from "../src/viewer/readout";
import { outlined } from "../src/viewer/outline";
import { placeWords, viewNames } from "../src/viewer/space";
import { graded, unchanged } from "../src/viewer/shader";
import { tiles } from "../src/viewer/tiles";
import { Voxels } from "../src/viewer/voxels";

const OBLIQUE = [
  [-0.8, 0.3, 0.1, 12],
  [0.2, 1.2, -0.4, -34.5],
  [0.05, 0.3, 2.5, 56.25],
  [0, 0, 0, 1],
];

test("the inverse of an affine undoes it", () => {
  const point: Vec3 = [3, -7, 11];
  const back = apply(invert(OBLIQUE), apply(OBLIQUE, point));
  back.forEach((value, axis) => assert.ok(Math.abs(value - point[axis]) < 1e-12));
});

test("the voxel under a point is the one whose box holds it", () => {
  const centre = apply(OBLIQUE, [4, 5, 6]);
  assert.deepEqual(voxelAt(OBLIQUE, centre), [4, 5, 6]);
  assert.deepEqual(voxelAt(OBLIQUE, apply(OBLIQUE, [4.4, 4.6, 5.6])), [4, 5, 6]);
  assert.ok(inside([5, 6, 7], [4, 5, 6]));
  assert.ok(!inside([5, 6, 7], [5, 5, 6]));
  assert.ok(!inside([5, 6, 7], [-1, 0, 0]));
});

test("an outline is where a label ends, but not where the grid does", () => {
  // 4 x 3 in the plane, i fastest: a block of 1 with a 2 beside it
  const flat = new Uint8Array([1, 1, 2, 0, 1, 1, 2, 0, 1, 1, 2, 0]);
  assert.deepEqual([...outlined(flat, [4, 3, 1])], [0, 1, 2, 0, 0, 1, 2, 0, 0, 1, 2, 0]);
  const full = new Uint16Array(27).fill(7);
  assert.equal(outlined(full, [3, 3, 3]).some((value) => value !== 0), false);
  full[13] = 3;
  assert.deepEqual([...outlined(full, [3, 3, 3])].filter((value) => value).length, 7);
});

test("spacing and the plane of a picture", () => {
  assert.deepEqual(spacing([[0, -2, 0, 0], [-1.5, 0, 0, 0], [0, 0, 3, 0], [0, 0, 0, 1]]), [1.5, 2, 3]);
  assert.equal(normalAxis([[1, 0, 0, 0], [0, 0, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]]), 1);
});

test("values are told with the digits that matter", () => {
  assert.equal(formatValue(-1024), "-1024");
  assert.equal(formatValue(0.123456), "0.1235");
  assert.equal(formatValue(12345.678), "12345.7");
  assert.equal(formatValue(12345.678, 3), "12346");
  assert.equal(formatValue(0.123456, 3), "0.123");
  assert.equal(formatValue(0.0000053271, 3), "5.33e-6");
  assert.equal(formatValue(-0.00053271), "-5.327e-4");
  assert.equal(formatValue(Number.NaN), "not a number");
});

test("letters follow the convention, except in the sagittal view", () => {
  assert.equal(edges("axial", "radiological").left, "R");
  assert.equal(edges("coronal", "neurological").left, "L");
  assert.deepEqual(edges("sagittal", "radiological"), edges("sagittal", "neurological"));
});

test("four views lie in a row where that makes them larger", () => {
  const rows = (w: number, h: number) => new Set(tiles(w, h).map((tile) => tile[1])).size;
  assert.equal(rows(1100, 440), 1);
  assert.equal(rows(700, 440), 2);
  for (const [left, top, width, height] of tiles(900, 440)) {
    assert.ok(left >= 0 && top >= 0 && left + width <= 1 && top + height <= 1);
  }
});

test("niivue still has what is changed in its shaders", () => {
  const source = readFileSync("node_modules/@niivue/niivue/build/niivue/index.js", "utf8");
  assert.deepEqual(unchanged(source), []);
  assert.deepEqual(unchanged(graded(source)).length, 3);
});

// a volume of 2 x 3 x 4 voxels of which the coarse level has 1 x 2 x 2
function info(change: Partial<LayerInfo> = {}): LayerInfo {
  const affine = [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
  const coarse = [[2, 0, 0, 0.5], [0, 2, 0, 0.5], [0, 0, 2, 0.5], [0, 0, 0, 1]];
  return {
    id: "a", version: 0, kind: "image", unit: "HU", shape: [2, 3, 4], affine, picture: false, space: "patient", samples: 1, channels: [], bytes: 48,
    levels: [
      { shape: [1, 2, 2], affine: coarse, bricks: [[0, 2, 0, 2]] },
      { shape: [2, 3, 4], affine, bricks: [[0, 3, 0, 1], [0, 3, 1, 2], [0, 3, 2, 3], [0, 2, 3, 4], [2, 3, 3, 4]] },
    ],
    ...change,
  };
}

function brick(level: number, index: number, values: number[]): [Brick, DataView[]] {
  const header = { dtype: "int16", window: [0, 1], range: [0, 1], labels: [] } as const;
  const message = { type: "brick", layer: "a", version: 0, level, index, ...header } as unknown as Brick;
  return [message, [new DataView(Int16Array.from(values).buffer)]];
}

function started(layer = info(), near: Vec3 = [0, 0, 3]): { voxels: Voxels; asked: Pull[] } {
  const asked: Pull[] = [];
  const voxels = new Voxels((message) => message.type === "pull" && asked.push(message), () => near);
  voxels.update([layer]);
  return { voxels, asked };
}

test("the coarse level is asked for first, then bricks from where the user looks", () => {
  const { voxels, asked } = started();
  assert.deepEqual(asked.map(({ level, bricks }) => [level, bricks]), [[0, [0]]]);
  voxels.receive(...brick(0, 0, [10, 20, 30, 40]));
  assert.deepEqual([asked[1].level, asked[1].bricks], [1, [3, 4]]);
  voxels.receive(...brick(1, 3, [1, 2, 3, 4]));
  assert.deepEqual(asked[2].bricks, [2], "one answer, one more question: two are on their way at any time");
  voxels.dispose();
});

test("values come from the finest level that is complete, and say whether they are exact", () => {
  const { voxels } = started();
  const entry = voxels.get("a");
  assert.ok(entry);
  assert.equal(Voxels.valueAt(entry, [0, 0, 0]), null);
  voxels.receive(...brick(0, 0, [10, 20, 30, 40]));
  assert.deepEqual(Voxels.valueAt(entry, [0, 2, 3]), { values: [40], exact: false });
  const volume = Array.from({ length: 24 }, (_, n) => n);
  voxels.receive(...brick(1, 0, volume.slice(0, 6)));
  voxels.receive(...brick(1, 1, volume.slice(6, 12)));
  voxels.receive(...brick(1, 2, volume.slice(12, 18)));
  voxels.receive(...brick(1, 4, volume.slice(22, 24)));
  assert.equal(Voxels.progress(entry), 0.8);
  assert.equal(Voxels.valueAt(entry, [0, 2, 3])?.exact, false);
  voxels.receive(...brick(1, 3, volume.slice(18, 22)));
  // i runs fastest: voxel (1, 2, 3) is the last of 24
  assert.deepEqual(Voxels.valueAt(entry, [1, 2, 3]), { values: [23], exact: true });
  assert.deepEqual(Voxels.valueAt(entry, [0, 1, 2]), { values: [14], exact: true });
  voxels.dispose();
});

test("answers that come twice, late, or for a replaced volume do no harm", () => {
  const { voxels } = started();
  voxels.receive(...brick(0, 0, [10, 20, 30, 40]));
  voxels.receive(...brick(0, 0, [0, 0, 0, 0]));
  const entry = voxels.get("a");
  assert.ok(entry);
  assert.deepEqual(Voxels.valueAt(entry, [0, 0, 0])?.values, [10]);
  voxels.update([info({ version: 1 })]);
  voxels.receive(...brick(0, 0, [1, 1, 1, 1]));
  assert.equal(Voxels.sharpest(voxels.get("a") as NonNullable<ReturnType<Voxels["get"]>>), -1);
  voxels.dispose();
});

test("a refusal and a brick of the wrong size are told, not drawn", () => {
  const { voxels } = started();
  const told: string[] = [];
  voxels.listen((_, event) => told.push(event));
  voxels.receive(...brick(0, 0, [1, 2, 3]));
  assert.match(voxels.get("a")?.error ?? "", /3 values came where 4/);
  const other = started();
  other.voxels.receive({ type: "refused", layer: "a", version: 0, level: 0, cause: "FileError: gone" } as Refused, []);
  assert.equal(other.voxels.get("a")?.error, "FileError: gone");
  assert.deepEqual(told, ["error"]);
  voxels.dispose();
  other.voxels.dispose();
});

test("what is too large to fetch unasked waits to be asked for", () => {
  const { voxels, asked } = started(info({ bytes: 500_000_000 }));
  voxels.receive(...brick(0, 0, [10, 20, 30, 40]));
  assert.equal(asked.length, 1);
  voxels.sharpen("a");
  assert.equal(asked.at(-1)?.level, 1);
  voxels.dispose();
});

test("a volume is not fetched whole where its slices are sharp without it, a picture is", () => {
  const asks = (change: Partial<LayerInfo>) => {
    const { voxels, asked } = started(info(change));
    voxels.receive(...brick(0, 0, [10, 20, 30, 40]));
    voxels.dispose();
    return asked.length > 1;
  };
  assert.ok(asks({ bytes: 15_000_000 }));
  assert.ok(!asks({ bytes: 30_000_000, shape: [300, 250, 200] }));
  assert.ok(asks({ bytes: 36_000_000, shape: [4000, 3000, 1] }));
});

test("the readout names voxel, place, value with unit, and label", () => {
  const { voxels } = started();
  voxels.receive(...brick(0, 0, [10, 20, 30, 40]));
  const style = { name: "ct", colormap: "gray", opacity: 1, window: null, visible: true, channel: 0, outline: false };
  const text = readout([info()], { a: style }, voxels, [0, 0, 0]);
  assert.equal(text, "voxel (0, 0, 0)   RAS (0.0, 0.0, 0.0) mm   value about 10 HU");
  const beside = readout([info()], { a: style }, voxels, [-9, 0, 0]);
  assert.equal(beside, "voxel (-9, 0, 0)   RAS (-9.0, 0.0, 0.0) mm");
  voxels.dispose();
});

test("a point is told in millimetres of a patient, of a thing, or not at all", () => {
  const patient = info();
  assert.equal(placeWords(patient, [-24.14, 0.01, 9]), "RAS (-24.1, 0.0, 9.0) mm");
  assert.equal(placeWords({ ...patient, space: "pixels" }, [1, 2, 3]), "");
  // rows to -y and columns to -x, half a micrometre apart, as pictures lie
  const affine = [[0, -0.0005, 0, 0], [-0.0005, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
  const slide = info({ affine, picture: true, space: "object" });
  assert.equal(placeWords(slide, [-0.044, -0.06, 0]), "(60, 44) µm");
  const film = info({ affine: [[0, -0.14, 0, 0], [-0.14, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]], picture: true, space: "object" });
  assert.equal(placeWords(film, [-14, -28, 0]), "(28, 14) mm");
  assert.equal(readout([{ ...slide, space: "pixels" }], {}, new Voxels(() => {}, () => [0, 0, 0]), [-0.044, -0.06, 0]), "pixel (120, 88)");
});

test("views of what is no patient are called by their axes", () => {
  assert.deepEqual(viewNames("patient"), { axial: "axial", coronal: "coronal", sagittal: "sagittal" });
  assert.deepEqual(viewNames("object"), { axial: "XY", coronal: "XZ", sagittal: "YZ" });
});
