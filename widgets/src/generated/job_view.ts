// Written by widgets/generate.py from workbench.widgets.job_view. Change it there, and run `npm run generate`.

import type { JobRow } from "./job_rows";
import type { Live } from "./messages";
import type { Panel } from "./panel";

/** A live view of one job of any kind: how far it is, what it waits for or why it failed, stop and resume. */
export interface JobView {
  state: Panel["state"] & {
    row: JobRow;
  };
  actions: Panel["actions"] & {
    /** Ask the job to stop after the step under way. */
    stop: Record<string, never>;
    /** Go on with the job in a new worker. */
    resume: Record<string, never>;
  };
  questions: Panel["questions"];
  says: Live;
}
