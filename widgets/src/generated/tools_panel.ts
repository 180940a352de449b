// Written by widgets/generate.py from workbench.widgets.tools_panel. Change it there, and run `npm run generate`.

import type { DeskPanel } from "./desk_panel";
import type { Live, Offer, TableRows } from "./messages";
import type { Schema } from "./parameters";

/** Runs tools on the layers of the viewer; what they make is another layer, or a table. */
export interface ToolsPanel {
  state: DeskPanel["state"] & {
    blocked: string;
    /** The tools, with their options */
    catalogue: ToolOffer[];
    /** Names of layers by the input that they are for */
    chosen: Record<string, string>;
    /** What goes into the tool, and the layers it can be */
    inputs: ToolInput[];
    /** Whether before and after are shown whenever something is changed */
    live: boolean;
    options: Record<string, unknown>;
    /** Head and rows of the table that was made last */
    table: TableRows;
    tool: string;
  };
  actions: DeskPanel["actions"] & {
    /** Run a tool and lay what it makes over the image; a table is shown in the panel. */
    run: { tool?: string | null; inputs?: Record<string, string> | null };
    /** Show before and after side by side below the viewer, made of coarser voxels where there are many. */
    preview: Record<string, never>;
  };
  questions: DeskPanel["questions"];
  says: Live;
}

/** A tool of the catalogue. */
export interface ToolOffer {
  value: string;
  label: string;
  /** Whether it can be chosen; yes, where nothing is said. */
  enabled?: boolean;
  /** Why not; or what it means, where it can. */
  reason?: string;
  group: string;
  summary: string;
  options: Schema[];
}

/** What goes into a tool, and the layers that it can be. */
export interface ToolInput {
  name: string;
  label: string;
  choices: Offer[];
}
