// Mirrors workbench/widgets/model_panel.py: the algorithm, the framework, the device, and where the weights come from.
import type { ModelPanel } from "./generated/model_panel";
import { joined, segmented, select } from "./ui/controls";
import { h, setText } from "./ui/dom";
import type { Model } from "./ui/model";
import { frame, hint, reason } from "./ui/panel";
import { pathField } from "./ui/picker";
import { optionsForm } from "./ui/schema";

function render({ model, el }: { model: Model<ModelPanel>; el: HTMLElement }): () => void {
  const { body, scope, feedback, whenBusy } = frame(model, el, "Model");
  const weights = segmented(
    { label: "Weights", tooltip: "Where the weights come from" },
    [
      { value: "new", label: "New", reason: "Fresh random weights, the same for the same seed" },
      { value: "trained", label: "Trained", reason: "Small trained models that come with the workbench" },
      { value: "file", label: "File", reason: "A .safetensors file saved by Model.save or by a run" },
      { value: "run", label: "Run", reason: "The best checkpoint of an earlier run" },
      { value: "own", label: "Own", reason: "A model that was given in code: wb.App(model=network), app.model.use(network)" },
    ],
    (value) => scope.set({ weights: value }),
  );
  const algorithm = select({ label: "Algorithm", tooltip: "Those that fit the loaded data can be chosen" }, (value) =>
    scope.set({ algorithm: value }),
  );
  const framework = select({ label: "Runs on", tooltip: "The same network and the same weights run on either" }, (value) =>
    scope.set({ framework: value }),
  );
  const device = select({ label: "Device", tooltip: "Where the network runs, with the memory that is free there" }, (value) =>
    scope.set({ device: value }),
  );
  const size = select(
    { label: "Size", tooltip: "As published, or a named set of options; a small network trains in minutes on a CPU" },
    (value) => scope.set({ variant: value, options: {} }),
  );
  const options = optionsForm("Options", (values) => scope.set({ options: values }));
  const trained = select({ label: "Model", tooltip: "Trained on phantoms, at once ready to predict and to explain" }, (value) =>
    scope.set({ trained_name: value }),
  );
  const about = hint("");
  const ready = h("div", { class: "mwb-fields" }, trained.row, about);
  const file = pathField(
    scope,
    { label: "Path", tooltip: "A .safetensors model file on the machine of the kernel" },
    { placeholder: "model.safetensors", open: "Load the model with these weights", look: "plain", heading: "Open weights", folders: false },
  );
  const run = select({ label: "Run", tooltip: "Runs whose data are like those that are loaded" }, (value) => scope.set({ run_id: value }));
  const misfit = reason();
  const doubt = h("p", { class: "mwb-warning", role: "status" });
  const line = h("div");
  const small = h("small");
  const summary = h("div", { class: "mwb-summary", "aria-live": "polite" }, line, small);
  body.append(weights.row, ready, file.element, run.row, algorithm.row, size.row, joined(framework, device), options.element, feedback, misfit.element, doubt, summary);

  let asked = "";
  scope.watch(["catalogue", "algorithm", "variant", "options", "weights", "faults"], () => {
    const entries = scope.get("catalogue");
    const isNew = scope.get("weights") === "new";
    const chosen = entries.find((entry) => entry.value === scope.get("algorithm"));
    // Weights decide which network they are of.
    algorithm.row.hidden = !isNew;
    algorithm.choices(entries, "choose an algorithm");
    algorithm.set(scope.get("algorithm"));
    const preset = chosen?.variants.find((one) => one.value === scope.get("variant"))?.options ?? {};
    size.row.hidden = !isNew || !chosen || chosen.variants.length < 2;
    size.choices(chosen?.variants ?? []);
    size.set(scope.get("variant"));
    options.show(
      (chosen?.options ?? []).map((one) => ({ ...one, default: preset[one.name] ?? one.default })),
      scope.get("options"),
      scope.get("faults"),
    );
    options.element.hidden = !isNew || !chosen;
    // somebody looks: the number of parameters is told by the network itself
    if (chosen && isNew && asked !== chosen.value) {
      asked = chosen.value;
      scope.act("describe");
    }
  });
  scope.watch(["frameworks", "framework"], () => {
    framework.choices(scope.get("frameworks"));
    framework.set(scope.get("framework"));
  });
  scope.watch(["devices", "device", "framework"], () => {
    device.choices(scope.get("devices").filter((one) => one.framework === scope.get("framework")));
    device.set(scope.get("device"));
  });
  scope.watch(["weights", "trained", "trained_name", "runs", "run_id"], () => {
    const from = scope.get("weights");
    weights.set(from);
    ready.hidden = from !== "trained";
    file.element.hidden = from !== "file";
    run.row.hidden = from !== "run";
    const models = scope.get("trained");
    trained.choices(models, "choose a trained model");
    trained.set(scope.get("trained_name"));
    setText(about, models.find((one) => one.value === scope.get("trained_name"))?.told ?? "They learned from phantoms: for trying things out, not for patients.");
    const runs = scope.get("runs");
    run.choices(runs, runs.length ? "choose a run" : "no runs yet");
    run.set(scope.get("run_id"));
  });
  scope.watch(["misfit", "doubt"], () => {
    misfit.show(scope.get("misfit"));
    setText(doubt, scope.get("doubt") ? `${scope.get("doubt")}.` : "");
    doubt.hidden = !scope.get("doubt");
  });
  scope.watch(["summary", "details"], () => {
    summary.hidden = !scope.get("summary") || !scope.get("details");
    setText(line, scope.get("summary"));
    setText(small, scope.get("details"));
  });
  whenBusy((idle) => {
    for (const control of [algorithm, size, framework, device, weights, trained, run, file]) control.enable(idle);
    options.enable(idle);
  });
  return () => scope.dispose();
}

export default { render };
