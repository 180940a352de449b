// The App in a panel of its own: a console with its kernel, of which only the output is shown.
//
// A console is what JupyterLab's widget manager serves outside of notebooks, with session restoring and the Kernel
// menu working as users know them; so the panel survives a reload of the page, and so does the App in its kernel.
import {
  type JupyterFrontEnd,
  type JupyterFrontEndPlugin,
} from "@jupyterlab/application";
import { ICommandPalette } from "@jupyterlab/apputils";
import { type ConsolePanel, IConsoleTracker } from "@jupyterlab/console";
import { ILauncher } from "@jupyterlab/launcher";
import { MessageLoop } from "@lumino/messaging";

import { workbenchIcon, workbenchIconAddress } from "./icon";
import "./lab.css";

const COMMAND = "medical-workbench:open-app";
const TITLE = "Medical Workbench";
const PANEL_CLASS = "wb-AppPanel";
// Asks for the kernel's one App, so that a reloaded page meets the App it had and not a second one.
const CODE = "from workbench.lab import kernel_app; kernel_app()";

// By its path too: Notebook 7 opens a console in a page of its own, by path alone.
function isWorkbench(panel: ConsolePanel): boolean {
  const { name, path } = panel.sessionContext;
  return name === TITLE || /(^|\/)medical-workbench-\d+$/.test(path);
}

async function showApp(panel: ConsolePanel): Promise<void> {
  panel.addClass(PANEL_CLASS);
  panel.toolbar.hide();
  takeFocus(panel);
  panel.title.icon = workbenchIcon;
  await panel.sessionContext.ready;
  if (panel.isDisposed) return;
  panel.title.label = TITLE;
  panel.title.icon = workbenchIcon;
  let restarting = false;
  panel.sessionContext.statusChanged.connect((_, status) => {
    if (status === "restarting" || status === "autorestarting") {
      restarting = true;
      panel.console.clear();
    } else if (restarting && status === "idle") {
      // What was drawn belonged to the kernel that is gone.
      restarting = false;
      void run(panel);
    }
  });
  await run(panel);
}

/** A console gives the focus to its prompt, which is hidden here; without focus the Kernel menu would not know us. */
function takeFocus(panel: ConsolePanel): void {
  panel.node.tabIndex = -1;
  MessageLoop.installMessageHook(panel, (_, message) => {
    if (message.type === "activate-request" && !panel.node.contains(document.activeElement)) panel.node.focus();
    return true;
  });
}

async function run(panel: ConsolePanel): Promise<void> {
  panel.console.clear();
  if (panel.isVisible && !panel.node.contains(document.activeElement)) panel.activate();
  await panel.console.inject(CODE);
  // A console follows its last line; the App is read from the top.
  panel.node.querySelector(".jp-CodeConsole-content")?.scrollTo({ top: 0 });
}

export const appPlugin: JupyterFrontEndPlugin<void> = {
  id: "medical-workbench:app",
  description: "Opens the Medical Workbench App in a panel with its own kernel.",
  autoStart: true,
  requires: [IConsoleTracker],
  optional: [ILauncher, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    consoles: IConsoleTracker,
    launcher: ILauncher | null,
    palette: ICommandPalette | null,
  ) => {
    // Also reached when the page is reloaded and JupyterLab restores its consoles.
    consoles.widgetAdded.connect((_, panel) => {
      if (isWorkbench(panel)) {
        void showApp(panel);
      }
    });
    app.commands.addCommand(COMMAND, {
      label: TITLE,
      caption: "Load a volume, train a model, look at what it looks at",
      icon: workbenchIcon,
      execute: (args) =>
        app.commands.execute("console:create", {
          name: TITLE,
          path: `${String(args["cwd"] ?? "")}/medical-workbench-${Date.now()}`.replace(/^\//, ""),
          kernelPreference: { name: "python3", language: "python", shouldStart: true, canStart: true, autoStartDefault: true },
          activate: true,
        }),
      describedBy: { args: { type: "object", properties: { cwd: { type: "string" } } } },
    });
    launcher?.add({ command: COMMAND, category: "Notebook", rank: 1, kernelIconUrl: workbenchIconAddress });
    palette?.addItem({ command: COMMAND, category: TITLE });
  },
};
