// Written by widgets/generate.py from workbench.widgets._explain_gallery. Change it there, and run `npm run generate`.

/** A method in the gallery. */
export interface GalleryCard {
  value: string;
  label: string;
  line: string;
  state: "made" | "waiting" | "slow" | "cannot";
  /** Why it cannot be had, or what it takes. */
  told: string;
  /** Its place among the thumbnails; -1 where there is none. */
  picture: number;
}
