// Mirrors workbench/widgets/data_panel.py: choose a data set or a file, and the sample that is looked at.
import type { DataPanel } from "./generated/data_panel";
import { button, joined, segmented, select, slider } from "./ui/controls";
import { h, replace, setText } from "./ui/dom";
import type { Model } from "./ui/model";
import { actions, frame, hint } from "./ui/panel";
import { pathField } from "./ui/picker";
import { optionsForm } from "./ui/schema";

function render({ model, el }: { model: Model<DataPanel>; el: HTMLElement }): () => void {
  const { body, scope, feedback, whenBusy } = frame(model, el, "Data");

  const source = segmented(
    { label: "Source", tooltip: "Where the volumes come from" },
    [
      { value: "set", label: "Data set", reason: "A catalogued data set with labels and splits" },
      { value: "file", label: "Open a file", reason: "Any volume: NIfTI, DICOM folder, MHA, NRRD, PNG, NPZ ..." },
    ],
    (value) => scope.set({ source: value }),
  );

  const name = select({ label: "Name", tooltip: "Those whose data is not here say how to get it" }, (value) =>
    scope.set({ name: value }),
  );
  const about = hint("");
  const options = optionsForm(
    "Options",
    (values) => scope.set({ options: values }),
    (option, text) => scope.act("tell", { name: option, text }),
  );
  const load = button("Load", "Load the data set and show its first case", () => scope.act("load"), "primary");
  const set = h("div", { class: "mwb-fields" }, name.row, about, options.element, actions(load.element));

  const file = pathField(
    scope,
    { label: "Path", tooltip: "A file, or a folder with a DICOM series or data set, on the machine of the kernel" },
    { placeholder: "scan.nii.gz or a DICOM folder", open: "Read the volume at this path", look: "primary", heading: "Open a volume", folders: true },
  );

  const split = select({ label: "Case", tooltip: "Training, validation or test part; parts never share a patient" }, (value) =>
    scope.act("select", { split: value, index: 0 }),
  );
  const sample = slider(
    { label: "Case number", tooltip: "Which case of the split is shown and explained" },
    (value) => scope.act("select", { index: value }),
    (text) => scope.act("fill", { name: "index", text }),
  );
  const cases = h("div", { class: "mwb-fields" }, joined(split, sample));
  const line = h("div");
  const small = h("small");
  const summary = h("div", { class: "mwb-summary", "aria-live": "polite" }, line, small);
  const warnings = h("div", { class: "mwb-fields" });
  body.append(source.row, set, file.element, feedback, cases, summary, warnings);

  scope.watch(["source"], () => {
    source.set(scope.get("source"));
    set.hidden = scope.get("source") !== "set";
    file.element.hidden = !set.hidden;
  });
  const chosen = () => scope.get("catalogue").find((entry) => entry.name === scope.get("name"));
  scope.watch(["catalogue", "name", "options", "faults"], () => {
    name.choices(
      scope.get("catalogue").map((entry) => ({
        value: entry.name,
        label: `${entry.name}: ${entry.about}`,
        enabled: entry.available,
        reason: entry.hint,
      })),
      "choose a data set",
    );
    name.set(scope.get("name"));
    setText(about, chosen()?.title ?? "Choose a data set, or open a file of your own.");
    options.show(chosen()?.options ?? [], scope.get("options"), scope.get("faults"));
  });
  scope.watch(["splits", "split", "index", "count", "faults"], () => {
    const splits = scope.get("splits");
    cases.hidden = splits.length === 0;
    split.choices(splits.map(([value, count]) => ({ value, label: `${value} (${count})`, enabled: count > 0 })));
    split.set(scope.get("split"));
    sample.range(scope.get("count"));
    sample.set(scope.get("index"));
    split.fault(scope.get("faults").index ?? "");
  });
  scope.watch(["summary", "details", "notes"], () => {
    summary.hidden = !scope.get("summary");
    setText(line, scope.get("summary"));
    setText(small, scope.get("details"));
    warnings.hidden = scope.get("notes").length === 0;
    replace(warnings, ...scope.get("notes").map((note) => h("p", { class: "mwb-warning" }, note)));
  });
  whenBusy((idle) => {
    for (const control of [name, split, sample, file, source]) control.enable(idle);
    options.enable(idle);
  });
  scope.watch(["name", "busy", "faults"], () => {
    const wrong = Object.entries(scope.get("faults")).find(([field]) => field !== "index")?.[1];
    const why = scope.get("name") ? wrong : "Choose a data set first";
    load.enable(!scope.get("busy") && !why, why);
  });
  return () => scope.dispose();
}

export default { render };
