// Mirrors workbench/widgets/train_panel.py: start a run, watch it, stop it, resume it, find an earlier one again.
import { button, number, segmented, select, textbox, type Choice } from "./ui/controls";
import { h, setText } from "./ui/dom";
import type { Model } from "./ui/model";
import { actions, frame, hint } from "./ui/panel";
import { alive, runStatus, type RunSnapshot } from "./ui/run_status";

interface Earlier extends Choice {
  alive: boolean;
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const { body, scope, whenBusy } = frame(model, el, "3", "Train");
  const mode = segmented(
    { label: "Start from", tooltip: "What the training starts from" },
    [
      { value: "new", label: "New", reason: "Train from fresh weights" },
      { value: "tune", label: "Fine-tune", reason: "Go on from the weights chosen in the model panel" },
    ],
    (value) => scope.set({ mode: value }),
  );
  const epochs = number({ label: "Epochs", tooltip: "How often each training case is seen" }, { min: 1, whole: true }, (value) =>
    scope.set({ epochs: value }),
  );
  const batch = number(
    { label: "Batch", tooltip: "How many cases make one step; fewer need less memory" },
    { min: 1, whole: true },
    (value) => scope.set({ batch_size: value }),
  );
  const rate = number(
    { label: "Learning rate", tooltip: "How far one step moves the weights" },
    { min: 0, step: "any" },
    (value) => scope.set({ learning_rate: value }),
  );
  const seed = number({ label: "Seed", tooltip: "The same seed gives the same run" }, { min: 0, whole: true }, (value) =>
    scope.set({ seed: value }),
  );
  const freeze = textbox(
    { label: "Freeze", tooltip: "Layers that stay as they are, as name patterns with *, separated by commas" },
    "encoder.*",
    (value) => scope.set({ freeze: value }),
  );
  const fields = h("div", { class: "mwb-fields" }, h("div", { class: "mwb-quad" }, epochs.row, batch.row, rate.row, seed.row), freeze.row);

  const start = button("Start", "Start the run in a process of its own: closing the tab does not stop it", () => scope.act("start"), "primary");
  const stop = button("Stop", "Stop after this step; the run can be resumed", () => scope.act("stop"), "danger");
  const resume = button("Resume", "Go on where the run stopped, as if it never had", () => scope.act("resume"));
  const earlier = select({ label: "Runs", tooltip: "Earlier runs: choose one to watch, resume or explain it" }, (value) =>
    scope.set({ run_id: value }),
  );
  const status = runStatus();
  const empty = hint("No run yet. A run lives in its own process and folder: it survives closing this tab.");
  // A run outlives its kernel: who opens a new App must not have to know that the list below holds it.
  const goingOn = hint("");
  const show = button("Show it", "Watch the run that is under way", () => scope.set({ run_id: underWay()?.value ?? "" }));
  const found = h("div", { class: "mwb-found" }, goingOn, show.element);
  const underWay = () => scope.get<Earlier[]>("runs").find((one) => one.alive);
  body.append(mode.row, fields, actions(start.element, stop.element, resume.element), found, earlier.row, empty, status.element);

  scope.watch(["mode", "epochs", "batch_size", "learning_rate", "seed", "freeze"], () => {
    mode.set(scope.get("mode"));
    epochs.set(scope.get("epochs"));
    batch.set(scope.get("batch_size"));
    rate.set(scope.get("learning_rate"));
    seed.set(scope.get("seed"));
    freeze.set(scope.get("freeze"));
    freeze.row.hidden = scope.get("mode") !== "tune";
  });
  scope.watch(["runs", "run_id"], () => {
    const runs = scope.get<Earlier[]>("runs");
    found.hidden = Boolean(scope.get("run_id")) || !underWay();
    setText(goingOn, `Under way: ${underWay()?.label.split(",")[0] ?? ""}`);
    earlier.row.hidden = runs.length === 0;
    earlier.choices(runs, "choose a run");
    earlier.set(scope.get("run_id"));
  });
  const buttons = () => {
    const run = scope.get<RunSnapshot>("run_state");
    const idle = !scope.get("busy");
    const going = alive(run);
    const blocked = scope.get<string>("blocked");
    start.enable(idle && !blocked && !going, going ? "A run is under way" : blocked);
    stop.show(going);
    stop.enable(run.state !== "stopping");
    resume.show(["stopped", "failed", "lost"].includes(run.state ?? ""));
    resume.enable(idle);
  };
  scope.watch(["run_state"], () => {
    const run = scope.get<RunSnapshot>("run_state");
    empty.hidden = Boolean(run.id) || scope.get<Earlier[]>("runs").length > 0;
    status.show(run);
    buttons();
  });
  scope.watch(["busy", "blocked"], buttons);
  whenBusy((idle) => {
    for (const control of [mode, epochs, batch, rate, seed, freeze, earlier]) control.enable(idle);
  });
  return () => scope.dispose();
}

export default { render };
