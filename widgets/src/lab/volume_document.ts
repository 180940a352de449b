// Double-click on a volume file: it opens in the viewer that notebooks use, fed by the server.
import { ILayoutRestorer, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { Dialog, showDialog, WidgetTracker } from "@jupyterlab/apputils";
import { ABCWidgetFactory, type DocumentRegistry, DocumentWidget } from "@jupyterlab/docregistry";
import { type Contents, IDefaultDrive } from "@jupyterlab/services";
import { Widget } from "@lumino/widgets";

import viewer from "../viewer";
import { type FileTypes, registerFileTypes } from "./file_types";
import { workbenchIcon } from "./icon";
import { openPicturesReadOnly } from "./image_viewer";
import "./lab.css";
import { BY_NAME, ContentlessModelFactory, NameOnlyProvider } from "./no_copy";
import { ServerModel } from "./server_model";

const FACTORY = "Medical volume";

class VolumeView extends Widget {
  private stop: (() => void) | undefined;
  private asked = 0;

  constructor(private readonly context: DocumentRegistry.Context) {
    super();
    this.addClass("wb-VolumeView");
    // a second view of a document that is open
    if (context.isReady) void this.draw();
    // the first one, "Reload from Disk" and a new name; a new name is told in both ways at once
    context.fileChanged.connect(() => void this.draw());
    context.pathChanged.connect(() => void this.draw());
  }

  private async draw(): Promise<void> {
    const asked = ++this.asked;
    await Promise.resolve();
    const stale = () => this.isDisposed || asked !== this.asked;
    if (stale() || !this.context.isReady) return;
    this.stop?.();
    this.stop = undefined;
    try {
      const model = await ServerModel.open(this.context.localPath);
      if (stale()) return;
      const el = document.createElement("div");
      this.node.replaceChildren(el);
      const stop = await mount(model, el);
      if (stale()) stop();
      else this.stop = stop;
    } catch (error) {
      if (!stale()) this.node.replaceChildren(failure((error as Error).message));
    }
  }

  override dispose(): void {
    this.stop?.();
    super.dispose();
  }
}

class VolumeFactory extends ABCWidgetFactory<DocumentWidget<VolumeView>> {
  protected createNewWidget(context: DocumentRegistry.Context): DocumentWidget<VolumeView> {
    const widget = new DocumentWidget({ context, content: new VolumeView(context) });
    widget.title.icon = workbenchIcon;
    // the viewer has a toolbar of its own
    widget.toolbar.hide();
    // "Save As" over another file would delete that one first, and then find nothing to write
    context.saveAs = refuseToSave;
    // to be asked is enough for the server to make the folder of checkpoints
    context.listCheckpoints = async () => [];
    return widget;
  }
}

async function refuseToSave(): Promise<boolean> {
  await showDialog({
    title: "Volumes are not saved from here",
    body: "The viewer holds no copy of the file. In the file browser, Download and Duplicate copy it; in a notebook, wb.write(volume, path) writes one.",
    buttons: [Dialog.okButton()],
  });
  return false;
}

/** Run an anywidget without a widget manager: first its model part, then its view. */
async function mount(model: ServerModel, el: HTMLElement): Promise<() => void> {
  const definition = typeof viewer === "function" ? await viewer() : viewer;
  const ending = new AbortController();
  const props = { model, el, signal: ending.signal } as unknown as Parameters<NonNullable<typeof definition.render>>[0];
  const undo = [await definition.initialize?.(props), await definition.render?.(props)];
  return () => {
    ending.abort();
    for (const step of undo) if (typeof step === "function") void step();
  };
}

function failure(message: string): HTMLElement {
  const box = document.createElement("div");
  box.setAttribute("role", "alert");
  box.className = "wb-VolumeView-failure";
  const title = document.createElement("strong");
  title.textContent = "This file cannot be shown. ";
  box.append(title, message);
  return box;
}

export const volumePlugin: JupyterFrontEndPlugin<void> = {
  id: "medical-workbench:volume",
  description: "Opens volume files in the viewer.",
  autoStart: true,
  requires: [IDefaultDrive],
  optional: [ILayoutRestorer],
  activate: async (app, drive: Contents.IDrive, restorer: ILayoutRestorer | null) => {
    drive.contentProviderRegistry?.register(BY_NAME, new NameOnlyProvider());
    openPicturesReadOnly(app.docRegistry, drive);
    app.docRegistry.addModelFactory(new ContentlessModelFactory(BY_NAME));
    const tracker = new WidgetTracker<DocumentWidget>({ namespace: "medical-workbench-volume" });
    const ready = addFactory(app.docRegistry, tracker);
    if (restorer) {
      void restorer.restore(tracker, {
        command: "docmanager:open",
        args: (widget) => ({ path: widget.context.path, factory: FACTORY }),
        name: (widget) => widget.context.path,
        when: ready,
      });
    }
    await ready;
  },
};

async function addFactory(registry: DocumentRegistry, tracker: WidgetTracker<DocumentWidget>): Promise<void> {
  let types: FileTypes;
  try {
    types = await registerFileTypes(registry);
  } catch (error) {
    console.warn(`Medical Workbench does not open files: ${(error as Error).message} \`workbench doctor\` says more.`);
    return;
  }
  const factory = new VolumeFactory({
    name: FACTORY,
    modelName: BY_NAME,
    contentProviderId: BY_NAME,
    fileTypes: types.all,
    defaultFor: types.first,
    readOnly: true,
  });
  factory.widgetCreated.connect((_, widget) => {
    widget.context.pathChanged.connect(() => void tracker.save(widget));
    void tracker.add(widget);
  });
  registry.addWidgetFactory(factory);
}
