// Mirrors workbench/widgets/jobs_panel.py: all long work there is, how far it is, stopped, resumed, its result opened.
import { button } from "./ui/controls";
import { h, setText } from "./ui/dom";
import type { JobsPanel } from "./generated/jobs_panel";
import { jobList } from "./ui/job_list";
import type { Model } from "./ui/model";
import { frame, hint, reveal } from "./ui/panel";
import { resultTable } from "./ui/table";
import "./jobs_panel.css";

function render({ model, el }: { model: Model<JobsPanel>; el: HTMLElement }): () => void {
  const { body, scope, feedback, whenBusy } = frame(model, el, "Jobs");
  const list = jobList({
    stop: ({ id }) => scope.act("stop", { job: id }),
    resume: ({ id }) => scope.act("resume", { job: id }),
    open: ({ id }) => scope.act("open", { job: id }),
  });
  const empty = hint(
    "No job yet. A job is work that takes long, in a process and a folder of its own: it goes on when this tab is closed. " +
      "A training is one; a map is one when it is made in the background.",
  );
  const more = hint("");
  const refresh = button("Look again", "List jobs that were started elsewhere", () => scope.act("refresh"), "quiet");
  const table = resultTable();
  body.append(list.element, empty, h("div", { class: "mwb-jobs-foot" }, more, refresh.element), feedback, table.element);

  scope.watch(["rows", "more"], () => {
    const jobs = scope.get("rows");
    list.show(jobs);
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
  whenBusy(list.enable);

  return () => scope.dispose();
}

export default { render };
