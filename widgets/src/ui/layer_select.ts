// Mirrors workbench/widgets/_layer_choice.py: the layer of the network that is meant.
import type { Offer } from "../generated/messages";
import { select, type SelectControl } from "./controls";
import type { Scope } from "./model";

/** A panel that lets a person choose a layer. */
interface ChoosesLayer {
  state: { layers: Offer[]; layer: string };
}

/** The list of layers, which follows the panel; before a model is built there is the default one. */
export function layerSelect(scope: Scope<ChoosesLayer>, tooltip: string): SelectControl {
  const control = select({ label: "Layer", tooltip }, (layer) => scope.set({ layer }));
  scope.watch(["layers", "layer"], () => {
    const layers = scope.get("layers");
    control.choices(layers.length ? layers : [{ value: "", label: "default" }]);
    control.set(scope.get("layer"));
  });
  return control;
}
