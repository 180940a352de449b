// Written by widgets/generate.py from workbench.widgets.train_panel. Change it there, and run `npm run generate`.

import type { DeskPanel } from "./desk_panel";
import type { Live, RunOffer, RunSnapshot, TableRows } from "./messages";
import type { Schema } from "./parameters";

/** Starts runs and watches one of them. */
export interface TrainPanel {
  state: DeskPanel["state"] & {
    batch_size: number;
    /** Why no run can be started yet */
    blocked: string;
    called_run: string;
    epochs: number;
    form: Schema[];
    freeze: string;
    learning_rate: number;
    mode: "new" | "tune";
    run_id: string;
    run_state: RunSnapshot;
    runs: RunOffer[];
    seed: number;
    /** Why fields hold what is proposed, by name */
    why: Record<string, string>;
  };
  actions: DeskPanel["actions"] & {
    /** Start a run as a click asks for: one that would take very long or much memory is asked about first. */
    start: Record<string, never>;
    /** Ask the run to stop after the step under way. */
    stop: Record<string, never>;
    /** Go on with the run where it stopped. */
    resume: { epochs?: number | null };
    /** Show a run with all that belongs to it: its data, its model, what was typed into the forms. */
    show: { run: string };
    /** Give the run that is shown a name for lists. */
    rename: { name: string };
    /** Look for runs, wherever they were started, and offer them. */
    refresh: Record<string, never>;
  };
  questions: DeskPanel["questions"] & {
    /** Return the recipe that Start would follow, with the reason of each value that is proposed. */
    plan: { asks: Record<string, never>; answer: TableRows };
  };
  says: Live;
}
