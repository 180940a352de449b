// Lines with their lengths, over the pictures.

import { h, replace, svg } from "../ui/dom";
import type { Vec3 } from "./protocol";

/** A line between two places in RAS mm, and what is written beside it. */
export interface Line {
  start: Vec3;
  stop: Vec3;
  words: string;
}

type Point = [x: number, y: number];

/** The lines of one slice, in CSS pixels from the left and the top of its pane. */
export interface Lines {
  pane: { left: number; top: number; width: number; height: number };
  drawn: (Line & { from: Point; to: Point })[];
}

/** Half of the stroke that ends a line, and how far its length stands beside it; CSS pixels. */
const END = 5;
const BESIDE = 14;
/** As in viewer.css. */
const COLOR = "#ffd94d";

export class LineOverlay {
  readonly element = h("div", { class: "mwb-v-lines" });
  #drawn = "";

  draw(panes: Lines[]): void {
    const filled = panes.filter(({ drawn }) => drawn.length > 0);
    const next = JSON.stringify(filled);
    if (next === this.#drawn) {
      return;
    }
    this.#drawn = next;
    replace(
      this.element,
      ...filled.map(({ pane, drawn }) => {
        const { left, top, width, height } = pane;
        const style = `left: ${left}px; top: ${top}px; width: ${width}px; height: ${height}px`;
        const words = drawn.map((line) => line.words).join(", ");
        return svg("svg", { style, viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": `Measured: ${words}` }, ...drawn.flatMap((line) => shapes(line, width)));
      }),
    );
  }
}

/** Where a line, the strokes at its ends and its words lie in its pane. */
function geometry({ from, to, words }: Lines["drawn"][number], width: number): { path: string; x: number; y: number; anchor: "middle" | "start" } {
  const length = Math.hypot(to[0] - from[0], to[1] - from[1]) || 1;
  const across: Point = [(-(to[1] - from[1]) / length) * END, ((to[0] - from[0]) / length) * END];
  const stroke = ([x, y]: Point) => `M${x - across[0]} ${y - across[1]}L${x + across[0]} ${y + across[1]}`;
  const path = `M${from[0]} ${from[1]}L${to[0]} ${to[1]}${stroke(from)}${stroke(to)}`;
  // above the middle of a line that lies, to the right of one that stands; inside of the pane
  const lying = Math.abs(to[0] - from[0]) > Math.abs(to[1] - from[1]);
  const [x, y]: Point = [(from[0] + to[0]) / 2, (from[1] + to[1]) / 2];
  const room = 4 * words.length + 4;
  return lying
    ? { path, x: Math.min(Math.max(x, room), width - room), y: Math.max(y - BESIDE / 2, BESIDE), anchor: "middle" }
    : { path, x: Math.min(x + BESIDE, width - 2 * room), y: y + 4, anchor: "start" };
}

function shapes(line: Lines["drawn"][number], width: number): SVGElement[] {
  const { path, x, y, anchor } = geometry(line, width);
  const text = svg("text", { x, y, "text-anchor": anchor }, line.words);
  return [svg("path", { d: path, class: "mwb-v-line-shade" }), svg("path", { d: path, class: "mwb-v-line" }), text];
}

/** The same lines on a picture that is saved; `scale` are its pixels for each of CSS. */
export function paintLines(context: CanvasRenderingContext2D, panes: Lines[], scale: number): void {
  for (const { pane, drawn } of panes) {
    context.save();
    context.scale(scale, scale);
    context.translate(pane.left, pane.top);
    context.beginPath();
    context.rect(0, 0, pane.width, pane.height);
    context.clip();
    for (const line of drawn) {
      const { path, x, y, anchor } = geometry(line, pane.width);
      for (const [color, width] of [["rgb(0 0 0 / 60%)", 3.5], [COLOR, 1.5]] as const) {
        Object.assign(context, { strokeStyle: color, lineWidth: width });
        context.stroke(new Path2D(path));
      }
      Object.assign(context, { font: "600 12px sans-serif", textAlign: anchor === "middle" ? "center" : "start", strokeStyle: "rgb(0 0 0 / 75%)", fillStyle: COLOR, lineWidth: 3 });
      context.strokeText(line.words, x, y);
      context.fillText(line.words, x, y);
    }
    context.restore();
  }
}
