// Written by widgets/generate.py from workbench.widgets.desk_panel. Change it there, and run `npm run generate`.

import type { Live } from "./messages";
import type { Panel } from "./panel";

/** A panel that works at a `Desk`. */
export interface DeskPanel {
  state: Panel["state"] & {
    /** What is wrong with what was typed, by the name of the field */
    faults: Record<string, string>;
  };
  actions: Panel["actions"] & {
    /** Take what was typed into a field; what breaks its rule is told beside it and changes nothing. */
    fill: { name: string; text: unknown };
  };
  questions: Panel["questions"];
  says: Live;
}
