// Written by widgets/generate.py from workbench.widgets.layer. Change it there, and run `npm run generate`.

/** How a layer is shown; each is a trait of `Layer` that may be set at any time. */
export interface Style {
  name: string;
  colormap: string;
  opacity: number;
  window: [number, number] | null;
  visible: boolean;
  channel: number;
  /** Whether labels are drawn as outlines. */
  outline: boolean;
}
