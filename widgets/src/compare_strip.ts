// Mirrors workbench/widgets/compare_strip.py: every map on the same slice, under the viewer's crosshair, and how far
// the maps agree.
import type { AgreementCells, CompareStrip } from "./generated/compare_strip";
import { h, replace, setText } from "./ui/dom";
import { type Model, Scope } from "./ui/model";
import "./ui/ui.css";
import "./compare_strip.css";

/** A drag moves the crosshair this often, in ms: Python draws the slices anew. */
const DRAG_MS = 60;

function render({ model, el }: { model: Model<CompareStrip>; el: HTMLElement }): () => void {
  const scope = new Scope(model);
  const title = h("span", { class: "mwb-title" });
  const row = h("div", { class: "mwb-strip-row" });
  const table = h("div", { class: "mwb-agreement" });
  const strip = h("section", { class: "mwb-ui mwb-card mwb-strip", "aria-label": "Maps side by side" }, title, row, table);
  el.append(strip);
  let urls: string[] = [];
  // the pictures are replaced while somebody drags over them: the row listens for all of them
  let told = 0;
  const point = (event: PointerEvent) => {
    const picture = (event.target as Element).closest(".mwb-tile-picture");
    if (!picture || !event.buttons || (event.type === "pointermove" && event.timeStamp - told < DRAG_MS)) return;
    told = event.timeStamp;
    const box = picture.getBoundingClientRect();
    model.send({ place: [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height] });
    event.preventDefault();
  };
  const mark = () => [...row.children].forEach((tile, n) => tile.classList.toggle("mwb-tile-now", n === scope.get("current")));
  row.addEventListener("pointerdown", point);
  row.addEventListener("pointermove", point);
  scope.watch(["tiles", "pictures", "title"], () => {
    const tiles = scope.get("tiles");
    const pictures = scope.get("pictures");
    strip.hidden = tiles.length === 0;
    setText(title, scope.get("title"));
    const old = urls;
    urls = pictures.map((bytes) => URL.createObjectURL(new Blob([bytes as unknown as BlobPart], { type: "image/png" })));
    replace(
      row,
      ...tiles.map((tile, n) =>
        h(
          "figure",
          { class: "mwb-tile" },
          h(
            "div",
            { class: "mwb-tile-picture", style: `aspect-ratio: ${tile.size[0]} / ${tile.size[1]}`, title: "Press to move the crosshair here, in all views" },
            h("img", { src: urls[n], draggable: "false", alt: `${tile.label}, on the slice through the crosshair` }),
            h("i", { class: "mwb-cross-x", style: `left: ${tile.cross[0] * 100}%` }),
            h("i", { class: "mwb-cross-y", style: `top: ${tile.cross[1] * 100}%` }),
          ),
          h("figcaption", { title: tile.label }, scope.get("plays") ? h("button", { type: "button", class: "mwb-button mwb-quiet", title: `Show ${tile.label} in the viewer`, onclick: () => model.send({ step: n }) }, tile.label) : tile.label),
        ),
      ),
    );
    for (const url of old) URL.revokeObjectURL(url);
    mark();
  });
  scope.watch(["current"], mark);
  scope.watch(["agreement"], () => {
    const cells = scope.get("agreement");
    table.hidden = !cells.names?.length;
    if (!table.hidden) replace(table, h("p", {}, "How far they agree. Below the diagonal: rank correlation (−1 to 1). Above it: overlap of the highest 5 % (0 to 1)."), agreementTable(cells));
  });
  return () => {
    for (const url of urls) URL.revokeObjectURL(url);
    scope.dispose();
  };
}

/** Below the diagonal the rank correlation, above it the overlap of what is highest. */
function agreementTable({ names = [], ranks = [], overlaps = [] }: AgreementCells): HTMLElement {
  const cell = (row: number, column: number) => {
    if (row === column) return h("td", { class: "mwb-same" }, "");
    const below = row > column;
    const value = (below ? ranks : overlaps)[row][column];
    const what = below ? "rank correlation" : "overlap of the highest 5 %";
    return h("td", { style: tint(value), title: `${names[row]} and ${names[column]}: ${what} ${value ?? "not known"}` }, value === null ? "–" : value.toFixed(2));
  };
  return h(
    "table",
    {},
    h("thead", {}, h("tr", {}, h("td", {}), ...names.map((name, n) => h("th", { scope: "col", title: name }, String(n + 1))))),
    h("tbody", {}, ...names.map((name, row) => h("tr", {}, h("th", { scope: "row", title: name }, `${row + 1} ${name}`), ...names.map((_, column) => cell(row, column))))),
  );
}

/** Blue where they agree and vermilion where they contradict, of Okabe and Ito's colours; the number says the same. */
function tint(value: number | null): string {
  if (value === null) return "";
  const strength = Math.round(Math.min(Math.abs(value), 1) * 60);
  return `background: color-mix(in srgb, ${value < 0 ? "#d55e00" : "#0072b2"} ${strength}%, transparent)`;
}

export default { render };
