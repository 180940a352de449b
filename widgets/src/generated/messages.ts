// Written by widgets/generate.py from workbench.widgets.messages. Change it there, and run `npm run generate`.

import type { Schema } from "./parameters";

/** What is told of a failure; empty where there is none. */
export interface Problem {
  /** Counts the failures, so that one in words that may not be kept can stand in for it. */
  number?: number;
  title?: string;
  cause?: string;
  remedy?: string;
  /** The traceback, for the curious and for bug reports. */
  details?: string;
}

/** What is asked before something large is done; empty where nothing is. */
export interface Question {
  title?: string;
  text?: string;
  /** What the button that does it says; empty if it cannot be done at all. */
  yes?: string;
}

/** The answer to `code`. */
export interface CodeAnswer {
  code: string;
}

/** A failure in words that no notebook may keep, such as the name of a file. */
export interface Live {
  live: Problem;
}

/** Something that can be chosen from a list. */
export interface Offer {
  value: string;
  label: string;
  /** Whether it can be chosen; yes, where nothing is said. */
  enabled?: boolean;
  /** Why not; or what it means, where it can. */
  reason?: string;
}

/** What a model answered; empty where it was not asked. */
export interface Answer {
  title?: string;
  note?: string;
  rows?: AnswerRow[];
}

/** A class, a structure or a shape that a model answered. */
export interface AnswerRow {
  name: string;
  /** 0 to 1, drawn as a bar. */
  value?: number;
  /** What is told instead of the value. */
  told?: string;
  /** Whether it is the true class. */
  truth?: boolean;
  match?: string;
  /** RAS mm. */
  place?: number[];
  /** Whether it can be explained; no, where nothing is said. */
  explains?: boolean;
}

/** A map in the list of the explain panel. */
export interface MapRow {
  number: number;
  label: string;
  visible: boolean;
  opacity: number;
}

/** A way to explain. */
export interface MethodOffer {
  value: string;
  label: string;
  /** Whether it can be chosen; yes, where nothing is said. */
  enabled?: boolean;
  /** Why not; or what it means, where it can. */
  reason?: string;
  title: string;
  needs_layer: boolean;
  options: Schema[];
}

/** The first rows of a table, as text; empty where there is none. */
export interface TableRows {
  title?: string;
  head?: string[];
  rows?: string[][];
  /** How many rows are not shown. */
  more?: number;
}

/** What a front end shows of a run; empty where there is none. */
export interface RunSnapshot {
  id?: string;
  title?: string;
  /** What it learns from what, and when it was started. */
  told?: string;
  /** What a person called it. */
  name?: string;
  state?: string;
  /** The state in words. */
  said?: string;
  progress?: number;
  line?: string;
  message?: string;
  cause?: string;
  remedy?: string;
  best?: number | null;
  curves?: RunCurves;
}

/** The curves of a run. */
export interface RunCurves {
  steps: number[][];
  loss: number[][];
  metrics: Record<string, number[][]>;
}

/** A run in a list. */
export interface RunOffer {
  value: string;
  label: string;
  /** Whether it can be chosen; yes, where nothing is said. */
  enabled?: boolean;
  /** Why not; or what it means, where it can. */
  reason?: string;
  alive: boolean;
  interrupted: boolean;
  algorithm: string;
}

/** The answer to a question that could not be answered. */
export interface Refusal {
  error: string;
}
