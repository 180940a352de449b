// Written by widgets/generate.py from workbench.widgets.run_view. Change it there, and run `npm run generate`.

import type { Live, RunSnapshot } from "./messages";
import type { Panel } from "./panel";

/** A live view of one run: progress, curves, stop and resume. */
export interface RunView {
  state: Panel["state"] & {
    run_state: RunSnapshot;
  };
  actions: Panel["actions"] & {
    /** Ask the run to stop after the step under way. */
    stop: Record<string, never>;
    /** Go on where the run stopped. */
    resume: { epochs?: number | null };
  };
  questions: Panel["questions"];
  says: Live;
}
