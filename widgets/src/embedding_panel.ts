// Mirrors workbench/widgets/embedding_panel.py: the cases in a plane, a lasso to choose some, a click to show one.
import type { EmbeddingPanel } from "./generated/embedding_panel";
import { button } from "./ui/controls";
import { h, replace, setText, svg } from "./ui/dom";
import { layerSelect } from "./ui/layer_select";
import type { Model } from "./ui/model";
import { actions, frame, hint, reason, reveal } from "./ui/panel";
import { field } from "./ui/schema";
import "./embedding_panel.css";

const SIZE = 300;
const MARGIN = 10;
/** A press that moved less than this, in pixels, is a click and no lasso. */
const CLICK = 4;
/** Cases that are listed by name; all are in what the code returns. */
const MOST = 24;

function render({ model, el }: { model: Model<EmbeddingPanel>; el: HTMLElement }): () => void {
  const { body, scope, feedback, whenBusy, fold } = frame(model, el, "Cases in a plane");
  const layer = layerSelect(scope, "By what it puts out the cases are laid out");
  const [mostOption] = scope.get("form");
  const most = field(mostOption, (text) => scope.act("fill", { name: mostOption.name, text }), true);
  const run = button("Lay out", "Run the network over the cases and lay them out (t-SNE): what is near to the network lies near", () => scope.act("embed"), "primary");
  const blocked = reason();
  const legend = h("p", { class: "mwb-plane-legend" });
  const dots = svg("g");
  const lasso = svg("path", { class: "mwb-lasso" });
  const plane = svg("svg", { class: "mwb-plane", viewBox: `0 0 ${SIZE} ${SIZE}`, role: "img", "aria-label": "Cases in a plane: draw around some to choose them, click one to show it" }, dots, lasso);
  const told = h("p", { class: "mwb-hint", "aria-live": "polite" });
  const list = h("div", { class: "mwb-plane-list" });
  const about = hint("Click a case to see it with its map; draw around some to choose them. Distances far off say little.");
  body.append(layer.row, most.row, actions(run.element), blocked.element, feedback, legend, plane, about, told, list);

  const at = (spot: { x: number; y: number }): [number, number] => [MARGIN + spot.x * (SIZE - 2 * MARGIN), SIZE - MARGIN - spot.y * (SIZE - 2 * MARGIN)];
  scope.watch(["most", "faults"], () => {
    const fault = scope.get("faults")[mostOption.name] ?? "";
    if (!fault) most.set(scope.get("most"));
    most.fault(fault);
  });
  let laidOut = scope.get("spots").length;
  scope.watch(["spots", "groups", "chosen", "current"], () => {
    const spots = scope.get("spots");
    const groups = scope.get("groups");
    const chosen = new Set(scope.get("chosen"));
    for (const part of [plane, about, legend]) part.toggleAttribute("hidden", spots.length === 0);
    replace(
      dots,
      ...spots.map((spot) => {
        const [x, y] = at(spot);
        const group = groups[spot.group];
        const now = spot.index === scope.get("current");
        const look = [chosen.has(spot.index) && "mwb-dot-chosen", now && "mwb-dot-now"].filter(Boolean).join(" ");
        const dot = svg("circle", { cx: x, cy: y, r: now ? 7 : 4.5, fill: group.color, class: look, "data-index": spot.index });
        dot.append(svg("title", {}, `case ${spot.index}: ${group.name}${now ? " (shown)" : ""}`));
        return dot;
      }),
    );
    if (spots.length && spots.length !== laidOut) reveal(plane);
    laidOut = spots.length;
    replace(legend, ...groups.map((group) => h("span", {}, h("i", { style: `background: ${group.color}` }), group.name)));
  });
  scope.watch(["chosen", "chosen_told"], () => {
    const chosen = scope.get("chosen");
    setText(told, scope.get("chosen_told"));
    const shown = chosen.slice(0, MOST).map((index) => button(String(index), `Show case ${index} and its map`, () => scope.act("show", { index }), "quiet").element);
    replace(list, ...shown, chosen.length > MOST ? `and ${chosen.length - MOST} more` : null);
    if (chosen.length) reveal(list);
  });

  let path: [number, number][] = [];
  const place = (event: PointerEvent): [number, number] => {
    const box = plane.getBoundingClientRect();
    return [((event.clientX - box.left) / box.width) * SIZE, ((event.clientY - box.top) / box.height) * SIZE];
  };
  const draw = () => lasso.setAttribute("d", path.length > 1 ? `M${path.map((one) => one.join(",")).join("L")}Z` : "");
  plane.addEventListener("pointerdown", (event) => {
    plane.setPointerCapture(event.pointerId);
    path = [place(event)];
  });
  plane.addEventListener("pointermove", (event) => {
    if (!path.length) return;
    path.push(place(event));
    draw();
  });
  plane.addEventListener("pointerup", () => {
    const ring = path;
    path = [];
    draw();
    if (!ring.length) return;
    const [x, y] = ring[0];
    const far = Math.max(...ring.map((one) => Math.hypot(one[0] - x, one[1] - y)));
    const spots = scope.get("spots");
    if (far < CLICK) {
      const near = spots.map((spot) => ({ index: spot.index, off: Math.hypot(at(spot)[0] - x, at(spot)[1] - y) })).sort((a, b) => a.off - b.off)[0];
      if (near && near.off < 10) scope.act("show", { index: near.index });
      else scope.act("choose", { indices: [] });
    } else {
      scope.act("choose", { indices: spots.filter((spot) => inside(at(spot), ring)).map((spot) => spot.index) });
    }
  });
  plane.addEventListener("pointercancel", () => {
    path = [];
    draw();
  });

  scope.watch(["busy", "blocked", "faults"], () => {
    const why = scope.get("blocked");
    const wrong = scope.get("faults")[mostOption.name];
    run.enable(!scope.get("busy") && !why && !wrong, why || wrong);
    blocked.show(why);
  });
  let wasBlocked: boolean | null = null;
  scope.watch(["blocked"], () => {
    const is = Boolean(scope.get("blocked"));
    if (is !== wasBlocked) fold(is);
    wasBlocked = is;
  });
  whenBusy((idle) => {
    for (const control of [layer, most]) control.enable(idle);
  });
  return () => scope.dispose();
}

/** Whether a point lies inside of a closed line: by how often a ray to the right meets it. */
function inside([x, y]: [number, number], ring: [number, number][]): boolean {
  let odd = false;
  ring.forEach(([x1, y1], n) => {
    const [x2, y2] = ring[(n + 1) % ring.length];
    if (y1 > y !== y2 > y && x < ((x2 - x1) * (y - y1)) / (y2 - y1) + x1) odd = !odd;
  });
  return odd;
}

export default { render };
