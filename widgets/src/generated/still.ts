// Written by widgets/generate.py from workbench.widgets.still. Change it there, and run `npm run generate`.

/** A plane as it is drawn in advance, to be seen until the voxels are there. */
export interface Still {
  view: "axial" | "coronal" | "sagittal";
  convention: "radiological" | "neurological";
  png: DataView;
}
