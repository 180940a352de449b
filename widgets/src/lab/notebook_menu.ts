// The App in the New menu of Notebook 7's tree. The menu belongs to Notebook, which makes it when the toolbar is built
// and fills it with its own entries.
import type { JupyterFrontEnd, JupyterFrontEndPlugin } from "@jupyterlab/application";
import { IToolbarWidgetRegistry } from "@jupyterlab/apputils";
import { PageConfig } from "@jupyterlab/coreutils";
import { type Menu, MenuBar, type Widget } from "@lumino/widgets";

import { OPEN_APP } from "./app_plugin";

const BROWSER = "FileBrowser";
const ITEM = "new-dropdown";

export const notebookMenuPlugin: JupyterFrontEndPlugin<void> = {
  id: "medical-workbench:notebook-menu",
  description: "Adds the App to the New menu of Notebook 7.",
  autoStart: true,
  requires: [IToolbarWidgetRegistry],
  activate: (app: JupyterFrontEnd, toolbars: IToolbarWidgetRegistry) => {
    if (PageConfig.getOption("notebookPage") !== "tree") return;
    // Notebook's own plug-ins may be started after this one
    void app.started.then(() => {
      // what a registry had before is handed back when something is put in its place
      const theirs = toolbars.addFactory<Widget>(BROWSER, ITEM, () => new MenuBar());
      if (theirs) toolbars.addFactory<Widget>(BROWSER, ITEM, (browser) => withApp(app, theirs(browser)));
      for (const widget of app.shell.widgets("main")) eachMenuBar(widget, (bar) => withApp(app, bar));
    });
  },
};

function eachMenuBar(widget: Widget, found: (bar: MenuBar) => void): void {
  if (widget instanceof MenuBar) found(widget);
  else for (const child of widget.children()) eachMenuBar(child, found);
}

/** Put the App into the menus of a bar, now and whenever Notebook fills them anew. */
function withApp<T extends Widget>(app: JupyterFrontEnd, bar: T): T {
  if (bar instanceof MenuBar) for (const menu of bar.menus) keepIn(app, menu);
  return bar;
}

function keepIn(app: JupyterFrontEnd, menu: Menu): void {
  const add = () => {
    if (menu.items.every(({ command }) => command !== OPEN_APP)) menu.insertItem(1, { command: OPEN_APP });
  };
  add();
  app.serviceManager.kernelspecs.specsChanged.connect(add);
}
