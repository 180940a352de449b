// The anywidget of workbench/widgets/backends/itk.py: the same voxels as the viewer, drawn by itk-vtk-viewer (VTK).

import type { AnyModel, AnyWidget } from "@anywidget/types";

import program from "../lib/vendor/itkVtkViewer.jstxt";
import { h } from "./ui/dom";
import { itkImage } from "./viewer/itk_image";
import type { LayerInfo } from "./viewer/protocol";
import type { State } from "./viewer/protocol";
import { modelSource } from "./viewer/source";
import "./viewer/viewer.css";
import { Voxels } from "./viewer/voxels";

interface ItkVtkViewer {
  createViewer(container: HTMLElement, options: Record<string, unknown>): Promise<unknown>;
}

declare global {
  interface Window {
    itkVtkViewer?: ItkVtkViewer;
  }
}

async function load(): Promise<ItkVtkViewer> {
  if (!window.itkVtkViewer) {
    const url = URL.createObjectURL(new Blob([program], { type: "text/javascript" }));
    const script = h("script", { src: url });
    await new Promise((resolve, reject) => {
      script.onload = resolve;
      script.onerror = () => reject(new Error("The ITK viewer's program could not be started."));
      document.head.append(script);
    });
    URL.revokeObjectURL(url);
  }
  return window.itkVtkViewer as ItkVtkViewer;
}

const widget: AnyWidget = {
  render({ model, el }) {
    const source = modelSource(model as AnyModel<State>);
    const message = h("div", { class: "mwb-v-message", role: "status" }, "Waiting for the kernel to send the volume…");
    const container = h("div", { class: "mwb-v-itk" });
    const stage = h("div", { class: "mwb-v-stage" }, container, message);
    stage.style.height = `${source.get("height")}px`;
    el.classList.add("mwb-viewer");
    el.replaceChildren(stage);

    const voxels = new Voxels((pull) => source.send(pull), () => source.get("crosshair"));
    const fail = (cause: string) => {
      message.textContent = `The ITK viewer cannot draw. ${cause}`;
      message.hidden = false;
      message.classList.add("mwb-v-bad");
    };
    let drawn = "";
    const draw = async () => {
      const shown = source.get("_layers").filter(({ id }) => source.get("_styles")[id]?.visible);
      const entries = shown.map(({ id }) => voxels.get(id));
      const broken = entries.find((entry) => entry?.error);
      if (broken) {
        fail(broken.error);
      }
      const key = shown.map(({ id, version }) => `${id}/${version}`).join();
      if (broken || key === drawn || !shown.length || entries.some((entry) => !entry || Voxels.progress(entry) < 1)) {
        return;
      }
      drawn = key;
      const first = (labels: boolean) => {
        const info = shown.find((layer: LayerInfo) => (layer.kind === "labels") === labels);
        return info && itkImage(voxels.get(info.id) as NonNullable<ReturnType<Voxels["get"]>>);
      };
      const viewer = await load();
      container.replaceChildren();
      await viewer.createViewer(container, { image: first(false), labelImage: first(true), rotate: false });
      message.hidden = true;
    };
    const redraw = () => void draw().catch((error: unknown) => fail(error instanceof Error ? error.message : String(error)));
    const stop = [
      source.receive((answer, buffers) => voxels.receive(answer, buffers)),
      source.watch("_layers", () => voxels.update(source.get("_layers"))),
      source.watch("_styles", redraw),
      voxels.listen(redraw),
    ];
    voxels.update(source.get("_layers"));
    return () => {
      stop.forEach((clean) => clean());
      voxels.dispose();
    };
  },
};

export default widget;
