// Jobs as a list: rows that stay keep their place in the document, and with it the keyboard focus.
import { h, replace } from "./dom";
import { jobRow, type Presses, type Row, type ShownJob } from "./job_row";
import "./job_list.css";

/** What can be pressed in each row, told of which job. */
export type ListPresses<J> = {
  [name in keyof Presses]: Presses[name] extends ((...values: infer V) => void) | undefined ? (job: J, ...values: V) => void : never;
};

export interface JobList<J> {
  element: HTMLElement;
  show(jobs: J[]): void;
  enable(idle: boolean): void;
}

export function jobList<J extends ShownJob>(press: ListPresses<J>): JobList<J> {
  const element = h("ul", { class: "mwb-jobs", "aria-label": "Jobs, the newest first", tabindex: "0" });
  const rows = new Map<string, Row>();
  const jobs = new Map<string, J>();
  let idle = true;
  // the folder of a job may have been copied, and its id with it
  const keyOf = (job: J) => job.path ?? job.id;
  const rowOf = (key: string) => {
    const on = () => jobs.get(key) as J;
    const { stop, resume, open, remove, choose } = press;
    return jobRow("li", {
      stop: () => stop(on()),
      resume: () => resume(on()),
      open: open && (() => open(on())),
      remove: remove && (() => remove(on())),
      choose: choose && ((chosen) => choose(on(), chosen)),
    });
  };
  return {
    element,
    show(shown) {
      const keys = new Set(shown.map(keyOf));
      for (const key of [...rows.keys()]) {
        if (keys.has(key)) continue;
        rows.delete(key);
        jobs.delete(key);
      }
      const wanted = shown.map((job) => {
        const key = keyOf(job);
        jobs.set(key, job);
        let row = rows.get(key);
        if (!row) {
          row = rowOf(key);
          row.enable(idle);
          rows.set(key, row);
        }
        row.show(job);
        return row.element;
      });
      if (wanted.length !== element.children.length || wanted.some((row, n) => element.children[n] !== row)) replace(element, ...wanted);
      element.hidden = shown.length === 0;
    },
    enable(on) {
      idle = on;
      for (const row of rows.values()) row.enable(on);
    },
  };
}
