// Written by widgets/generate.py from workbench.widgets.embedding_panel. Change it there, and run `npm run generate`.

import type { DeskPanel } from "./desk_panel";
import type { Live, Offer } from "./messages";
import type { Schema } from "./parameters";

/** Lays the cases of the data set out in a plane by what a layer puts out for them (t-SNE). */
export interface EmbeddingPanel {
  state: DeskPanel["state"] & {
    /** Why nothing can be laid out yet */
    blocked: string;
    /** The cases that were chosen with the lasso */
    chosen: number[];
    chosen_told: string;
    /** The case that is looked at; below zero where it is none of these */
    current: number;
    form: Schema[];
    groups: Group[];
    /** Name of a layer; empty for the default one */
    layer: string;
    layers: Offer[];
    most: number;
    /** The cases in the plane */
    spots: Spot[];
  };
  actions: DeskPanel["actions"] & {
    /** Lay the cases out. */
    embed: Record<string, never>;
    /** Choose cases, as the lasso does, by their numbers among all. */
    choose: { indices: number[] };
    /** Show a case by its number among all, and its map by the method that is set up. */
    show: { index: number };
  };
  questions: DeskPanel["questions"];
  says: Live;
}

/** Cases of one colour: a class, or where none is known, a part of the data set. */
export interface Group {
  name: string;
  color: string;
}

/** A case in the plane. */
export interface Spot {
  /** 0 to 1. */
  x: number;
  /** 0 to 1, upwards. */
  y: number;
  /** Its number among all cases of the data set. */
  index: number;
  /** Its place among the groups. */
  group: number;
}
