// Mirrors workbench/widgets/inside_panel.py: what layers put out, what comes back to them, what the score hangs on.
import type { InsidePanel } from "./generated/inside_panel";
import { button, select, type ButtonControl } from "./ui/controls";
import { h, replace, setText, type Child } from "./ui/dom";
import { layerSelect } from "./ui/layer_select";
import type { Model } from "./ui/model";
import { actions, frame, hint, reason, reveal } from "./ui/panel";
import "./inside_panel.css";

function render({ model, el }: { model: Model<InsidePanel>; el: HTMLElement }): () => void {
  const { body, scope, feedback, whenBusy, fold } = frame(model, el, "Look inside");
  const blocked = reason();
  const label = select({ label: "Class", tooltip: "The class whose score the gradient and the preprocessing are measured by" }, (value) => scope.set({ label: value }));
  const layer = layerSelect(scope, "The layer whose channels are shown");
  const show = button("Show", "Show what the channels of the layer put out, on the slice through the crosshair", () => scope.act("features"), "primary");
  const next = button("Next", "Show the next channels of the layer", () => scope.act("next"));
  const shown = h("p", { class: "mwb-hint", "aria-live": "polite" });
  const grid = h("div", { class: "mwb-features" });
  const flow = button("Measure", "Measure how much of the score's gradient comes to each layer: a pass for each", () => scope.act("flow"));
  const flowTold = h("p", { class: "mwb-flow-told", "aria-live": "polite" });
  const bars = h("ul", { class: "mwb-inside-bars", tabindex: "0", "aria-label": "Gradient by layer" });
  const sensitivity = button("Measure", "Make each parameter of the preprocessing smaller and larger, and score again", () => scope.act("sensitivity"));
  const effects = h("ul", { class: "mwb-inside-bars", "aria-label": "Effect of the preprocessing" });
  const occluders = button("Measure", "Hide each occluder of the newest occlusion map once more, and look at the scores", () => scope.act("occluders"));
  const lacking = reason();
  const occludersOf = h("p", { class: "mwb-hint" });
  const table = h("div", { class: "mwb-table mwb-occluders" });
  body.append(
    blocked.element,
    feedback,
    section("Feature maps", true, layer.row, actions(show.element, next.element), shown, grid),
    label.row,
    section("Gradient by layer", false, hint("How strong the gradient is, on a scale of powers of ten. A layer without a bar learns nothing."), actions(flow.element), flowTold, bars),
    section("Preprocessing", false, hint("How far the score moves when a parameter is made a tenth smaller or larger."), actions(sensitivity.element), effects),
    section("Occluders", false, lacking.element, actions(occluders.element), occludersOf, table),
  );

  scope.watch(["labels", "label"], () => {
    label.choices(scope.get("labels"));
    label.set(scope.get("label"));
  });
  let urls: string[] = [];
  scope.watch(["tiles", "pictures_of_tiles", "shown_of", "more"], () => {
    const old = urls;
    urls = scope.get("pictures_of_tiles").map((bytes) => URL.createObjectURL(new Blob([bytes as unknown as BlobPart], { type: "image/png" })));
    replace(
      grid,
      ...scope.get("tiles").map((tile, n) =>
        h(
          "button",
          { type: "button", class: "mwb-feature", title: `Put channel ${tile.channel} over the image${tile.silent ? " (it is zero everywhere)" : ""}`, onclick: () => scope.act("channel", { channel: tile.channel }) },
          h("img", { src: urls[n], alt: `Channel ${tile.channel}` }),
          h("span", {}, tile.silent ? `${tile.label} silent` : tile.label),
        ),
      ),
    );
    for (const url of old) URL.revokeObjectURL(url);
    setText(shown, scope.get("shown_of"));
    next.show(scope.get("more"));
    if (urls.length) reveal(grid);
  });
  scope.watch(["flow", "flow_told"], () => {
    const rows = scope.get("flow");
    bars.hidden = rows.length === 0;
    setText(flowTold, scope.get("flow_told"));
    flowTold.hidden = !rows.length;
    replace(bars, ...rows.map((row) => bar(row.layer, row.bar, row.verdict === "good" ? "" : row.verdict, row.told, row.verdict.replace(" ", "-"))));
    reveal(bars);
  });
  scope.watch(["effects"], () => {
    const rows = scope.get("effects");
    effects.hidden = rows.length === 0;
    replace(effects, ...rows.map((row) => bar(row.parameter, row.bar, row.effect, row.told, "good")));
    reveal(effects);
  });
  scope.watch(["occluders", "occluder_head", "occluders_of"], () => {
    const rows = scope.get("occluders");
    table.hidden = rows.length === 0;
    setText(occludersOf, scope.get("occluders_of"));
    const head = scope.get("occluder_head").map((name) => h("th", { scope: "col" }, name));
    const lines = rows.map((row) =>
      h(
        "tr",
        {},
        h("td", {}, button(String(row.number), `Mark occluder ${row.number} in the viewer`, () => scope.act("occluder", { number: row.number }), "quiet").element),
        ...row.cells.map((cell, n) => h("td", { style: n === 1 ? tint(row.drop) : "" }, cell)),
      ),
    );
    replace(table, h("div", { class: "mwb-table-scroll", tabindex: "0", role: "region", "aria-label": "Scores by occluder" }, h("table", {}, h("thead", {}, h("tr", {}, ...head)), h("tbody", {}, ...lines))));
    reveal(table);
  });
  const buttons = () => {
    const why = scope.get("blocked");
    const idle = !scope.get("busy");
    const some: ButtonControl[] = [show, next, flow, sensitivity];
    for (const one of some) one.enable(idle && !why, why);
    const none = why || scope.get("no_occluders");
    occluders.enable(idle && !none, none);
    lacking.show(why ? "" : scope.get("no_occluders"));
    blocked.show(why);
  };
  scope.watch(["busy", "blocked", "no_occluders"], buttons);
  // nothing is loaded: nothing is to be looked at, and the panels below move up
  let wasBlocked: boolean | null = null;
  scope.watch(["blocked"], () => {
    const is = Boolean(scope.get("blocked"));
    if (is !== wasBlocked) fold(is);
    wasBlocked = is;
  });
  whenBusy((idle) => {
    for (const control of [layer, label]) control.enable(idle);
  });
  return () => {
    for (const url of urls) URL.revokeObjectURL(url);
    scope.dispose();
  };
}

function section(title: string, open: boolean, ...children: HTMLElement[]): HTMLElement {
  return h("details", { class: "mwb-inside", open }, h("summary", {}, title), h("div", { class: "mwb-fields" }, ...children));
}

function bar(name: string, share: number, said: string, told: string, kind: string): HTMLElement {
  return h(
    "li",
    { title: `${name}: ${told}`, class: `mwb-flow-${kind}` },
    h("span", { class: "mwb-inside-name" }, ...breakable(name)),
    h("span", { class: "mwb-inside-track" }, h("i", { style: `width: ${Math.round(share * 100)}%` })),
    h("span", { class: "mwb-inside-said" }, said),
  );
}

/** A name that may go on in the next line after each of its parts. */
function breakable(name: string): Child[] {
  return name.split(/(?<=[._])/).flatMap((part, n) => (n ? [h("wbr"), part] : [part]));
}

/** Blue where the score goes with what is hidden, vermilion where it rises; the number says the same. */
function tint(drop: number): string {
  return `background: color-mix(in srgb, ${drop < 0 ? "#d55e00" : "#0072b2"} ${Math.round(Math.abs(drop) * 55)}%, transparent)`;
}

export default { render };
