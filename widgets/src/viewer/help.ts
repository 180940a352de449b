// What mouse and keys do in the viewer, on a page of its own: the key "?" and the button open it.

import "../ui/base.css";
import "../ui/buttons.css";
import "../ui/dialogs.css";
import { makeDialog, openDialog } from "../ui/dialog";
import { h } from "../ui/dom";
import type { Tool } from "./protocol";
import { TOOLS } from "./tools";

const MOUSE: [string, string][] = [
  ["Click, drag", "what the tool says; with Navigate it moves the crosshair"],
  ["Wheel", "scrolls the slice under the pointer, once the viewer was clicked"],
  ["Ctrl + wheel", "zooms to the pointer"],
  ["Ctrl + drag, middle button", "moves the picture"],
  ["Right button, drag", "sideways the contrast, up and down the brightness of the lowest image"],
  ["Shift + drag", "measures a length"],
  ["Double click", "shows one view alone, and all again"],
];
const KEYS: [string, string][] = [
  ["← → ↑ ↓", "move the crosshair by a voxel, as seen in the axial view"],
  ["Page Up, Page Down", "go to the next axial slice"],
  ["Enter", "picks the voxel under the crosshair, with Pick"],
  ["Delete, Escape", "take the last line away, all lines, with Measure"],
  ["?", "shows this page"],
];

/** Show the page; the focus goes back to `opener` when it is closed. */
export function openHelp(opener: HTMLElement, offered: Tool[]): void {
  const dialog = makeDialog("Mouse and keys", "mwb-v-help");
  const tools = offered.map((tool): [string, string] => [TOOLS[tool].key, `${TOOLS[tool].name}: ${TOOLS[tool].does}`]);
  const tables = ([["Mouse", MOUSE], ["Keys", KEYS], ["Tools", tools]] as const).map(([title, rows]) =>
    h(
      "table",
      {},
      h("caption", {}, title),
      h("tbody", {}, ...rows.map(([what, does]) => h("tr", {}, h("th", { scope: "row" }, what), h("td", {}, does)))),
    ),
  );
  openDialog(dialog, opener, ...tables, dialog.close);
}
