// Mirrors workbench/widgets/jobs_panel.py: all long work there is, how far it is, stopped, resumed, its result opened.
import { button } from "./ui/controls";
import { h, replace, setText } from "./ui/dom";
import type { JobsPanel } from "./generated/jobs_panel";
import { jobRow, type Row } from "./ui/job_row";
import type { Model } from "./ui/model";
import { frame, hint, reveal } from "./ui/panel";
import { resultTable } from "./ui/table";
import "./jobs_panel.css";

function render({ model, el }: { model: Model<JobsPanel>; el: HTMLElement }): () => void {
  const { body, scope, feedback, whenBusy } = frame(model, el, "Jobs");
  const list = h("ul", { class: "mwb-jobs", "aria-label": "Jobs, the newest first", tabindex: "0" });
  const empty = hint(
    "No job yet. A job is work that takes long, in a process and a folder of its own: it goes on when this tab is closed. " +
      "A training is one; a map is one when it is made in the background.",
  );
  const more = hint("");
  const refresh = button("Look again", "List jobs that were started elsewhere", () => scope.act("refresh"), "quiet");
  const table = resultTable();
  body.append(list, empty, h("div", { class: "mwb-jobs-foot" }, more, refresh.element), feedback, table.element);

  const rows = new Map<string, Row>();
  const rowOf = (job: string) =>
    jobRow("li", {
      stop: () => scope.act("stop", { job }),
      resume: () => scope.act("resume", { job }),
      open: () => scope.act("open", { job }),
    });
  scope.watch(["rows", "more"], () => {
    const jobs = scope.get("rows");
    const ids = new Set(jobs.map((job) => job.id));
    for (const id of [...rows.keys()]) if (!ids.has(id)) rows.delete(id);
    for (const job of jobs) {
      if (!rows.has(job.id)) rows.set(job.id, rowOf(job.id));
      rows.get(job.id)?.show(job);
    }
    // Rows that stay keep their place in the document, and with it the keyboard focus.
    const wanted = jobs.map((job) => rows.get(job.id)?.element as HTMLElement);
    if (wanted.length !== list.children.length || wanted.some((row, n) => list.children[n] !== row)) replace(list, ...wanted);
    list.hidden = jobs.length === 0;
    empty.hidden = jobs.length > 0;
    const left = scope.get("more");
    setText(more, left ? `${left} older ones: wb.jobs() lists all.` : "");
  });
  let shown = "";
  scope.watch(["result"], () => {
    const made = scope.get("result");
    table.show(made);
    const now = JSON.stringify(made);
    if (now !== shown && made.head) reveal(table.element);
    shown = now;
  });
  whenBusy((idle) => {
    for (const row of rows.values()) row.enable(idle);
  });

  return () => scope.dispose();
}

export default { render };
