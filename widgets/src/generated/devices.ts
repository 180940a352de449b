// Written by widgets/generate.py from workbench.widgets._devices. Change it there, and run `npm run generate`.

/** A device of a framework. */
export interface DeviceOffer {
  value: string;
  label: string;
  /** Whether it can be chosen; yes, where nothing is said. */
  enabled?: boolean;
  /** Why not; or what it means, where it can. */
  reason?: string;
  name: string;
  framework: string;
}
