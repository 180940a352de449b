// A small line chart in SVG: two axes, a legend with the newest values, and a reading where the pointer is.
import { h, replace, svg } from "./dom";

export interface Series {
  name: string;
  /** Each of x and y. */
  points: number[][];
  /** Drawn thin and pale: the raw steps behind a smoother curve. */
  faint?: boolean;
  /** Which of the colours it has; by default that of its place. */
  colour?: number;
}

export interface Chart {
  element: HTMLElement;
  draw(series: Series[]): void;
}

const WIDTH = 300;
const HEIGHT = 118;
const LEFT = 38;
const RIGHT = 8;
const TOP = 8;
const BOTTOM = 18;
const COLOURS = 6;

export function lineChart(title: string, xLabel: string): Chart {
  const plot = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "img", "aria-label": title });
  const legend = h("div", { class: "mwb-legend" });
  const reading = h("div", { class: "mwb-reading", "aria-hidden": "true" });
  const element = h(
    "figure",
    { class: "mwb-chart" },
    h("figcaption", {}, h("span", { class: "mwb-chart-title" }, title), legend),
    plot,
    reading,
  );
  element.hidden = true;
  let current: Series[] = [];
  let box = { x0: 0, x1: 1, y0: 0, y1: 1 };

  const x = (value: number) => LEFT + ((value - box.x0) / (box.x1 - box.x0)) * (WIDTH - LEFT - RIGHT);
  const y = (value: number) => HEIGHT - BOTTOM - ((value - box.y0) / (box.y1 - box.y0)) * (HEIGHT - TOP - BOTTOM);

  plot.addEventListener("pointermove", (event) => {
    const bounds = plot.getBoundingClientRect();
    const at = ((event.clientX - bounds.left) / bounds.width) * WIDTH;
    const lines = current
      .filter((series) => !series.faint && series.points.length)
      .map((series) => {
        const near = series.points.reduce((a, b) => (Math.abs(x(b[0]) - at) < Math.abs(x(a[0]) - at) ? b : a));
        return { name: series.name, near };
      });
    if (!lines.length) return;
    reading.textContent = `${xLabel} ${short(lines[0].near[0])}  ${lines.map((l) => `${l.name} ${short(l.near[1])}`).join("  ")}`;
    reading.classList.add("mwb-on");
  });
  plot.addEventListener("pointerleave", () => reading.classList.remove("mwb-on"));

  return {
    element,
    draw(series) {
      current = series.filter((one) => one.points.length > 0);
      element.hidden = current.length === 0;
      if (element.hidden) return;
      const points = current.flatMap((one) => one.points);
      const xs = points.map((p) => p[0]);
      const ys = points.map((p) => p[1]);
      box = { ...span(xs, "x"), ...span(ys, "y") } as typeof box;
      const strong = current.filter((one) => !one.faint);
      replace(
        plot,
        ...ticks(box.y0, box.y1, 3).flatMap((value) => [
          svg("line", { class: "mwb-grid", x1: LEFT, x2: WIDTH - RIGHT, y1: y(value), y2: y(value) }),
          svg("text", { class: "mwb-tick", x: LEFT - 4, y: y(value) + 3, "text-anchor": "end" }, short(value)),
        ]),
        svg("text", { class: "mwb-tick", x: LEFT - 6, y: HEIGHT - 5, "text-anchor": "end" }, xLabel),
        ...ticks(box.x0, box.x1, 5, true).map((value) =>
          svg("text", { class: "mwb-tick", x: x(value), y: HEIGHT - 5, "text-anchor": "middle" }, short(value)),
        ),
        ...current.map((one) => {
          const colour = colourOf(one, Math.max(strong.indexOf(one), 0));
          const path = one.points.map((p, n) => `${n ? "L" : "M"}${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("");
          return svg("path", { class: `mwb-line ${colour}${one.faint ? " mwb-faint" : ""}`, d: path });
        }),
        ...strong.map((one, n) => {
          const last = one.points[one.points.length - 1];
          return svg("circle", { class: `mwb-dot ${colourOf(one, n)}`, cx: x(last[0]), cy: y(last[1]), r: 2.5 });
        }),
      );
      replace(
        legend,
        ...strong.map((one, n) =>
          h(
            "span",
            { class: `mwb-key ${colourOf(one, n)}` },
            `${one.name} `,
            h("b", {}, short(one.points[one.points.length - 1][1])),
          ),
        ),
      );
    },
  };
}

function colourOf(series: Series, place: number): string {
  return `mwb-series-${(series.colour ?? place) % COLOURS}`;
}

function span(values: number[], axis: "x" | "y"): Record<string, number> {
  let low = Math.min(...values);
  let high = Math.max(...values);
  if (low === high) {
    // One point, or a flat line: leave room around it.
    const room = axis === "x" ? 0.5 : Math.max(Math.abs(low) * 0.1, 0.01);
    low -= room;
    high += room;
  } else if (axis === "y") {
    const room = (high - low) * 0.06;
    low -= room;
    high += room;
  }
  // A loss or a score that is never negative has no room below zero.
  if (axis === "y" && Math.min(...values) >= 0) low = Math.max(low, 0);
  return { [`${axis}0`]: low, [`${axis}1`]: high };
}

function ticks(low: number, high: number, wanted: number, whole = false): number[] {
  const rough = (high - low) / wanted;
  const power = 10 ** Math.floor(Math.log10(rough));
  // The largest round step that still gives two ticks: an axis with one number says nothing.
  const inside = (s: number) => Math.floor(high / s + 1e-9) - Math.ceil(low / s - 1e-9) + 1;
  const rounds = [10, 5, 2.5, 2, 1, 0.5, 0.25, 0.2, 0.1].map((m) => m * power);
  const found = rounds.find((s) => s <= 2 * rough && inside(s) >= Math.min(wanted, 3)) ?? rounds.find((s) => inside(s) >= 2) ?? rough;
  // A quarter of an epoch is nothing that anybody counts in.
  const step = whole && high - low >= 1 ? Math.max(1, Math.round(found)) : found;
  const out: number[] = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) out.push(value);
  return out;
}

/** Three significant digits, without a tail of zeros. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return value.toExponential(1);
  return String(Number(value.toPrecision(3)));
}
