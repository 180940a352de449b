// Written by widgets/generate.py from workbench.widgets.model_panel. Change it there, and run `npm run generate`.

import type { DeskPanel } from "./desk_panel";
import type { DeviceOffer } from "./devices";
import type { Listing } from "./files";
import type { Live, Offer } from "./messages";
import type { AlgorithmOffer, TrainedOffer } from "./model_lists";

/** An algorithm with weights on a device. */
export interface ModelPanel {
  state: DeskPanel["state"] & {
    algorithm: string;
    catalogue: AlgorithmOffer[];
    details: string;
    device: string;
    devices: DeviceOffer[];
    /** What to know of the model on what is looked at */
    doubt: string;
    framework: string;
    frameworks: Offer[];
    /** Why the model cannot be used on what is looked at */
    misfit: string;
    options: Record<string, unknown>;
    run_id: string;
    runs: Offer[];
    summary: string;
    trained: TrainedOffer[];
    trained_name: string;
    variant: string;
    weights: "new" | "trained" | "file" | "run" | "own";
  };
  actions: DeskPanel["actions"] & {
    /** Take the model with the weights in a file, or a trained model that comes along by its name. */
    open: { path: string };
    /** Build the model, so that the panel can say how large it is. */
    describe: Record<string, never>;
  };
  questions: DeskPanel["questions"] & {
    /** Return what lies in a folder, for the file picker of the page. */
    browse: { asks: { folder?: string | null }; answer: Listing };
  };
  says: Live;
}
