import assert from "node:assert/strict";
import { test } from "node:test";

import { crosshairWidth } from "../src/viewer/crosshair";
import { distance, stepAlong } from "../src/viewer/geometry";
import { dragged, Gestures, type Host } from "../src/viewer/gestures";
import type { LayerInfo, Tool, Vec3 } from "../src/viewer/protocol";
import { onSlice, placeOn, type Slice, sliceUnder } from "../src/viewer/slices";
import { lengthWords } from "../src/viewer/space";
import { stepped } from "../src/viewer/steps";
import { toolOfKey } from "../src/viewer/tools";

// 400 x 300 pixels at (100, 50): 80 mm across, the patient's right on the left; 60 mm up
const AXIAL: Slice = { axCorSag: 0, leftTopWidthHeight: [100, 50, 400, 300], leftTopMM: [40, -30], fovMM: [-80, 60], AxyzMxy: [0, 0, 12, 0, 0] };
// beside it, a plane of an oblique volume: it falls by 0.1 mm for each mm across and rises by 0.2 for each upwards
const SAGITTAL: Slice = { axCorSag: 2, leftTopWidthHeight: [500, 50, 400, 300], leftTopMM: [-40, -30], fovMM: [80, 60], AxyzMxy: [0, 0, 5, 0.1, 0.2] };
const SOLID: Slice = { axCorSag: 4, leftTopWidthHeight: [0, 400, 900, 300], leftTopMM: [], fovMM: [], AxyzMxy: [] };

function near(a: number[], b: number[]): void {
  a.forEach((value, n) => assert.ok(Math.abs(value - b[n]) < 1e-9, `${a} is not ${b}`));
}

test("a point of the canvas lies where the slice says, in millimetres", () => {
  near(placeOn(AXIAL, 100, 350), [40, -30, 12]);
  near(placeOn(AXIAL, 300, 200), [0, 0, 12]);
  near(placeOn(SAGITTAL, 700, 200), [5, 0, 0]);
  // 40 mm forwards it has fallen by 4 mm, 30 mm upwards risen by 6 mm
  near(placeOn(SAGITTAL, 900, 50), [5 - 4 + 6, 40, 30]);
  // five pixels are a millimetre
  assert.ok(Math.abs(distance(placeOn(AXIAL, 200, 100), placeOn(AXIAL, 250, 100)) - 10) < 1e-9);
});

test("a place comes back to the pixel it came from, and is as far from a plane as it is", () => {
  for (const slice of [AXIAL, SAGITTAL]) {
    const { x, y, depth } = onSlice(slice, placeOn(slice, slice.leftTopWidthHeight[0] + 123, 77));
    near([x, y, depth], [slice.leftTopWidthHeight[0] + 123, 77, 0]);
  }
  assert.equal(onSlice(AXIAL, [0, 0, 15]).depth, 3);
});

test("a point beyond the edge of a slice is the point of the edge", () => {
  near(placeOn(AXIAL, 0, 1000), [40, -30, 12]);
});

test("the 3D view and the gaps are no slice", () => {
  const slices = [AXIAL, SAGITTAL, SOLID];
  assert.equal(sliceUnder(slices, 600, 60), SAGITTAL);
  assert.equal(sliceUnder(slices, 450, 500), null);
  assert.equal(sliceUnder(slices, 5, 5), null);
});

test("the step between slices is that of the voxel axis that goes through them", () => {
  // columns: 1 mm along -y, 2 mm along x, 5 mm along z
  const affine = [[0, 2, 0, 0], [-1, 0, 0, 0], [0, 0, 5, 0], [0, 0, 0, 1]];
  assert.deepEqual([stepAlong(affine, 0), stepAlong(affine, 1), stepAlong(affine, 2)], [2, 1, 5]);
});

test("a drag of 100 pixels doubles a window, one of 200 upwards lowers it by its width", () => {
  assert.deepEqual(dragged([0, 100], 0, 0), [0, 100]);
  assert.deepEqual(dragged([0, 100], 100, 0), [-50, 150]);
  assert.deepEqual(dragged([0, 100], -100, 0), [25, 75]);
  assert.deepEqual(dragged([0, 100], 0, -200), [-100, 0]);
  assert.deepEqual(dragged([0, 0.002], 0, 100), [0.001, 0.003]);
  for (const window of [[-160, 240], [-1, 1]] as const) {
    const [low, high] = dragged([...window], -5000, 0);
    assert.ok(low < high, "a window never turns over");
  }
});

test("lengths are told in the unit that is known", () => {
  const affine = (mm: number) => [[mm, 0, 0, 0], [0, mm, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]];
  assert.equal(lengthWords({ space: "patient", affine: affine(0.7), picture: false }, 12.3456), "12.3 mm");
  assert.equal(lengthWords({ space: "pixels", affine: affine(1), picture: true }, 45), "45 px");
  assert.equal(lengthWords({ space: "object", affine: affine(0.0005), picture: true }, 0.0082), "8.2 µm");
});

test("letters choose the tools that are offered", () => {
  assert.equal(toolOfKey("m", ["navigate", "measure"]), "measure");
  assert.equal(toolOfKey("p", ["navigate", "measure"]), undefined);
});

/** A canvas at the corner of the page that holds no pictures, and all that its host was told. */
function canvas(tool: Tool): { fire(type: string, x: number, y: number, more?: object): void; told: unknown[]; gestures: Gestures } {
  const target = new EventTarget();
  const told: unknown[] = [];
  const host: Host = {
    tool: () => tool,
    leave: (what) => told.push(what),
    sliceAt: (x, y) => sliceUnder([AXIAL, SAGITTAL, SOLID], x, y),
    place: placeOn,
    clicked: () => told.push("clicked"),
    window: () => [0, 100],
    windowed: (window) => told.push(window),
    zoom: (factor, x, y) => told.push(["zoom", Number(factor.toFixed(6)), x, y]),
    enlarge: (x, y) => told.push(["enlarge", x, y]),
    drawing: (line) => told.push(line ? "drawing" : "drawn"),
    measured: ({ start, stop }: { start: Vec3; stop: Vec3 }) => told.push(Number(distance(start, stop).toFixed(9))),
  };
  const element = Object.assign(target, { getBoundingClientRect: () => ({ left: 0, top: 0 }), setPointerCapture: () => undefined });
  const gestures = new Gestures(element as unknown as HTMLCanvasElement, host);
  const fire = (type: string, x: number, y: number, more: object = {}) =>
    target.dispatchEvent(Object.assign(new Event(type), { clientX: x, clientY: y, button: 0, pointerId: 1, ...more }));
  return { fire, told, gestures };
}

test("the wheel zooms with Ctrl alone, and a double click is not niivue's", () => {
  const { fire, told } = canvas("navigate");
  const wheel = (more: object) => fire("wheel", 30, 40, { deltaY: -100, deltaMode: 0, ctrlKey: false, metaKey: false, ...more });
  wheel({});
  assert.deepEqual(told, []);
  wheel({ ctrlKey: true });
  wheel({ metaKey: true, deltaY: 3, deltaMode: 1 });
  fire("dblclick", 50, 60);
  assert.deepEqual(told, [["zoom", 1.2, 30, 40], ["zoom", Number((1.2 ** -0.99).toFixed(6)), 30, 40], ["enlarge", 50, 60]]);
});

test("keys move the crosshair by a voxel as it is seen, up to the edge", () => {
  // voxels of 2 x 3 x 4 mm, the first axis to the left
  const base = { affine: [[-2, 0, 0, 18], [0, 3, 0, 0], [0, 0, 4, 0], [0, 0, 0, 1]], shape: [10, 10, 10], space: "patient" } as unknown as LayerInfo;
  assert.deepEqual(stepped("ArrowLeft", [0, 3, 4], base, "radiological"), [2, 3, 4], "to the patient's right");
  assert.deepEqual(stepped("ArrowLeft", [4, 3, 4], base, "neurological"), [2, 3, 4]);
  assert.deepEqual(stepped("PageDown", [0, 3, 4], base, "radiological"), [0, 3, 2]);
  assert.equal(stepped("PageDown", [0, 3, -1], base, "radiological"), null, "beyond the edge");
  assert.equal(stepped("Home", [0, 3, 4], base, "radiological"), null);
});

test("lines of the crosshair are as thick on the screen, however large the volume is", () => {
  const [small, large] = [crosshairWidth([100, 100, 100], "axial", 500, 500), crosshairWidth([400, 400, 400], "axial", 500, 500)];
  assert.ok(Math.abs(large / small - 4) < 1e-9);
  assert.ok(Math.abs(small - 1.3 / 5) < 1e-9);
  assert.ok(crosshairWidth([100, 100, 100], "all", 500, 500) > small, "views are smaller, so a mm is too");
});

test("with the tool that navigates or picks a click is told, and a drag is niivue's", () => {
  for (const tool of ["navigate", "pick"] as const) {
    const { fire, told } = canvas(tool);
    fire("pointerdown", 200, 100);
    fire("pointerup", 201, 100);
    fire("pointerdown", 200, 100);
    fire("pointermove", 260, 100);
    fire("pointerup", 260, 100);
    assert.deepEqual(told, ["crosshair", "clicked", "crosshair"]);
  }
});

test("a click is one although it moves the crosshair, which puts lines away", () => {
  const { fire, told, gestures } = canvas("pick");
  fire("pointerdown", 200, 100);
  gestures.cancel();
  fire("pointerup", 200, 100);
  assert.deepEqual(told, ["crosshair", "clicked"]);
});

test("a line is drawn by a drag or by two clicks", () => {
  for (const clicks of [false, true]) {
    const { fire, told } = canvas("measure");
    fire("pointerdown", 200, 100);
    if (clicks) fire("pointerup", 200, 100);
    fire("pointermove", 250, 100);
    if (clicks) fire("pointerdown", 250, 100);
    fire("pointerup", 250, 100);
    assert.deepEqual(told.filter((one) => one !== "nothing"), ["drawing", "drawn", 10]);
  }
});

test("a line that is put away is not measured", () => {
  const { fire, told, gestures } = canvas("measure");
  fire("pointerdown", 200, 100);
  fire("pointermove", 250, 100);
  assert.equal(gestures.cancel(), true);
  fire("pointerup", 250, 100);
  assert.equal(gestures.cancel(), false);
  assert.deepEqual(told, ["nothing", "drawing", "drawn"]);
});

test("a window is dragged with its tool or with the right button, the 3D view turned with the left one", () => {
  for (const [tool, button] of [["window", 0], ["navigate", 2]] as const) {
    const { fire, told } = canvas(tool);
    fire("pointerdown", 200, 100, { button });
    fire("pointermove", 300, 100);
    fire("pointerup", 300, 100);
    assert.deepEqual(told, ["nothing", [-50, 150]]);
  }
  const { fire, told } = canvas("window");
  fire("pointerdown", 450, 500);
  fire("pointermove", 600, 500);
  fire("pointerup", 600, 500);
  assert.deepEqual(told, ["crosshair"]);
});

test("Shift draws a line whatever the tool is", () => {
  const { fire, told } = canvas("navigate");
  fire("pointerdown", 200, 100, { shiftKey: true });
  fire("pointermove", 200, 150);
  fire("pointerup", 200, 150);
  assert.equal(told.at(-1), 10);
});
