// Written by widgets/generate.py from workbench.widgets._explain_saves. Change it there, and run `npm run generate`.

/** A map was saved; this is for the page that is open, as a folder may name a patient. */
export interface SavedMap {
  saved_map: SavedPlace;
}

/** Where a map was saved. */
export interface SavedPlace {
  name: string;
  folder: string;
}
