// Written by widgets/generate.py from workbench.widgets._files. Change it there, and run `npm run generate`.

/** What a picker shows of a folder. */
export interface Listing {
  folder: string;
  /** Empty at a root. */
  parent: string;
  roots: Root[];
  entries: FileEntry[];
  /** Entries that are not listed. */
  left_out: number;
}

/** A folder that a picker starts from. */
export interface Root {
  name: string;
  path: string;
}

/** A file or a folder in a picker. */
export interface FileEntry {
  name: string;
  path: string;
  folder: boolean;
  bytes: number | null;
}
