// Written by widgets/generate.py from workbench.widgets.jobs_panel. Change it there, and run `npm run generate`.

import type { DeskPanel } from "./desk_panel";
import type { JobRow } from "./job_rows";
import type { Live, TableRows } from "./messages";

/** Lists jobs of every kind, and follows those that are under way. */
export interface JobsPanel {
  state: DeskPanel["state"] & {
    /** How many older ones are not listed */
    more: number;
    /** Head and rows of the result that was opened last */
    result: TableRows;
    /** The jobs, the newest first */
    rows: JobRow[];
  };
  actions: DeskPanel["actions"] & {
    /** Ask a job to stop after the step under way. */
    stop: { job: string };
    /** Go on with a job in a new worker. */
    resume: { job: string };
    /** Show the result of a job where it belongs, and return it. */
    open: { job: string };
    /** Look for jobs, wherever they were started, and follow those that are under way. */
    refresh: Record<string, never>;
  };
  questions: DeskPanel["questions"];
  says: Live;
}
