// Written by widgets/generate.py from workbench.widgets._job_rows. Change it there, and run `npm run generate`.

/** What is shown of a job. */
export interface JobRow {
  id: string;
  title: string;
  alive: boolean;
  can_resume: boolean;
  can_open: boolean;
  /** What the kind is called. */
  kind?: string;
  state?: string;
  /** The state in words. */
  said?: string;
  progress?: number;
  /** How far it is, what it waits for, or why it failed. */
  told?: string;
  remedy?: string;
  when?: string;
}
