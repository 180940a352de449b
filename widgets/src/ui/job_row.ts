// One job as a person sees it: how far it is, what it waits for or why it failed. The list and the view of one job share it.
import type { JobRow } from "../generated/job_rows";
import { button } from "./controls";
import { h, setText } from "./dom";
import { progress } from "./feedback";
import "./job_row.css";

export interface Row {
  element: HTMLElement;
  show(job: JobRow): void;
  enable(idle: boolean): void;
}

export function jobRow(tag: "li" | "div", press: { stop(): void; resume(): void; open?(): void }): Row {
  const title = h("span", { class: "mwb-run-name" });
  const chip = h("span", { class: "mwb-chip" });
  const about = h("p", { class: "mwb-hint" });
  const bar = progress();
  const told = h("p", { class: "mwb-jobs-told" });
  const stop = button("Stop", "Stop after the step under way; it can be resumed", press.stop, "danger");
  const resume = button("Resume", "Go on with it in a new process", press.resume);
  const open = button("Open", "Show its result: a map over the image, a run in the panel for training, a table here", () => press.open?.());
  const buttons = [stop, resume, open];
  const words = h("div", { class: "mwb-jobs-words" }, told, about);
  const foot = h("div", { class: "mwb-jobs-row" }, words, ...buttons.map((one) => one.element));
  return {
    element: h(tag, { class: "mwb-job" }, h("div", { class: "mwb-run-head" }, title, chip), bar.element, foot),
    show(job) {
      const state = job.state ?? "";
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
