import assert from "node:assert/strict";
import { test } from "node:test";

import type { CurvesAnswer } from "../src/generated/runs";
import { compared } from "../src/ui/compared";
import { sparkPath } from "../src/ui/sparkline";

test("a sparkline fills its drawing, the highest value at the top", () => {
  assert.equal(sparkPath([[1, 0.2], [2, 0.7], [3, 0.45]]), "M0.0 22.0L50.0 2.0L100.0 12.0");
});

test("a flat line lies in the middle, and one point is no reason to divide by nothing", () => {
  assert.equal(sparkPath([[1, 5], [2, 5]]), "M0.0 12.0L100.0 12.0");
  assert.equal(sparkPath([[1, 5]]), "M50.0 12.0");
});

const run = (path: string, title: string, loss: number[][], metrics: Record<string, number[][]> = {}): CurvesAnswer => ({
  path,
  title,
  alive: false,
  curves: { steps: [[0.5, 9]], loss, metrics },
});

test("runs are compared in a chart for each score that one of them has, and keep their colours", () => {
  const runs = [run("runs/a", "first", [[1, 3]]), run("runs/b", "second", [[1, 2]], { dice: [[1, 0.5]], iou: [] })];
  assert.deepEqual(compared(runs), [
    { title: "Loss", series: [{ name: "first", points: [[1, 3]], colour: 0 }, { name: "second", points: [[1, 2]], colour: 1 }] },
    { title: "dice", series: [{ name: "first", points: [], colour: 0 }, { name: "second", points: [[1, 0.5]], colour: 1 }] },
  ]);
});

test("before the first epoch there is the loss of each step, and runs of one name are told apart", () => {
  const [{ series }] = compared([run("runs/a", "try", []), run("old/b", "try", [])]);
  assert.deepEqual(series.map(({ name, points }) => [name, points]), [["try (a)", [[0.5, 9]]], ["try (b)", [[0.5, 9]]]]);
});
