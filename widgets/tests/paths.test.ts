import assert from "node:assert/strict";
import { test } from "node:test";

import { cutPath, endingOf, joinPath, withEnding } from "../src/ui/paths";

const ENDINGS = [".nii.gz", ".nii", ".npz", ".dcm", ".png"];

test("a name in the root folder has one separator before it", () => {
  assert.equal(joinPath("/", "map.dcm"), "/map.dcm");
  assert.equal(joinPath("/data/maps", "map.dcm"), "/data/maps/map.dcm");
  assert.equal(joinPath("/data/maps/", "map.dcm"), "/data/maps/map.dcm");
  assert.equal(joinPath("", "map.dcm"), "map.dcm");
  assert.equal(joinPath("C:\\", "map.dcm"), "C:\\map.dcm");
  assert.equal(joinPath("D:\\maps", "map.dcm"), "D:\\maps\\map.dcm");
});

test("a path is cut into the folder and the name that make it", () => {
  for (const [folder, name] of [["/", "map.png"], ["/data", "map.png"], ["C:\\", "map.png"], ["D:\\maps", "a b.nii.gz"], ["", "map.png"], ["/odd\\folder", "x.png"]]) {
    assert.deepEqual(cutPath(joinPath(folder, name)), [folder, name]);
  }
});

test("another format takes the place of the ending that is there, whichever it is", () => {
  assert.equal(withEnding("map.nii.gz", ".dcm", ENDINGS), "map.dcm");
  assert.equal(withEnding("map.NII", ".png", ENDINGS), "map.png");
  assert.equal(withEnding("map.npz", ".nii.gz", ENDINGS), "map.nii.gz");
  assert.equal(withEnding("map", ".dcm", ENDINGS), "map.dcm");
  assert.equal(withEnding("grad-cam v1.2", ".png", ENDINGS), "grad-cam v1.2.png");
  assert.equal(withEnding("", ".png", ENDINGS), ".png");
  assert.equal(endingOf("map.nii.gz", ENDINGS), ".nii.gz");
  assert.equal(endingOf("map.tif", ENDINGS), "");
});
