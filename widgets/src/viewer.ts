// The anywidget of workbench/widgets/viewer.py: voxels once for each model, a panel for each view of it.

import type { AnyModel, AnyWidget } from "@anywidget/types";

import { mountViewer } from "./viewer/panel";
import type { State } from "./viewer/protocol";
import { modelSource } from "./viewer/source";
import "./viewer/viewer.css";
import { Voxels } from "./viewer/voxels";

type Model = AnyModel<State>;

const widget = (): ReturnType<Extract<AnyWidget, (...args: never) => unknown>> => {
  let voxels: Voxels;
  return {
    initialize({ model }) {
      const source = modelSource(model as Model);
      voxels = new Voxels(
        (message) => source.send(message),
        () => source.get("crosshair"),
      );
      const stop = [
        source.receive((message, buffers) => voxels.receive(message, buffers)),
        source.watch("_layers", () => voxels.update(source.get("_layers"))),
      ];
      return () => {
        stop.forEach((clean) => clean());
        voxels.dispose();
      };
    },
    render({ model, el }) {
      const source = modelSource(model as Model);
      // voxels are asked for when somebody looks, not before
      voxels.update(source.get("_layers"));
      return mountViewer(el, source, voxels);
    },
  };
};

export default widget;
