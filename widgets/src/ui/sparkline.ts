// A curve as high as a line of text, with the value that it has reached.
import type { Trend } from "../generated/runs";
import { short } from "./chart";
import { h, setText, svg } from "./dom";
import "./sparkline.css";

const WIDTH = 100;
const HEIGHT = 24;
/** So that the line is whole at the upper and the lower end. */
const ROOM = 2;

export interface Sparkline {
  element: HTMLElement;
  show(trend: Trend | undefined): void;
}

export function sparkline(): Sparkline {
  const line = svg("path", { class: "mwb-line mwb-series-0", d: "" });
  const plot = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img" }, line);
  const value = h("span", { class: "mwb-spark-value", "aria-hidden": "true" });
  const element = h("div", { class: "mwb-spark" }, plot, value);
  element.hidden = true;
  return {
    element,
    show(trend) {
      element.hidden = !trend;
      if (!trend) return;
      const { name, by, points } = trend;
      const last = short(points[points.length - 1][1]);
      line.setAttribute("d", sparkPath(points));
      const words = `${name} by ${by}: from ${short(points[0][1])} to ${last}`;
      plot.setAttribute("aria-label", words);
      element.title = words;
      setText(value, `${name} ${last}`);
    },
  };
}

/** The path through points of x and y, which fills the drawing; a flat line lies in its middle. */
export function sparkPath(points: number[][]): string {
  const xs = points.map(([x]) => x);
  const ys = points.map(([, y]) => y);
  const [left, right, low, high] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)];
  const along = (x: number) => (right > left ? ((x - left) / (right - left)) * WIDTH : WIDTH / 2);
  const up = (y: number) => (high > low ? HEIGHT - ROOM - ((y - low) / (high - low)) * (HEIGHT - 2 * ROOM) : HEIGHT / 2);
  return points.map(([x, y], n) => `${n ? "L" : "M"}${along(x).toFixed(1)} ${up(y).toFixed(1)}`).join("");
}
