// Written by widgets/generate.py from workbench.widgets.data_panel. Change it there, and run `npm run generate`.

import type { DataEntry } from "./data_forms";
import type { DeskPanel } from "./desk_panel";
import type { Listing } from "./files";
import type { Live } from "./messages";

/** A data set or a single volume, and the case shown. */
export interface DataPanel {
  state: DeskPanel["state"] & {
    catalogue: DataEntry[];
    count: number;
    details: string;
    index: number;
    /** Name of the data set that is chosen */
    name: string;
    notes: string[];
    options: Record<string, unknown>;
    source: "set" | "file";
    split: string;
    splits: [string, number][];
    summary: string;
  };
  actions: DeskPanel["actions"] & {
    /** Load what is chosen in the panel, as a click asks for: very large ones are asked about first. */
    load: Record<string, never>;
    /** Read a single volume and show it. */
    open: { path: string };
    /** Show another case. */
    select: { index?: number | null; split?: string | null };
    /** Take the path that was typed for an option; it is kept in no state, as it may name a patient. */
    tell: { name: string; text: string };
  };
  questions: DeskPanel["questions"] & {
    /** Return what lies in a folder, for the file picker of the page. */
    browse: { asks: { folder?: string | null }; answer: Listing };
  };
  says: Live;
}
