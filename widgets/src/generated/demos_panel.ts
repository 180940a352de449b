// Written by widgets/generate.py from workbench.widgets.demos_panel. Change it there, and run `npm run generate`.

import type { DeskPanel } from "./desk_panel";
import type { Live } from "./messages";

/** Offers demos as long as the desk is empty. */
export interface DemosPanel {
  state: DeskPanel["state"] & {
    demos: DemoCard[];
    /** Whether the desk is empty */
    shown: boolean;
  };
  actions: DeskPanel["actions"] & {
    /** Load a demo: its data, its model, its first map. */
    open: { name: string };
  };
  questions: DeskPanel["questions"];
  says: Live;
}

/** A demo as it is offered. */
export interface DemoCard {
  name: string;
  title: string;
  text: string;
}
