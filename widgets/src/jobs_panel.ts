// Mirrors workbench/widgets/jobs_panel.py: all long work there is, how far it is, stopped, resumed, its result opened.
import { button } from "./ui/controls";
import { h, replace, setText } from "./ui/dom";
import { progress } from "./ui/feedback";
import type { JobRow, JobsPanel } from "./generated/jobs_panel";
import type { Model } from "./ui/model";
import { frame, hint, reveal } from "./ui/panel";
import { resultTable } from "./ui/table";
import "./jobs_panel.css";

interface Row {
  element: HTMLElement;
  show(job: JobRow): void;
  enable(idle: boolean): void;
}

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
  scope.watch(["rows", "more"], () => {
    const jobs = scope.get("rows");
    const ids = new Set(jobs.map((job) => job.id));
    for (const id of [...rows.keys()]) if (!ids.has(id)) rows.delete(id);
    for (const job of jobs) {
      if (!rows.has(job.id)) rows.set(job.id, jobRow(job.id));
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

  function jobRow(id: string): Row {
    const title = h("span", { class: "mwb-run-name" });
    const chip = h("span", { class: "mwb-chip" });
    const about = h("p", { class: "mwb-hint" });
    const bar = progress();
    const told = h("p", { class: "mwb-jobs-told" });
    const stop = button("Stop", "Stop after the step under way; it can be resumed", () => scope.act("stop", { job: id }), "danger");
    const resume = button("Resume", "Go on with it in a new process", () => scope.act("resume", { job: id }));
    const open = button("Open", "Show its result: a map over the image, a run in the panel for training, a table here", () =>
      scope.act("open", { job: id }),
    );
    const buttons = [stop, resume, open];
    const words = h("div", { class: "mwb-jobs-words" }, told, about);
    const foot = h("div", { class: "mwb-jobs-row" }, words, ...buttons.map((one) => one.element));
    let state = "";
    return {
      element: h("li", {}, h("div", { class: "mwb-run-head" }, title, chip), bar.element, foot),
      show(job) {
        state = job.state ?? "";
        setText(title, job.title);
        title.title = `${job.title}\n${job.id}`;
        setText(chip, job.said ?? "");
        chip.dataset.state = state;
        // Month, day and minute have room in one line; the rest is in the tooltip.
        setText(about, [job.kind, job.when?.slice(5, 16)].filter(Boolean).join(", "));
        about.title = job.when ? `Started ${job.when}` : "";
        if (job.alive) bar.show("", state === "created" || state === "queued" ? -1 : (job.progress ?? 0));
        else bar.hide();
        bar.element.classList.toggle("mwb-waits", state === "queued");
        setText(told, [job.told, job.remedy].filter(Boolean).join(" "));
        told.hidden = !told.textContent;
        told.classList.toggle("mwb-jobs-wrong", state === "failed" || state === "lost");
        for (const [one, name] of [[stop, "Stop"], [resume, "Resume"], [open, "Open"]] as const)
          one.element.setAttribute("aria-label", `${name} ${job.title}`);
        stop.show(job.alive);
        stop.enable(state !== "stopping", "It stops after the step under way");
        resume.show(job.can_resume);
        open.show(job.can_open);
      },
      enable(idle) {
        resume.enable(idle);
        open.enable(idle);
      },
    };
  }
  return () => scope.dispose();
}

export default { render };
