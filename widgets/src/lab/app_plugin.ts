// Ways to the App and what can be done to it: launcher, menus, palette, a running App's entry; closing it asks first.
import { ILayoutRestorer, type JupyterFrontEnd, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Dialog, ICommandPalette, ISessionContextDialogs, SessionContextDialogs, showDialog, showErrorMessage, WidgetTracker } from "@jupyterlab/apputils";
import { IDocumentManager } from "@jupyterlab/docmanager";
import { ILauncher } from "@jupyterlab/launcher";
import { IMainMenu } from "@jupyterlab/mainmenu";
import { IRenderMimeRegistry } from "@jupyterlab/rendermime";
import { type Message, MessageLoop } from "@lumino/messaging";

import { APP, APP_PATTERN, AppDrive, isAppPath, newAppPath } from "./app_drive";
import { AppFactory, AppModelFactory, AppPanel } from "./app_panel";
import { workbenchIcon, workbenchIconAddress } from "./icon";

export const OPEN_APP = "medical-workbench:open-app";
const RESTART = "medical-workbench:restart-app";
const CLOSE = "medical-workbench:close-app";
export const OPEN_JOB = "medical-workbench:open-job";
export const CATEGORY = "Medical Workbench";

export const appPlugin: JupyterFrontEndPlugin<void> = {
  id: "medical-workbench:app",
  description: "Opens the Medical Workbench App in a panel with its own kernel.",
  autoStart: true,
  requires: [IDocumentManager, IRenderMimeRegistry],
  optional: [ILayoutRestorer, ILauncher, IMainMenu, ICommandPalette, ISessionContextDialogs],
  activate: (
    app: JupyterFrontEnd,
    documents: IDocumentManager,
    rendermime: IRenderMimeRegistry,
    restorer: ILayoutRestorer | null,
    launcher: ILauncher | null,
    menu: IMainMenu | null,
    palette: ICommandPalette | null,
    sessionDialogs: ISessionContextDialogs | null,
  ) => {
    const tracker = new WidgetTracker<AppPanel>({ namespace: "medical-workbench-app" });
    addDocuments(app, rendermime, tracker);
    if (restorer) {
      void restorer.restore(tracker, {
        command: OPEN_APP,
        args: (panel) => ({ path: panel.context.path }),
        // one that was closed while its kernel goes on does not come back by itself
        name: (panel) => (kept.has(panel) ? "" : panel.context.path),
      });
    }
    addCommands(app, documents, tracker, sessionDialogs ?? new SessionContextDialogs());
    launcher?.add({ command: OPEN_APP, category: "Notebook", rank: 1, kernelIconUrl: workbenchIconAddress });
    palette?.addItem({ command: OPEN_APP, category: CATEGORY });
    for (const [rank, command] of [RESTART, CLOSE].entries()) {
      app.contextMenu.addItem({ command, selector: ".wb-AppPanel", rank });
    }
    if (menu) {
      const isEnabled = (widget: unknown) => widget instanceof AppPanel;
      menu.fileMenu.newMenu.addItem({ command: OPEN_APP, rank: 1.5 });
      menu.kernelMenu.kernelUsers.restartKernel.add({ id: RESTART, isEnabled });
      menu.kernelMenu.kernelUsers.shutdownKernel.add({ id: CLOSE, isEnabled });
    }
  },
};

/** Panels that were closed while their kernel goes on: opening the App again shows them as they were. */
const kept = new Set<AppPanel>();

function addDocuments(app: JupyterFrontEnd, rendermime: IRenderMimeRegistry, tracker: WidgetTracker<AppPanel>): void {
  app.serviceManager.contents.addDrive(new AppDrive());
  app.docRegistry.addFileType({
    name: AppModelFactory.NAME,
    displayName: APP,
    pattern: APP_PATTERN,
    contentType: "file",
    icon: workbenchIcon,
  });
  app.docRegistry.addModelFactory(new AppModelFactory());
  const factory = new AppFactory(
    {
      name: APP,
      modelName: AppModelFactory.NAME,
      fileTypes: [AppModelFactory.NAME],
      defaultFor: [AppModelFactory.NAME],
      readOnly: true,
      preferKernel: true,
      canStartKernel: true,
      autoStartDefault: true,
    },
    rendermime,
  );
  factory.widgetCreated.connect((_, panel) => {
    void tracker.add(panel);
    panel.disposed.connect(() => kept.delete(panel));
    // after the document manager's own hook, which closes without asking, and so asked before it
    queueMicrotask(() => MessageLoop.installMessageHook(panel, (_, message) => mayGoOn(message, panel, tracker)));
    panel.context.sessionContext.kernelChanged.connect((_, { newValue }) => {
      if (newValue === null && kept.has(panel)) panel.dispose();
    });
  });
  app.docRegistry.addWidgetFactory(factory);
}

/** Hold back the closing of a panel until it is known what becomes of its kernel. */
function mayGoOn(message: Message, panel: AppPanel, tracker: WidgetTracker<AppPanel>): boolean {
  if (message.type === "after-attach" && kept.delete(panel)) void tracker.save(panel);
  if (message.type !== "close-request" || !panel.hasKernel) return true;
  close(panel, tracker).catch((error) => showErrorMessage("The App was not closed", error));
  return false;
}

async function close(panel: AppPanel, tracker: WidgetTracker<AppPanel>): Promise<void> {
  const stop = Dialog.warnButton({ label: "Stop kernel and close" });
  const keep = Dialog.okButton({ label: "Keep it running" });
  const answer = await showDialog({
    title: `Close ${panel.title.label}?`,
    body: "Its kernel holds the data, the model and the maps that are shown. Kept running, they are there again when the App is opened. Training runs go on either way.",
    buttons: [Dialog.cancelButton(), stop, keep],
    defaultButton: 2,
  });
  if (panel.isDisposed) return;
  if (answer.button.label === stop.label) {
    await panel.context.sessionContext.shutdown();
    panel.dispose();
  } else if (answer.button.label === keep.label) {
    kept.add(panel);
    panel.parent = null;
    await tracker.save(panel);
  }
}

function addCommands(app: JupyterFrontEnd, documents: IDocumentManager, tracker: WidgetTracker<AppPanel>, dialogs: ISessionContextDialogs): void {
  const { commands, serviceManager } = app;
  const current = () => {
    const clicked = app.contextMenuHitTest((node) => node.classList.contains("wb-AppPanel"));
    return tracker.find((panel) => panel.node === clicked) ?? tracker.currentWidget;
  };
  commands.addCommand(OPEN_APP, {
    label: APP,
    caption: "Load a volume, train a model, look at what it looks at",
    icon: (args) => (args["isPalette"] ? undefined : workbenchIcon),
    execute: async (args) => {
      await serviceManager.sessions.ready;
      const path = args["path"] ? String(args["path"]) : await nextPath(app, tracker, String(args["cwd"] ?? ""));
      return documents.openOrReveal(path, APP);
    },
    describedBy: { args: { type: "object", properties: { cwd: { type: "string" }, path: { type: "string" } } } },
  });
  commands.addCommand(OPEN_JOB, {
    label: "Open Job in the App",
    caption: "Show the result of a job in the App that is open, or in a new one",
    execute: async (args) => {
      const shown = tracker.currentWidget?.isAttached ? tracker.currentWidget : tracker.find((panel) => panel.isAttached);
      const panel = shown ?? (await commands.execute(OPEN_APP));
      if (!(panel instanceof AppPanel)) return;
      app.shell.activateById(panel.id);
      await panel.openJob(String(args["job"]));
    },
    describedBy: { args: { type: "object", required: ["job"], properties: { job: { type: "string" } } } },
  });
  commands.addCommand(RESTART, {
    label: "Restart Kernel and App…",
    isEnabled: () => current() !== null,
    execute: async () => {
      const panel = current();
      return panel ? dialogs.restart(panel.context.sessionContext) : false;
    },
  });
  commands.addCommand(CLOSE, {
    label: "Close App…",
    isEnabled: () => current() !== null,
    execute: () => current()?.close(),
  });
}

/** The App to open: one whose kernel goes on although no panel shows it, or else a new one. */
async function nextPath(app: JupyterFrontEnd, tracker: WidgetTracker<AppPanel>, folder: string): Promise<string> {
  const { sessions } = app.serviceManager;
  await sessions.refreshRunning();
  const running = [...sessions.running()];
  const shown = new Set<string>();
  tracker.forEach((panel) => {
    if (panel.isAttached) shown.add(panel.context.path);
  });
  const waiting = running.find(({ path }) => isAppPath(path) && !shown.has(path));
  return waiting?.path ?? newAppPath(folder, running);
}
