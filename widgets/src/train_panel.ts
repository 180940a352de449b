// Mirrors workbench/widgets/train_panel.py: start a run, watch it, stop it, resume it, find an earlier one again.
import type { TrainPanel } from "./generated/train_panel";
import { button, segmented, select, typed, type Control } from "./ui/controls";
import { h, replace, setText } from "./ui/dom";
import type { Model } from "./ui/model";
import { actions, frame, hint, reason } from "./ui/panel";
import { alive, resumable, runStatus } from "./ui/run_status";
import { field } from "./ui/schema";

/** The fields of the form are traits of their names. */
type Field = "epochs" | "batch_size" | "learning_rate" | "seed" | "freeze" | "called_run";
const SHORT: Field[] = ["epochs", "batch_size", "learning_rate", "seed"];

function render({ model, el }: { model: Model<TrainPanel>; el: HTMLElement }): () => void {
  const { body, scope, feedback, whenBusy } = frame(model, el, "Train");
  const mode = segmented(
    { label: "Start from", tooltip: "What the training starts from" },
    [
      { value: "new", label: "New", reason: "Train from fresh weights" },
      { value: "tune", label: "Fine-tune", reason: "Go on from the weights chosen in the model panel" },
    ],
    (value) => scope.set({ mode: value }),
  );
  const schema = scope.get("form");
  const controls = new Map<Field, Control<unknown>>(
    schema.map((option) => [option.name as Field, field(option, (text) => scope.act("fill", { name: option.name, text }), true)]),
  );
  const fieldNames = [...controls.keys()];
  const rows = (names: Field[]) => names.map((name) => controls.get(name)?.row);
  const rest = fieldNames.filter((name) => !SHORT.includes(name));
  // The four stand side by side: what is wrong with one of them has the whole width below.
  const wrong = SHORT.map((name) => controls.get(name)?.told);
  // A table would hide the reasons behind the edge of a narrow panel.
  const reasons = h("div", { class: "mwb-why", role: "list", tabindex: "0", "aria-label": "What Start would follow" });
  const refused = hint("");
  // Images are looked at for it, so that it is asked for when somebody looks.
  const whole = h("details", { class: "mwb-options" }, h("summary", { title: "What Start would follow, with the reason of each value that is proposed" }, "Why these values"), reasons, refused);
  const explain = async () => {
    if (!whole.open || whole.hidden) return;
    const answer = await scope.ask("plan");
    setText(refused, "error" in answer ? answer.error : "");
    const rows = "error" in answer ? [] : (answer.rows ?? []);
    replace(
      reasons,
      ...rows.map(([key, value, because]) => h("div", { role: "listitem" }, h("b", {}, key), h("span", {}, value), because ? h("p", {}, because) : null)),
    );
  };
  whole.addEventListener("toggle", explain);
  const fields = h("div", { class: "mwb-fields" }, h("div", { class: "mwb-quad" }, ...rows(SHORT)), ...wrong, ...rows(rest), whole);

  const start = button("Start", "Start the run in a process of its own: closing the tab does not stop it", () => scope.act("start"), "primary");
  const stop = button("Stop", "Stop after this step; the run can be resumed", () => scope.act("stop"), "danger");
  const resume = button("Resume", "Go on where the run stopped, as if it never had", () => scope.act("resume"));
  const name = typed({ label: "Called", tooltip: "A name for this run in the lists; it can be changed at any time" }, { placeholder: "no name" }, (text) =>
    scope.act("rename", { name: text }),
  );
  const earlier = select({ label: "Runs", tooltip: "Earlier runs, wherever they were started: choose one to watch or resume it" }, (value) =>
    scope.set({ run_id: value }),
  );
  const restore = button("Show it", "Put the run on the desk: its data, its model, and what was typed into the forms", () =>
    scope.act("show", { run: scope.get("run_id") }),
  );
  const status = runStatus();
  const empty = hint("No run yet. A run lives in its own process and folder: it survives closing this tab.");
  const blocked = reason();
  // A run outlives its kernel: who opens a new App must not have to know that the list below holds it.
  const noticed = hint("");
  const show = button("Show it", "Watch this run, with its data and its settings", () => scope.act("show", { run: noteworthy()?.value ?? "" }));
  const found = h("div", { class: "mwb-found" }, noticed, show.element);
  const noteworthy = () => {
    const runs = scope.get("runs");
    return runs.find((one) => one.alive) ?? runs.find((one) => one.interrupted);
  };
  const below = h("div", { class: "mwb-fields" }, name.row, actions(restore.element));
  body.append(mode.row, fields, actions(start.element, stop.element, resume.element), blocked.element, feedback, found, earlier.row, below, empty, status.element);

  scope.watch(["mode", "faults", ...fieldNames], () => {
    mode.set(scope.get("mode"));
    const faults = scope.get("faults");
    for (const [name, control] of controls) {
      if (!faults[name]) control.set(scope.get(name));
      control.fault(faults[name] ?? "");
    }
    const freeze = controls.get("freeze");
    if (freeze) freeze.row.hidden = scope.get("mode") !== "tune";
  });
  const tooltips = new Map(fieldNames.map((name) => [name, controls.get(name)?.input.title ?? ""]));
  scope.watch(["why"], () => {
    for (const [name, control] of controls) {
      const why = scope.get("why")[name];
      control.input.title = [tooltips.get(name), why && `Proposed: ${why}`].filter(Boolean).join("\n");
    }
  });
  scope.watch(["why", "blocked", ...fieldNames], () => {
    whole.hidden = Boolean(scope.get("blocked"));
    void explain();
  });
  scope.watch(["runs", "run_id"], () => {
    const runs = scope.get("runs");
    const one = noteworthy();
    found.hidden = Boolean(scope.get("run_id")) || !one;
    setText(noticed, one ? `${one.alive ? "Under way" : "Interrupted"}: ${one.label.split(",").slice(0, 2).join(",")}` : "");
    earlier.row.hidden = runs.length === 0;
    earlier.choices(runs, "choose a run");
    earlier.set(scope.get("run_id"));
    below.hidden = !scope.get("run_id");
  });
  const buttons = () => {
    const run = scope.get("run_state");
    const idle = !scope.get("busy");
    const going = alive(run);
    const why = scope.get("blocked");
    start.enable(idle && !why && !going, going ? "A run is under way" : why);
    // What is wrong with a field is told beside it.
    blocked.show(going || Object.keys(scope.get("faults")).length ? "" : why);
    stop.show(going);
    stop.enable(run.state !== "stopping");
    resume.show(resumable(run));
    resume.enable(idle);
    restore.enable(idle);
    show.enable(idle);
  };
  scope.watch(["run_state"], () => {
    const run = scope.get("run_state");
    empty.hidden = Boolean(run.id) || scope.get("runs").length > 0;
    status.show(run);
    name.set(run.name ?? "");
    buttons();
  });
  scope.watch(["busy", "blocked", "faults"], buttons);
  whenBusy((idle) => {
    for (const control of [mode, earlier, ...controls.values()]) control.enable(idle);
  });
  return () => scope.dispose();
}

export default { render };
