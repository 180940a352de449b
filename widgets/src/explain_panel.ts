// Mirrors workbench/widgets/explain_panel.py: which method, which layer, and which prediction is to be explained.
import { button, segmented, select, slider, type Choice } from "./ui/controls";
import { h, replace, setText } from "./ui/dom";
import type { Model } from "./ui/model";
import { actions, frame, hint } from "./ui/panel";
import { optionsForm, type Option } from "./ui/schema";

interface Method extends Choice {
  title: string;
  needs_layer: boolean;
  options: Option[];
}

interface MapEntry {
  number: number;
  label: string;
  visible: boolean;
  opacity: number;
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const { body, scope, whenBusy } = frame(model, el, "4", "Explain");
  const method = select({ label: "Method", tooltip: "How the map is made" }, (value) => scope.set({ method: value }));
  const about = hint("");
  const layer = select(
    { label: "Layer", tooltip: "Whose feature map is weighed; deep layers are coarse and meaningful, early ones sharp" },
    (value) => scope.set({ layer: value }),
  );
  const target = segmented(
    { label: "Target", tooltip: "Which prediction is explained" },
    [
      { value: "class", label: "Class", reason: "A class, or for a segmentation the whole structure as predicted" },
      { value: "voxel", label: "Click in the viewer", reason: "Click a voxel: its own prediction is explained" },
    ],
    (value) => scope.set({ target: value }),
  );
  const label = select({ label: "Class", tooltip: "The class or structure whose score is explained" }, (value) =>
    scope.set({ label: value }),
  );
  const voxel = h("p", { class: "mwb-hint", "aria-live": "polite" });
  const options = optionsForm("Options", (values) => scope.set({ options: values }));
  const run = button("Explain", "Make the map and lay it over the image", () => scope.act("run"), "primary");
  const predict = button("Predict", "Let the model answer for this case: a layer with its labels, or its class", () => scope.act("predict"));
  const over = button(
    "Over training",
    "Make the map at every checkpoint of the run: how the attention moved",
    () => scope.act("over_training"),
  );
  const epoch = slider({ label: "Epoch", tooltip: "The map at this checkpoint" }, (value) => scope.act("epoch", { index: value }));
  const at = h("p", { class: "mwb-hint" });
  const timeline = h("div", { class: "mwb-fields mwb-timeline" }, epoch.row, at);
  epoch.input.addEventListener("input", () => scope.act("epoch", { index: epoch.value() }));
  const maps = h("ul", { class: "mwb-list", "aria-label": "Maps in the viewer" });
  body.append(
    method.row,
    about,
    layer.row,
    target.row,
    label.row,
    voxel,
    options.element,
    actions(run.element, predict.element, over.element),
    timeline,
    maps,
  );

  const chosen = () => scope.get<Method[]>("methods").find((one) => one.value === scope.get("method"));
  scope.watch(["methods", "method", "options"], () => {
    method.choices(scope.get("methods"), "choose a method");
    method.set(scope.get("method"));
    setText(about, chosen()?.title ?? "");
    options.show(chosen()?.options ?? [], scope.get("options"));
  });
  scope.watch(["layers", "layer", "methods", "method"], () => {
    layer.row.hidden = !chosen()?.needs_layer;
    layer.choices(scope.get("layers"));
    layer.set(scope.get("layer"));
  });
  scope.watch(["target", "labels", "label", "voxel"], () => {
    const click = scope.get("target") === "voxel";
    target.set(scope.get("target"));
    label.row.hidden = click;
    label.choices(scope.get("labels"));
    label.set(scope.get("label"));
    voxel.hidden = !click;
    setText(voxel, scope.get<string>("voxel") || "Click a voxel in the viewer: the score of what is predicted there is explained.");
  });
  scope.watch(["maps"], () => {
    replace(maps, ...scope.get<MapEntry[]>("maps").map(mapRow));
    maps.hidden = scope.get<MapEntry[]>("maps").length === 0;
  });
  scope.watch(["timeline", "timeline_index"], () => {
    const labels = scope.get<string[]>("timeline");
    const index = scope.get<number>("timeline_index");
    timeline.hidden = labels.length === 0;
    epoch.range(labels.length);
    epoch.set(index);
    setText(at, labels[index] ?? "");
  });
  const buttons = () => {
    const blocked = scope.get<string>("blocked");
    const idle = !scope.get("busy");
    run.enable(idle && !blocked, blocked);
    predict.enable(idle && !blocked, blocked);
    over.show(scope.get("has_run"));
    over.enable(idle && !blocked, blocked);
  };
  scope.watch(["busy", "blocked", "has_run"], buttons);
  whenBusy((idle) => {
    for (const control of [method, layer, target, label]) control.enable(idle);
    options.enable(idle);
  });

  function mapRow(entry: MapEntry): HTMLElement {
    const id = `mwb-map-${entry.number}-${Math.random().toString(36).slice(2, 7)}`;
    const shown = h("input", {
      id,
      type: "checkbox",
      class: "mwb-check",
      checked: entry.visible,
      title: "Show or hide this map",
      onchange: () => scope.act("map", { number: entry.number, visible: shown.checked }),
    });
    const opacity = h("input", {
      type: "range",
      class: "mwb-slider",
      min: 0,
      max: 100,
      value: Math.round(entry.opacity * 100),
      title: "Opacity, %",
      "aria-label": `Opacity of ${entry.label}, percent`,
      onchange: () => scope.act("map", { number: entry.number, opacity: opacity.valueAsNumber / 100 }),
    });
    const remove = button("✕", `Take ${entry.label} out of the viewer`, () => scope.act("map", { number: entry.number, remove: true }), "quiet");
    return h("li", {}, shown, h("label", { for: id, title: entry.label }, entry.label), opacity, remove.element);
  }
  return () => scope.dispose();
}

export default { render };
