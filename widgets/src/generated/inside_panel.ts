// Written by widgets/generate.py from workbench.widgets.inside_panel. Change it there, and run `npm run generate`.

import type { DeskPanel } from "./desk_panel";
import type { EffectRow, FeatureTile, FlowRow, OccluderRow } from "./inside_rows";
import type { Live, Offer } from "./messages";

/** Shows what the layers of the network put out, what comes back to them, and what the score hangs on. */
export interface InsidePanel {
  state: DeskPanel["state"] & {
    /** Why nothing can be looked at yet */
    blocked: string;
    effects: EffectRow[];
    flow: FlowRow[];
    /** Dead and exploding layers by name */
    flow_told: string;
    /** Index of the class whose score is meant; empty for what is predicted */
    label: string;
    labels: Offer[];
    /** Name of a layer; empty for the default one */
    layer: string;
    layers: Offer[];
    /** Whether the layer has further channels */
    more: boolean;
    /** Why there are none to look at */
    no_occluders: string;
    occluder_head: string[];
    occluders: OccluderRow[];
    /** The map that the occluders are of */
    occluders_of: string;
    /** PNG of each */
    pictures_of_tiles: DataView[];
    /** Which channels of which layer these are */
    shown_of: string;
    /** The channels that are shown */
    tiles: FeatureTile[];
  };
  actions: DeskPanel["actions"] & {
    /** Show a page of the channels of the layer that is chosen, on the slice through the crosshair. */
    features: { first?: number };
    /** Show the next page of channels; after the last one, the first. */
    next: Record<string, never>;
    /** Put a channel of the layer that is shown over the image, in place of the last one. */
    channel: { channel: number };
    /** Measure how much of the score's gradient comes to each layer. */
    flow: Record<string, never>;
    /** Measure how much the score hangs on each parameter of the preprocessing. */
    sensitivity: Record<string, never>;
    /** Measure what each occluder of the newest occlusion map does to the scores. */
    occluders: Record<string, never>;
    /** Mark an occluder in the viewer, in place of the last one, and let the views cross in it. */
    occluder: { number: number };
  };
  questions: DeskPanel["questions"];
  says: Live;
}
