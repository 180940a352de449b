// Written by widgets/generate.py from workbench.widgets.pointing. Change it there, and run `npm run generate`.

/** A distance between two places. */
export interface Measurement {
  /** RAS mm. */
  start: [number, number, number];
  /** RAS mm. */
  stop: [number, number, number];
  /** In `unit`. */
  length: number;
  /** Pixels, where no size of a pixel is known. */
  unit: "mm" | "px";
}
