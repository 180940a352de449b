// The tools of the viewer: what each is called, its key, its picture.

import { h, svg } from "../ui/dom";
import type { Tool } from "./protocol";

interface Look {
  name: string;
  does: string;
  key: string;
  /** Of a picture of 16 by 16. */
  paths: string[];
}

export const TOOLS: Record<Tool, Look> = {
  navigate: {
    name: "Navigate",
    does: "a click or a drag moves the crosshair",
    key: "N",
    paths: ["M8 1v14M1 8h14", "M8 5.5a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5z"],
  },
  pick: {
    name: "Pick",
    does: "a click hands the voxel to Python, and to what is to be explained",
    key: "P",
    paths: ["M3 2l9.5 4.5-4 1.4 3.5 4.6-1.8 1.4-3.5-4.6L4 12.5z"],
  },
  window: {
    name: "Window",
    does: "drag sideways for the contrast, up and down for the brightness (also: the right button)",
    key: "W",
    paths: ["M8 1.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13z", "M8 1.5v13M8 4.5h5M8 8h6.4M8 11.5h5"],
  },
  measure: {
    name: "Measure",
    does: "drag along a length, or click its two ends (also: Shift and drag); Delete takes the last line away, Escape all",
    key: "M",
    paths: ["M1.5 11.5l10-10 3 3-10 10z", "M4 9l1.5 1.5M6.5 6.5L8 8M9 4l1.5 1.5"],
  },
};

/** The tool of a key that was pressed, if it is one of those offered. */
export function toolOfKey(key: string, offered: Tool[]): Tool | undefined {
  return offered.find((tool) => TOOLS[tool].key === key.toUpperCase());
}

/** A button of the toolbar with the picture of a tool. */
export function toolButton(tool: Tool, choose: () => void): HTMLButtonElement {
  const { name, does, key, paths } = TOOLS[tool];
  const picture = svg("svg", { viewBox: "0 0 16 16", "aria-hidden": "true" }, ...paths.map((d) => svg("path", { d })));
  return h(
    "button",
    { type: "button", class: "mwb-v-button mwb-v-tool", "aria-label": name, "aria-keyshortcuts": key, title: `${name} (${key}): ${does}`, onclick: choose },
    picture,
  );
}
