// Written by widgets/generate.py from workbench.widgets._inside_rows. Change it there, and run `npm run generate`.

/** How much the score hangs on a parameter of the preprocessing. */
export interface EffectRow {
  parameter: string;
  told: string;
  /** 0 to 1, of the largest. */
  bar: number;
  effect: string;
}

/** How much of the gradient comes to a layer. */
export interface FlowRow {
  layer: string;
  told: string;
  /** 0 to 1, by powers of ten below the largest. */
  bar: number;
  verdict: string;
}

/** What an occluder does. */
export interface OccluderRow {
  number: number;
  cells: string[];
  /** -1 to 1, of the largest. */
  drop: number;
}

/** A channel of a layer. */
export interface FeatureTile {
  channel: number;
  label: string;
  /** Whether it is zero everywhere. */
  silent: boolean;
}
