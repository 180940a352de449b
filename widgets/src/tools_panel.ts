// Mirrors workbench/widgets/tools_panel.py: an operation on what is looked at, its options, and what it made.
import type { ToolsPanel } from "./generated/tools_panel";
import { button, checkbox, select, type Control } from "./ui/controls";
import { h, replace, setText } from "./ui/dom";
import type { Model } from "./ui/model";
import { actions, frame, hint, reason, reveal } from "./ui/panel";
import { optionsForm } from "./ui/schema";
import { resultTable } from "./ui/table";

function render({ model, el }: { model: Model<ToolsPanel>; el: HTMLElement }): () => void {
  const { body, scope, feedback, whenBusy } = frame(model, el, "Tools");
  const tool = select({ label: "Tool", tooltip: "What is done to the image, or to the labels" }, (value) => scope.set({ tool: value }));
  const about = hint("");
  const inputs = h("div", { class: "mwb-fields" });
  const options = optionsForm("Options", (values) => scope.set({ options: values }));
  const live = checkbox({ label: "Preview", tooltip: "Show before and after below the viewer whenever something is changed" }, (on) => scope.set({ live: on }));
  const run = button("Run", "Do it, and lay what is made over the image", () => scope.act("run"), "primary");
  const blocked = reason();
  const table = resultTable();
  body.append(tool.row, about, inputs, options.element, live.row, actions(run.element), blocked.element, feedback, table.element);

  const chosen = () => scope.get("catalogue").find((one) => one.value === scope.get("tool"));
  let fields: Control<string>[] = [];
  let drawn = "";

  scope.watch(["catalogue", "tool", "options", "faults"], () => {
    tool.choices(
      scope.get("catalogue").map((one) => ({ ...one, label: `${one.label} (${one.group})` })),
      "choose a tool",
    );
    tool.set(scope.get("tool"));
    setText(about, chosen()?.summary ?? "");
    about.hidden = !chosen();
    options.show(chosen()?.options ?? [], scope.get("options"), scope.get("faults"));
    options.element.hidden = !chosen()?.options.length;
  });
  scope.watch(["inputs", "chosen"], () => {
    const rows = scope.get("inputs");
    const given = scope.get("chosen");
    if (JSON.stringify(rows) !== drawn) {
      drawn = JSON.stringify(rows);
      fields = rows.map((row) => {
        const control = select({ label: row.label, tooltip: `Which layer is the ${row.label.toLowerCase()}` }, (value) =>
          scope.set({ chosen: { ...scope.get("chosen"), [row.name]: value } }),
        );
        control.choices(row.choices);
        return control;
      });
      replace(inputs, ...fields.map((control) => control.row));
    }
    rows.forEach((row, n) => fields[n].set(given[row.name] ?? row.choices[0]?.value ?? ""));
  });
  scope.watch(["live"], () => live.set(scope.get("live")));
  scope.watch(["table"], () => {
    table.show(scope.get("table"));
    reveal(table.element);
  });
  const buttons = () => {
    const why = scope.get("blocked");
    const wrong = Object.values(scope.get("faults"))[0] ?? "";
    const idle = !scope.get("busy") || scope.get("busy") === "Preview";
    run.enable(idle && Boolean(chosen()) && !why && !wrong, why || wrong || "Choose a tool");
    blocked.show(why);
  };
  scope.watch(["busy", "blocked", "faults", "tool"], buttons);
  whenBusy(() => {
    const idle = !scope.get("busy") || scope.get("busy") === "Preview";
    tool.enable(idle);
    options.enable(idle);
    for (const control of fields) control.enable(idle);
  });
  return () => scope.dispose();
}

export default { render };
