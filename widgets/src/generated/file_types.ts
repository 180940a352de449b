// Written by widgets/generate.py from workbench.lab.file_types. Change it there, and run `npm run generate`.

/** The answer to ``formats``. */
export interface FileTypes {
  formats: FileType[];
}

/** A format whose files can be opened. */
export interface FileType {
  name: string;
  /** Suffixes that nothing else in JupyterLab shows. */
  suffixes: string[];
  /** Those of pictures: there the viewer is offered, and not the first choice. */
  shown_by_browsers: string[];
}
