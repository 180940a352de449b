// Mirrors workbench/widgets/trust_panel.py: questions to the maps over the image, and what was found.
import type { Said, TrustPanel } from "./generated/trust_panel";
import { button, checkbox, select, type Control } from "./ui/controls";
import { h, replace } from "./ui/dom";
import type { Model } from "./ui/model";
import { actions, frame, hint, reason, reveal } from "./ui/panel";
import "./trust_panel.css";

const MARKS: Record<string, string> = { good: "✓", doubtful: "?", bad: "✗", open: "–" };

function render({ model, el }: { model: Model<TrustPanel>; el: HTMLElement }): () => void {
  const { body, scope, feedback, whenBusy } = frame(model, el, "Trust");
  const about = hint("Can the maps over the image be believed? Each check asks one question of all of them.");
  const mask = select({ label: "Labels", tooltip: "Labels that say where the thing lies that is to be found" }, (value) => scope.set({ mask: value }));
  const list = h("fieldset", { class: "mwb-trust-checks" });
  const run = button("Check", "Ask the questions that are ticked of every map in the viewer", () => scope.act("run"), "primary");
  const over = button("Over the data set", "Ask them of every case of this split in the background, and rank the methods; see Jobs", () => scope.act("over"));
  const blocked = reason();
  const found = h("div", { class: "mwb-trust", "aria-live": "polite" });
  body.append(about, mask.row, list, actions(run.element, over.element), blocked.element, feedback, found);

  let boxes: { name: string; box: Control<boolean> }[] = [];
  let drawn = "";

  scope.watch(["masks", "mask"], () => {
    mask.choices([{ value: "", label: "nothing" }, ...scope.get("masks")]);
    mask.set(scope.get("mask"));
  });
  scope.watch(["checks"], () => {
    const rows = scope.get("checks");
    const names = JSON.stringify(rows.map((row) => row.value));
    if (names !== drawn) {
      drawn = names;
      boxes = rows.map((row) => ({
        name: row.value,
        box: checkbox({ label: row.label, tooltip: row.summary }, (on) => scope.set({ wanted: { ...scope.get("wanted"), [row.value]: on } })),
      }));
      replace(list, h("legend", {}, "Questions"), ...boxes.map((one) => one.box.row));
    }
    rows.forEach((row, n) => {
      boxes[n].box.set(row.chosen);
      boxes[n].box.enable(row.enabled ?? true);
      boxes[n].box.row.title = row.reason ? `Not now: ${row.reason}` : row.summary;
    });
  });
  scope.watch(["said"], () => {
    const said = scope.get("said");
    found.hidden = !said.length;
    const maps = [...new Set(said.map((one) => one.map))];
    replace(found, ...maps.map((name) => h("section", {}, h("h4", {}, name), h("ul", {}, ...said.filter((one) => one.map === name).map(answer)))));
    if (said.length) reveal(found);
  });
  const buttons = () => {
    const why = scope.get("blocked");
    const some = scope.get("checks").some((one) => one.chosen);
    run.enable(!scope.get("busy") && !why && some, why || "Tick a question first");
    const alone = scope.get("over_blocked");
    over.enable(!scope.get("busy") && !alone && some, alone || "Tick a question first");
    blocked.show(why);
  };
  scope.watch(["busy", "blocked", "over_blocked", "checks"], buttons);
  whenBusy((idle) => {
    mask.enable(idle);
    scope.get("checks").forEach((row, n) => boxes[n]?.box.enable(idle && (row.enabled ?? true)));
  });
  return () => scope.dispose();
}

function answer(one: Said): HTMLElement {
  return h(
    "li",
    { class: `mwb-verdict-${one.verdict}` },
    h("p", { class: "mwb-trust-head" }, h("strong", {}, one.question), h("span", {}, `${MARKS[one.verdict] ?? ""} ${one.verdict}${one.value && ` (${one.value})`}`)),
    h("p", {}, one.sentence),
  );
}

export default { render };
