// Double-click on a volume file: it opens in the viewer that notebooks use, fed by the server.
import { ILayoutRestorer, type JupyterFrontEndPlugin } from "@jupyterlab/application";
import { WidgetTracker } from "@jupyterlab/apputils";
import { ABCWidgetFactory, Base64ModelFactory, type DocumentRegistry, DocumentWidget } from "@jupyterlab/docregistry";
import { Widget } from "@lumino/widgets";

import viewer from "../viewer";
import { workbenchIcon } from "./icon";
import "./lab.css";
import { ServerModel } from "./server_model";

const FACTORY = "Medical volume";
const MODEL = "medical-workbench-volume";
const FILE_TYPES: [name: string, title: string, extensions: string[]][] = [
  ["nifti", "NIfTI volume", [".nii", ".nii.gz"]],
  ["metaimage", "MetaImage volume", [".mha", ".mhd"]],
  ["nrrd", "NRRD volume", [".nrrd", ".nhdr"]],
  ["dicom", "DICOM image", [".dcm"]],
];

/** Leaves the voxels where they are: JupyterLab would else fetch the whole file as base64 text. */
class NothingModelFactory extends Base64ModelFactory {
  override get name(): string {
    return MODEL;
  }
  override get fileFormat(): never {
    return null as never;
  }
}

class VolumeView extends Widget {
  private stop: (() => void) | undefined;

  constructor(private readonly context: DocumentRegistry.Context) {
    super();
    this.addClass("wb-VolumeView");
    void context.ready.then(() => this.draw());
    context.fileChanged.connect(() => void this.draw());
  }

  private async draw(): Promise<void> {
    this.stop?.();
    this.stop = undefined;
    const path = this.context.localPath;
    try {
      const model = await ServerModel.open(path);
      if (this.isDisposed) return;
      this.node.replaceChildren();
      const el = document.createElement("div");
      this.node.appendChild(el);
      this.stop = await mount(model, el);
    } catch (error) {
      this.node.replaceChildren(failure((error as Error).message));
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
    return widget;
  }
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
  optional: [ILayoutRestorer],
  activate: (app, restorer: ILayoutRestorer | null) => {
    for (const [name, displayName, extensions] of FILE_TYPES) {
      app.docRegistry.addFileType({
        name,
        displayName,
        extensions,
        mimeTypes: ["application/octet-stream"],
        fileFormat: "base64",
        contentType: "file",
        icon: workbenchIcon,
      });
    }
    const names = FILE_TYPES.map(([name]) => name);
    app.docRegistry.addModelFactory(new NothingModelFactory());
    const factory = new VolumeFactory({
      name: FACTORY,
      modelName: MODEL,
      fileTypes: names,
      defaultFor: names,
      readOnly: true,
    });
    const tracker = new WidgetTracker<DocumentWidget>({ namespace: "medical-workbench-volume" });
    factory.widgetCreated.connect((_, widget) => {
      widget.context.pathChanged.connect(() => void tracker.save(widget));
      void tracker.add(widget);
    });
    app.docRegistry.addWidgetFactory(factory);
    if (restorer) {
      void restorer.restore(tracker, {
        command: "docmanager:open",
        args: (widget) => ({ path: widget.context.path, factory: FACTORY }),
        name: (widget) => widget.context.path,
      });
    }
  },
};
