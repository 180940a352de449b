// Written by widgets/generate.py from workbench.widgets._model_lists. Change it there, and run `npm run generate`.

import type { Schema } from "./parameters";
import type { SizeOffer } from "./sizes";

/** An algorithm of the zoo. */
export interface AlgorithmOffer {
  value: string;
  label: string;
  /** Whether it can be chosen; yes, where nothing is said. */
  enabled?: boolean;
  /** Why not; or what it means, where it can. */
  reason?: string;
  summary: string;
  options: Schema[];
  variants: SizeOffer[];
}

/** A trained model that comes along. */
export interface TrainedOffer {
  value: string;
  label: string;
  /** Whether it can be chosen; yes, where nothing is said. */
  enabled?: boolean;
  /** Why not; or what it means, where it can. */
  reason?: string;
  told: string;
}
