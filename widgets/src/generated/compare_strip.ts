// Written by widgets/generate.py from workbench.widgets.compare_strip. Change it there, and run `npm run generate`.

/** Small pictures of the lowest layer with one map each, all on the slice through the crosshair. */
export interface CompareStrip {
  state: {
    /** How far the maps agree */
    agreement: AgreementCells;
    /** Which picture the viewer shows, of a timeline; -1 where it is none */
    current: number;
    pictures: DataView[];
    /** Whether they are steps that the viewer plays */
    plays: boolean;
    tiles: Tile[];
    title: string;
  };
  hears: Place | Step;
}

/** How far the maps of a strip agree, pair by pair; empty where that is not known. */
export interface AgreementCells {
  names?: string[];
  /** Rank correlation of each pair; null where a map is even. */
  ranks?: ((number | null)[])[];
  /** Overlap of the highest 5 % of each pair. */
  overlaps?: ((number | null)[])[];
}

/** A picture of the strip. */
export interface Tile {
  label: string;
  /** Width and height in mm: voxels need not be square. */
  size: [number, number];
  /** Where the crosshair is, as fractions of width and height. */
  cross: [number, number];
}

/** Somebody pressed a picture: fractions of its width and height, from the top left. */
export interface Place {
  place: [number, number];
}

/** Somebody chose a picture of a timeline: which of those that are shown. */
export interface Step {
  step: number;
}
