// Written by widgets/generate.py from workbench.widgets.trust_panel. Change it there, and run `npm run generate`.

import type { DeskPanel } from "./desk_panel";
import type { Live, Offer } from "./messages";

/** Puts questions to the maps that lie over the image, and tells what was found in sentences. */
export interface TrustPanel {
  state: DeskPanel["state"] & {
    blocked: string;
    /** The checks, and which are to be asked */
    checks: CheckOffer[];
    /** Name of the layer that maps are compared with; empty for none */
    mask: string;
    /** Layers of labels that maps can be compared with */
    masks: Offer[];
    /** Why no other case can be asked; empty where they can */
    over_blocked: string;
    /** What was found, map by map */
    said: Said[];
    /** What was chosen otherwise than is usual, by the name of the check */
    wanted: Record<string, boolean>;
  };
  actions: DeskPanel["actions"] & {
    /** Ask the checks that are chosen of all maps in the viewer, hidden ones too. */
    run: Record<string, never>;
    /** Ask the checks that are chosen of every case of the data set (of its split), in a process of its own. */
    over: Record<string, never>;
  };
  questions: DeskPanel["questions"];
  says: Live;
}

/** A check that can be asked, and whether it is to be. */
export interface CheckOffer {
  value: string;
  label: string;
  /** Whether it can be chosen; yes, where nothing is said. */
  enabled?: boolean;
  /** Why not; or what it means, where it can. */
  reason?: string;
  summary: string;
  chosen: boolean;
}

/** What a check said of a map. */
export interface Said {
  map: string;
  question: string;
  value: string;
  verdict: string;
  sentence: string;
}
