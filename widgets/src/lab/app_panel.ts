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

import { workbenchIcon } from "./icon";

const COMMAND = "medical-workbench:open-app";
const TITLE = "Medical Workbench";
const PANEL_CLASS = "wb-AppPanel";
// Asks for the kernel's one App, so that a reloaded page meets the App it had and not a second one.
const CODE = "from workbench.lab import kernel_app; kernel_app()";

const STYLE = `
.${PANEL_CLASS} > .jp-Toolbar,
.${PANEL_CLASS} .jp-CodeConsole-banner,
.${PANEL_CLASS} .jp-CodeConsole-input,
.${PANEL_CLASS} .jp-CodeConsole-split > .lm-SplitPanel-handle,
.${PANEL_CLASS} .jp-CodeConsole-content .jp-Cell-inputWrapper,
.${PANEL_CLASS} .jp-CodeConsole-content .jp-OutputPrompt,
.${PANEL_CLASS} .jp-CodeConsole-content .jp-OutputArea-promptOverlay,
.${PANEL_CLASS} .jp-CodeConsole-content .jp-Cell-outputCollapser { display: none !important; }
.${PANEL_CLASS} .jp-CodeConsole-content { inset: 0 !important; width: 100% !important; height: 100% !important; overflow: auto; }
.${PANEL_CLASS} .jp-CodeConsole-content .jp-Cell { padding: 0 8px; }
`;

function isWorkbench(panel: ConsolePanel): boolean {
  return panel.sessionContext.name === TITLE;
}

async function showApp(panel: ConsolePanel): Promise<void> {
  panel.addClass(PANEL_CLASS);
  panel.title.icon = workbenchIcon;
  await panel.sessionContext.ready;
  panel.title.label = TITLE;
  panel.title.icon = workbenchIcon;
  panel.console.clear();
  await panel.console.inject(CODE);
  panel.sessionContext.statusChanged.connect((_, status) => {
    if (status === "restarting" || status === "autorestarting") {
      void panel.sessionContext.session?.kernel?.info.then(() => showAgain(panel));
    }
  });
}

async function showAgain(panel: ConsolePanel): Promise<void> {
  panel.console.clear();
  await panel.console.inject(CODE);
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
    const style = document.createElement("style");
    style.textContent = STYLE;
    document.head.appendChild(style);

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
          kernelPreference: { name: "python3", shouldStart: true, canStart: true, autoStartDefault: true },
          activate: true,
        }),
      describedBy: { args: { type: "object", properties: { cwd: { type: "string" } } } },
    });
    launcher?.add({ command: COMMAND, category: "Notebook", rank: 1 });
    palette?.addItem({ command: COMMAND, category: TITLE });
  },
};
