// The side panel of runs, and the ways to it.
import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette, WidgetTracker } from "@jupyterlab/apputils";

import { uniqueId } from "../ui/dom";
import { CATEGORY, OPEN_APP, OPEN_JOB } from "./app_plugin";
import { runsIcon } from "./icon";
import { RunsComparison } from "./runs_comparison";
import { RunsPanel } from "./runs_panel";

const ID = "medical-workbench-runs";
const SHOW = "medical-workbench:show-runs";
const COMPARE = "medical-workbench:compare-runs";
/** Between the running kernels and the table of contents. */
const RANK = 300;

export const runsPlugin: JupyterFrontEndPlugin<void> = {
  id: "medical-workbench:runs",
  description: "Lists runs and other jobs in a side panel.",
  autoStart: true,
  optional: [ILayoutRestorer, ICommandPalette],
  activate: (app: JupyterFrontEnd, restorer: ILayoutRestorer | null, palette: ICommandPalette | null) => {
    const { commands, shell } = app;
    const panel = new RunsPanel({
      openApp: () => commands.execute(OPEN_APP),
      openJob: ({ id }) => commands.execute(OPEN_JOB, { job: id }),
      compare: (paths) => commands.execute(COMPARE, { paths }),
    });
    panel.id = ID;
    shell.add(panel, "left", { rank: RANK, type: "Runs" });
    restorer?.add(panel, ID);
    commands.addCommand(SHOW, {
      label: "Show Runs",
      caption: "Every run and other job: how far it is, stop, resume, delete",
      icon: (args) => (args["isPalette"] ? undefined : runsIcon),
      execute: () => {
        shell.activateById(ID);
        panel.refresh();
      },
      describedBy: { args: { type: "object", properties: {} } },
    });
    palette?.addItem({ command: SHOW, category: CATEGORY });
    addComparisons(app, restorer);
  },
};

function addComparisons({ commands, shell }: JupyterFrontEnd, restorer: ILayoutRestorer | null): void {
  const tracker = new WidgetTracker<RunsComparison>({ namespace: "medical-workbench-comparison" });
  commands.addCommand(COMPARE, {
    label: "Compare Runs",
    caption: "Draw the curves of runs over each other",
    execute: (args) => {
      const paths = [...(args["paths"] as string[])].sort();
      const name = nameOf(paths);
      const known = tracker.find((comparison) => nameOf(comparison.paths) === name);
      const comparison = known ?? new RunsComparison(paths);
      if (!known) {
        comparison.id = uniqueId("comparison");
        shell.add(comparison, "main");
        void tracker.add(comparison);
      }
      shell.activateById(comparison.id);
      return comparison;
    },
    describedBy: { args: { type: "object", required: ["paths"], properties: { paths: { type: "array", items: { type: "string" } } } } },
  });
  if (restorer) {
    void restorer.restore(tracker, { command: COMPARE, args: ({ paths }) => ({ paths }), name: ({ paths }) => nameOf(paths) });
  }
}

function nameOf(paths: string[]): string {
  return paths.join(" ");
}
