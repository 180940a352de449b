// Written by widgets/generate.py from workbench.widgets._sizes. Change it there, and run `npm run generate`.

/** A size of a network, with the options that it sets. */
export interface SizeOffer {
  value: string;
  label: string;
  /** Whether it can be chosen; yes, where nothing is said. */
  enabled?: boolean;
  /** Why not; or what it means, where it can. */
  reason?: string;
  options: Record<string, unknown>;
}
