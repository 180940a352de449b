// Written by widgets/generate.py from workbench.widgets.app. Change it there, and run `npm run generate`.

import type { Live } from "./messages";
import type { Panel } from "./panel";

/** The bottom row of the App: copy as code, save or print a report, open in napari. */
export interface AppBar {
  state: Panel["state"];
  actions: Panel["actions"] & {
    /** Save a page with the pictures, the curves, the scores, the code and every parameter. */
    report: { path?: string | null };
    /** Hand the report to the browser, which prints it or saves it as PDF. */
    print: Record<string, never>;
    /** Open the layers of the viewer in a napari window. */
    napari: Record<string, never>;
  };
  questions: Panel["questions"];
  says: Live | SavedReport | PrintedReport;
}

/** A report that was saved; its page comes with it as a buffer. */
export interface SavedReport {
  saved: Saved;
}

/** Where a report was saved. */
export interface Saved {
  name: string;
  folder: string;
}

/** A report to be printed, or saved as PDF, by the browser; its page comes with it as a buffer. */
export interface PrintedReport {
  printed: string;
}
