// Apps as documents that lie on no disk: so JupyterLab opens, restores and lists them as it does any document, and
// Notebook 7 gives each a page of its own. Nothing of them is ever written.
import type { Contents, Session } from "@jupyterlab/services";
import { ServerConnection } from "@jupyterlab/services";
import { Signal } from "@lumino/signaling";

import { standIn } from "./no_copy";

/** What an App's kernel is called by in lists; a second App has a number. */
export const APP = "Medical Workbench App";
const DRIVE = "workbench";
/**
 * Knows an App by its name, with the drive before it where it lies in no folder; Notebook 7 compares before it has decoded
 * what its address says.
 */
export const APP_PATTERN = `^(${DRIVE}(:|%3A))?${APP.replaceAll(" ", "( |%20)")}(( |%20)\\d+)?$`;

/** The path of an App that starts in a folder: the first whose name no running App has. */
export function newAppPath(folder: string, running: Iterable<Session.IModel>): string {
  const taken = new Set([...running].map(({ path }) => path));
  const place = folder === "" ? "" : `${folder}/`;
  for (let number = 1; ; number++) {
    const path = `${DRIVE}:${place}${APP}${number > 1 ? ` ${number}` : ""}`;
    if (!taken.has(path)) return path;
  }
}

export function isAppPath(path: string): boolean {
  return path.startsWith(`${DRIVE}:`);
}

/** The folder that an App starts in, below the server's. */
export function folderOf(localPath: string): string {
  return localPath.split("/").slice(0, -1).join("/");
}

export class AppDrive implements Contents.IDrive {
  readonly name = DRIVE;
  readonly serverSettings = ServerConnection.makeSettings();
  readonly fileChanged = new Signal<this, Contents.IChangedArgs>(this);
  isDisposed = false;

  async get(localPath: string): Promise<Contents.IModel> {
    const name = localPath.split("/").pop() ?? "";
    if (new RegExp(APP_PATTERN).test(name)) return standIn(localPath);
    // whoever asks for a folder, such as a file browser that follows the App, sees an empty one
    return { ...standIn(localPath), type: "directory", format: "json", content: [] };
  }

  async listCheckpoints(): Promise<Contents.ICheckpointModel[]> {
    return [];
  }

  save(): Promise<Contents.IModel> {
    return refuse("saved; use Save report");
  }
  newUntitled(): Promise<Contents.IModel> {
    return refuse("made so; use the launcher");
  }
  delete(): Promise<void> {
    return refuse("deleted; close it");
  }
  rename(): Promise<Contents.IModel> {
    return refuse("renamed");
  }
  copy(): Promise<Contents.IModel> {
    return refuse("copied; use the launcher for another");
  }
  getDownloadUrl(): Promise<string> {
    return refuse("downloaded; use Save report");
  }
  createCheckpoint(): Promise<Contents.ICheckpointModel> {
    return refuse("saved");
  }
  restoreCheckpoint(): Promise<void> {
    return refuse("reverted");
  }
  deleteCheckpoint(): Promise<void> {
    return refuse("reverted");
  }

  dispose(): void {
    this.isDisposed = true;
    Signal.clearData(this);
  }
}

async function refuse(what: string): Promise<never> {
  throw new Error(`An App is not a file and cannot be ${what}.`);
}
