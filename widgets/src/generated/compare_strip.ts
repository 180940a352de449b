// Written by widgets/generate.py from workbench.widgets.compare_strip. Change it there, and run `npm run generate`.

/** Small pictures of the lowest layer with one map each, all on the slice through the crosshair. */
export interface CompareStrip {
  state: {
    pictures: DataView[];
    tiles: Tile[];
    title: string;
  };
}

/** A picture of the strip. */
export interface Tile {
  label: string;
  /** Width and height in mm: voxels need not be square. */
  size: [number, number];
  /** Where the crosshair is, as fractions of width and height. */
  cross: [number, number];
}
