// Mirrors workbench/widgets/model_panel.py: the algorithm, the framework, the device, and where the weights come from.
import { button, joined, segmented, select, textbox, type Choice } from "./ui/controls";
import { h, setText } from "./ui/dom";
import type { Model } from "./ui/model";
import { actions, frame } from "./ui/panel";
import { optionsForm, type Option } from "./ui/schema";

interface Size extends Choice {
  options: Record<string, unknown>;
}

interface Entry extends Choice {
  title: string;
  options: Option[];
  variants: Size[];
}

interface Device extends Choice {
  framework: string;
}

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const { body, scope, whenBusy } = frame(model, el, "2", "Model");
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
  const weights = segmented(
    { label: "Weights", tooltip: "Where the weights come from" },
    [
      { value: "new", label: "New", reason: "Fresh random weights, the same for the same seed" },
      { value: "file", label: "From file", reason: "A .safetensors file saved by Model.save or by a run" },
      { value: "run", label: "From run", reason: "The best checkpoint of an earlier run" },
    ],
    (value) => scope.set({ weights: value }),
  );
  const path = textbox(
    { label: "File", tooltip: "A .safetensors model file on the machine of the kernel" },
    "model.safetensors",
    () => undefined,
  );
  const typed = () => (path.input as HTMLInputElement).value.trim();
  const open = button("Open", "Load the model with these weights", () => scope.act("open", { path: typed() }));
  const file = h("div", { class: "mwb-fields" }, path.row, actions(open.element));
  const run = select({ label: "Run", tooltip: "An earlier run in the runs folder" }, (value) => scope.set({ run_id: value }));
  const line = h("div");
  const small = h("small");
  const summary = h("div", { class: "mwb-summary", "aria-live": "polite" }, line, small);
  body.append(algorithm.row, size.row, joined(framework, device), weights.row, file, run.row, options.element, summary);

  let asked = "";
  scope.watch(["catalogue", "algorithm", "variant", "options", "weights"], () => {
    const entries = scope.get<Entry[]>("catalogue");
    const chosen = entries.find((entry) => entry.value === scope.get("algorithm"));
    algorithm.choices(entries, "choose an algorithm");
    algorithm.set(scope.get("algorithm"));
    const preset = chosen?.variants.find((one) => one.value === scope.get("variant"))?.options ?? {};
    size.row.hidden = !chosen || chosen.variants.length < 2 || scope.get("weights") !== "new";
    size.choices(chosen?.variants ?? []);
    size.set(scope.get("variant"));
    options.show(
      (chosen?.options ?? []).map((one) => ({ ...one, default: preset[one.name] ?? one.default })),
      scope.get("options"),
    );
    // somebody looks: the number of parameters is told by the network itself
    if (chosen && scope.get("weights") === "new" && asked !== chosen.value) {
      asked = chosen.value;
      scope.act("describe");
    }
  });
  scope.watch(["frameworks", "framework"], () => {
    framework.choices(scope.get("frameworks"));
    framework.set(scope.get("framework"));
  });
  scope.watch(["devices", "device", "framework"], () => {
    device.choices(scope.get<Device[]>("devices").filter((one) => one.framework === scope.get("framework")));
    device.set(scope.get("device"));
  });
  scope.watch(["weights", "runs", "run_id"], () => {
    weights.set(scope.get("weights"));
    file.hidden = scope.get("weights") !== "file";
    run.row.hidden = scope.get("weights") !== "run";
    run.choices(scope.get("runs"), "choose a run");
    run.set(scope.get("run_id"));
  });
  scope.watch(["summary", "details"], () => {
    summary.hidden = !scope.get("summary");
    setText(line, scope.get("summary"));
    setText(small, scope.get("details"));
  });
  whenBusy((idle) => {
    for (const control of [algorithm, size, framework, device, weights, run, path]) control.enable(idle);
    open.enable(idle);
    options.enable(idle);
  });
  return () => scope.dispose();
}

export default { render };
