// Written by widgets/generate.py from workbench.widgets.explain_panel. Change it there, and run `npm run generate`.

import type { DeskPanel } from "./desk_panel";
import type { GalleryCard } from "./explain_gallery";
import type { SavedMap } from "./explain_saves";
import type { Listing } from "./files";
import type { Answer, Live, MapRow, MethodOffer, Offer } from "./messages";
import type { Schema } from "./parameters";

/** Predicts, and makes maps of what a prediction rests on. */
export interface ExplainPanel {
  state: DeskPanel["state"] & {
    /** What the model answered */
    answer_told: Answer;
    /** Why nothing can be explained yet */
    blocked: string;
    /** Why the method cannot be played by layer; empty if it can */
    can_layer: string;
    can_match: boolean;
    /** Why the method cannot be played step by step; empty if it can */
    can_step: string;
    color_by: "class" | "score" | "match";
    /** What was clicked of all that is drawn; empty while nothing was */
    drawn: string;
    form: Schema[];
    /** The methods, each with what it shows of this case */
    gallery: GalleryCard[];
    has_run: boolean;
    /** Index of a class or label; empty for what is predicted */
    label: string;
    labels: Offer[];
    /** Name of a layer; empty for the default one */
    layer: string;
    layers: Offer[];
    least: number;
    maps: MapRow[];
    method: string;
    methods: MethodOffer[];
    /** Why a target means nothing to this model, by its name */
    no_targets: Record<string, string>;
    options: Record<string, unknown>;
    target: "class" | "drawn" | "voxel";
    /** PNG, in the order in which they were made */
    thumbnails: DataView[];
    timeline: string[];
    timeline_index: number;
    voxel: string;
  };
  actions: DeskPanel["actions"] & {
    /** Predict as a click asks for: where that would take long, say for how long and ask first. */
    predict: Record<string, never>;
    /** Make the thumbnails that are quick, coarse where a method can be; all other work is let by. */
    gallery: Record<string, never>;
    /** Make the thumbnail of a method, however long that takes. */
    sketch: { name: string };
    /** Make no more thumbnails that nobody looks at; what was asked for by name goes on. */
    leave_gallery: Record<string, never>;
    /** Make the map at each of some layers, first to last: what is seen early, and what late. */
    over_layers: Record<string, never>;
    /** Make the map, and keep how it looked on the way. */
    over_steps: Record<string, never>;
    /** Save a map as a click asks for: before something is replaced, it is asked. */
    save: { number: number; path: string; patient?: boolean };
    /** Make a map as a click asks for: one that would take very long is asked about first. */
    run: Record<string, never>;
    /** Start to make the map of the panel in a process of its own, and return at once. */
    begin: Record<string, never>;
    /** Make the map at every checkpoint of the run: how the attention moved while it learned. */
    over_training: Record<string, never>;
    /** Show the map of one checkpoint. */
    epoch: { index: number };
    /** Show, hide, fade or remove a map of the list, by its number. */
    map: { number: number; visible?: boolean | null; opacity?: number | null; remove?: boolean };
    /** Let the views cross at a place, in RAS mm, such as that of a box that was found. */
    go: { place: number[] };
    /** Explain what a row of the answer tells of: a class, a label, a shape that was found. */
    explain_row: { row: number };
  };
  questions: DeskPanel["questions"] & {
    /** Return what lies in a folder, for the file picker of the page. */
    browse: { asks: { folder?: string | null }; answer: Listing };
  };
  says: Live | SavedMap;
}
