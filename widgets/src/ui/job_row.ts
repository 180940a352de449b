// One job as a person sees it: how far it is, what it waits for or why it failed. Lists and the view of one job share it.
import type { JobRow } from "../generated/job_rows";
import type { RunRow } from "../generated/runs";
import { button } from "./controls";
import { h, setText } from "./dom";
import { progress } from "./feedback";
import "./job_row.css";
import { sparkline } from "./sparkline";

/** What every list tells of a job, and what only some do. */
export type ShownJob = JobRow & Partial<RunRow>;

/** What can be pressed; what is left out is not offered. */
export interface Presses {
  stop(): void;
  resume(): void;
  open?(): void;
  remove?(): void;
  /** Whether its curves are to be compared with those of others. */
  choose?(chosen: boolean): void;
}

export interface Row {
  element: HTMLElement;
  show(job: ShownJob): void;
  enable(idle: boolean): void;
}

export function jobRow(tag: "li" | "div", press: Presses): Row {
  const chosen = h("input", { class: "mwb-check", type: "checkbox", onchange: () => press.choose?.(chosen.checked) });
  const title = h("span", { class: "mwb-run-name" });
  const chip = h("span", { class: "mwb-chip" });
  const about = h("p", { class: "mwb-hint" });
  const bar = progress();
  const trend = sparkline();
  const told = h("p", { class: "mwb-jobs-told" });
  const stop = button("Stop", "Stop after the step under way; it can be resumed", press.stop, "danger");
  const resume = button("Resume", "Go on with it in a new process", press.resume);
  const open = button("Open", "Show its result: a map over the image, a run in the panel for training, a table here", () => press.open?.());
  const remove = button("Delete", "Delete its folder with everything in it, after a question", () => press.remove?.());
  const buttons = [stop, resume, open, remove];
  const words = h("div", { class: "mwb-jobs-words" }, told, about);
  const foot = h("div", { class: "mwb-jobs-row" }, words, ...buttons.map((one) => one.element));
  return {
    element: h(tag, { class: "mwb-job" }, h("div", { class: "mwb-run-head" }, chosen, title, chip), bar.element, trend.element, foot),
    show(job) {
      const state = job.state ?? "";
      setText(title, job.title);
      title.title = `${job.title}\n${job.id}`;
      setText(chip, job.said ?? "");
      chip.dataset.state = state;
      // Month, day and minute have room in one line; the rest is in the tooltip.
      setText(about, [job.kind, job.device, job.when?.slice(5, 16)].filter(Boolean).join(", "));
      about.title = job.when ? `Started ${job.when}` : "";
      if (job.alive) bar.show("", state === "created" || state === "queued" ? -1 : (job.progress ?? 0), `Progress of ${job.title}`);
      else bar.hide();
      bar.element.classList.toggle("mwb-waits", state === "queued");
      trend.show(job.trend);
      setText(told, [[job.told, job.left].filter(Boolean).join(", "), job.remedy].filter(Boolean).join(" "));
      told.hidden = !told.textContent;
      told.classList.toggle("mwb-jobs-wrong", state === "failed" || state === "lost");
      chosen.hidden = !press.choose || !job.has_curves;
      chosen.setAttribute("aria-label", `Compare ${job.title}`);
      chosen.title = "Compare its curves with those of others that are chosen";
      for (const [one, name] of [[stop, "Stop"], [resume, "Resume"], [open, "Open"], [remove, "Delete"]] as const)
        one.element.setAttribute("aria-label", `${name} ${job.title}`);
      stop.show(job.alive);
      stop.enable(state !== "stopping", "It stops after the step under way");
      resume.show(job.can_resume);
      open.show(job.can_open);
      remove.show(Boolean(press.remove && job.can_delete));
    },
    enable(idle) {
      resume.enable(idle);
      open.enable(idle);
      remove.enable(idle);
    },
  };
}
