// Written by widgets/generate.py from workbench.widgets.backends.itk. Change it there, and run `npm run generate`.

import type { Look, NoSection, Section } from "./sections";
import type { Brick, Click, Pull, Refused, Remove, Viewer } from "./viewer";

/** Volume rendering and slices by VTK, of one image (or map of scores) and one label volume. */
export interface ItkViewer {
  state: Viewer["state"];
  hears: Pull | Look | Click | Remove;
  says: Brick | Section | NoSection | Refused;
}
