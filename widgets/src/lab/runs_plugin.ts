// The side panel of runs, and the ways to it.
import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";

import { CATEGORY, OPEN_APP, OPEN_JOB } from "./app_plugin";
import { runsIcon } from "./icon";
import { RunsPanel } from "./runs_panel";

const ID = "medical-workbench-runs";
const SHOW = "medical-workbench:show-runs";
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
      compare: async () => {},
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
  },
};
