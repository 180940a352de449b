// Mirrors workbench/widgets/explain_panel.py: what the model answers, and the map of what it rests on.
import type { ExplainPanel } from "./generated/explain_panel";
import type { MapRow } from "./generated/messages";
import { button, segmented, select, slider } from "./ui/controls";
import { answerList } from "./ui/answer";
import { h, replace, setText } from "./ui/dom";
import { gallery } from "./ui/gallery";
import { layerSelect } from "./ui/layer_select";
import type { Model } from "./ui/model";
import { actions, frame, hint, reason, reveal } from "./ui/panel";
import { saver } from "./ui/saver";
import { field, optionsForm } from "./ui/schema";

function render({ model, el }: { model: Model<ExplainPanel>; el: HTMLElement }): () => void {
  const { body, scope, feedback, whenBusy } = frame(model, el, "Explain");
  const method = select({ label: "Method", tooltip: "How the map is made" }, (value) => scope.set({ method: value }));
  const methods = gallery(scope);
  method.row.querySelector(".mwb-control")?.append(methods.element);
  const about = hint("");
  const layer = layerSelect(scope, "Whose feature map is weighed; deep layers are coarse and meaningful, early ones sharp");
  const target = segmented(
    { label: "Target", tooltip: "Which prediction is explained" },
    [
      { value: "class", label: "Class", reason: "A class, or for a segmentation the whole structure as predicted" },
      { value: "drawn", label: "What was clicked", reason: "With the tool Pick, click a box, an ellipse, a point, an object or a label that is drawn" },
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
  const begin = button(
    "In the background",
    "Make the map in a process of its own, which goes on when this tab is closed; it is opened from the list of jobs",
    () => scope.act("begin"),
  );
  const over = button(
    "Over training",
    "Make the map at every checkpoint of the run: how the attention moved",
    () => scope.act("over_training"),
  );
  const byLayer = button("By layer", "Make the map at one layer after the other, and play them: what is seen early, and what late", () => scope.act("over_layers"));
  const stepwise = button("Step by step", "Make the map, and play how it came about", () => scope.act("over_steps"));
  const blocked = reason();
  const colour = select<ExplainPanel["state"]["color_by"]>(
    { label: "Colour by", tooltip: "What the colours of the prediction mean: its class, its score, or whether it is right" },
    (value) => scope.set({ color_by: value }),
  );
  const [leastOption] = scope.get("form");
  const least = field(leastOption, (text) => scope.act("fill", { name: leastOption.name, text }), true);
  const answer = answerList(
    (place) => scope.act("go", { place }),
    (row) => scope.act("explain_row", { row }),
  );
  const answered = h("div", { class: "mwb-answer" }, answer.element, colour.row, least.row);
  const epoch = slider({ label: "Step", tooltip: "The map at this checkpoint, layer or step; the viewer plays them" }, (value) => scope.act("epoch", { index: value }));
  const at = h("p", { class: "mwb-hint" });
  const timeline = h("div", { class: "mwb-fields mwb-timeline" }, epoch.row, at);
  epoch.input.addEventListener("input", () => scope.act("epoch", { index: epoch.value() }));
  const saving = saver(scope);
  const maps = h("ul", { class: "mwb-list", "aria-label": "Maps in the viewer" });
  body.append(
    method.row,
    about,
    layer.row,
    target.row,
    label.row,
    voxel,
    options.element,
    actions(run.element, predict.element, begin.element, over.element, byLayer.element, stepwise.element),
    blocked.element,
    feedback,
    answered,
    timeline,
    maps,
    saving.told,
  );

  const chosen = () => scope.get("methods").find((one) => one.value === scope.get("method"));
  scope.watch(["methods", "method", "options", "faults"], () => {
    method.choices(scope.get("methods"), "choose a method");
    method.set(scope.get("method"));
    setText(about, chosen()?.title ?? "");
    options.show(chosen()?.options ?? [], scope.get("options"), scope.get("faults"));
  });
  scope.watch(["methods", "method"], () => (layer.row.hidden = !chosen()?.needs_layer));
  scope.watch(["target", "labels", "label", "voxel", "drawn"], () => {
    const click = scope.get("target") !== "class";
    target.set(scope.get("target"));
    label.row.hidden = click;
    label.choices(scope.get("labels"));
    label.set(scope.get("label"));
    voxel.hidden = !click;
    const wanted =
      scope.get("target") === "drawn"
        ? scope.get("drawn") || "Click something that is drawn in the viewer: a box, an ellipse, a point, an object, a label."
        : "Click a voxel in the viewer: the score of what is predicted there is explained.";
    setText(voxel, scope.get("voxel") || wanted);
  });
  scope.watch(["no_targets"], () => target.refuse(scope.get("no_targets")));
  scope.watch(["answer_told", "color_by", "can_match", "least", "faults"], () => {
    const told = scope.get("answer_told");
    answered.hidden = !told.title;
    const news = answer.show(told);
    const shapes = (told.rows ?? []).some((row) => row.place) || /score of/.test(told.note ?? "");
    const match = { value: "match", label: "right, wrong, missed", enabled: scope.get("can_match"), reason: "there is no truth to compare with" };
    colour.choices([{ value: "class", label: "class" }, ...(shapes ? [{ value: "score", label: "score" }] : []), match]);
    colour.set(scope.get("color_by"));
    colour.row.hidden = !shapes && !scope.get("can_match");
    least.row.hidden = !shapes;
    const fault = scope.get("faults").least ?? "";
    if (!fault) least.set(scope.get("least"));
    least.fault(fault);
    if (news) reveal(answered);
  });
  scope.watch(["maps"], () => {
    replace(maps, ...scope.get("maps").map(mapRow));
    maps.hidden = scope.get("maps").length === 0;
  });
  scope.watch(["timeline", "timeline_index"], () => {
    const labels = scope.get("timeline");
    const index = scope.get("timeline_index");
    timeline.hidden = labels.length === 0;
    epoch.range(labels.length);
    epoch.set(index);
    setText(at, labels[index] ?? "");
    reveal(timeline);
  });
  const buttons = () => {
    const why = scope.get("blocked");
    const wrong = Object.entries(scope.get("faults")).find(([name]) => name !== leastOption.name)?.[1] ?? "";
    const idle = !scope.get("busy");
    run.enable(idle && !why && !wrong, why || wrong);
    predict.enable(idle && !why, why);
    begin.enable(idle && !why && !wrong, why || wrong);
    over.show(scope.get("has_run"));
    over.enable(idle && !why && !wrong, why || wrong);
    byLayer.show(!scope.get("can_layer"));
    byLayer.enable(idle && !why && !wrong, why || wrong);
    stepwise.show(!scope.get("can_step"));
    stepwise.enable(idle && !why && !wrong, why || wrong);
    blocked.show(why);
  };
  scope.watch(["busy", "blocked", "has_run", "faults", "can_layer", "can_step"], buttons);
  whenBusy((idle) => {
    for (const control of [method, layer, target, label, colour, least]) control.enable(idle);
    options.enable(idle);
  });

  function mapRow(entry: MapRow): HTMLElement {
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
    const save = button("Save…", `Save ${entry.label} as NIfTI, DICOM or PNG`, () => saving.open(entry, save.element), "quiet");
    return h("li", {}, shown, h("label", { for: id, title: entry.label }, entry.label), opacity, save.element, remove.element);
  }
  return () => scope.dispose();
}

export default { render };
