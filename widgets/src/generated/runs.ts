// Written by widgets/generate.py from workbench.lab.runs. Change it there, and run `npm run generate`.

import type { RunCurves } from "./messages";

/** The jobs there are, the newest first. */
export interface RunsAnswer {
  rows: RunRow[];
  /** How many older ones are not told of. */
  more: number;
  /** How many are kept outside of the server's folder, and not told of. */
  outside: number;
}

/** What the side panel shows of a job. */
export interface RunRow {
  id: string;
  title: string;
  alive: boolean;
  can_resume: boolean;
  can_open: boolean;
  /** What the kind is called. */
  kind?: string;
  state?: string;
  /** The state in words. */
  said?: string;
  progress?: number;
  /** How far it is, what it waits for, or why it failed. */
  told?: string;
  remedy?: string;
  when?: string;
  /** Its folder, below the server's. */
  path: string;
  can_delete: boolean;
  has_curves: boolean;
  /** What it computes on. */
  device?: string;
  /** How long it will still take, in words. */
  left?: string;
  trend?: Trend;
}

/** How a run has gone so far: its score, or else its loss. */
export interface Trend {
  /** What the values are: `dice`, `loss`. */
  name: string;
  /** What they are counted by: `epoch`, `step`. */
  by: string;
  points: number[][];
}

/** How one run went, to be compared with others. */
export interface CurvesAnswer {
  path: string;
  title: string;
  alive: boolean;
  curves: RunCurves;
}
