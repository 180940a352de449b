// One run as a person sees it: how far, how good, what went wrong. The train panel and the run's own view share it.
import type { RunSnapshot } from "../generated/messages";
import { lineChart, type Series } from "./chart";
import { h, setText } from "./dom";
import { errorBox, progress } from "./feedback";

const ALIVE = ["created", "queued", "running", "stopping"];

export const alive = (run: RunSnapshot): boolean => ALIVE.includes(run.state ?? "");

/** Whether it can go on where it was stopped, failed, or was interrupted (which the folder calls "lost"). */
export const resumable = (run: RunSnapshot): boolean => ["stopped", "failed", "lost"].includes(run.state ?? "");

export interface RunStatus {
  element: HTMLElement;
  show(run: RunSnapshot): void;
}

export function runStatus(): RunStatus {
  const name = h("span", { class: "mwb-run-name" });
  const chip = h("span", { class: "mwb-chip" });
  const what = h("p", { class: "mwb-hint" });
  const bar = progress();
  const loss = lineChart("Loss", "epoch");
  const metrics = lineChart("Validation", "epoch");
  const errors = errorBox();
  const element = h(
    "div",
    { class: "mwb-run" },
    h("div", { class: "mwb-run-head" }, name, chip),
    what,
    bar.element,
    errors.element,
    h("div", { class: "mwb-charts" }, loss.element, metrics.element),
  );
  return {
    element,
    show(run) {
      element.hidden = !run.id;
      if (!run.id) return;
      setText(name, run.title ?? run.id);
      name.title = `${run.told ?? ""}\n${run.id}`;
      setText(what, run.name ? (run.told ?? "") : (run.told ?? "").replace(/^.*, /, ""));
      setText(chip, run.said ?? run.state ?? "");
      chip.dataset.state = run.state;
      bar.show(run.line ?? "", run.state === "created" || run.state === "queued" ? -1 : (run.progress ?? 0));
      errors.show(run.cause ? { title: run.message || "The run failed.", cause: run.cause, remedy: run.remedy } : {});
      const curves = run.curves ?? { steps: [], loss: [], metrics: {} };
      const series: Series[] = [{ name: "each step", points: curves.steps, faint: curves.loss.length > 0 }];
      loss.draw([...series, { name: "mean of the epoch", points: curves.loss }]);
      metrics.draw(Object.entries(curves.metrics).map(([label, points]) => ({ name: label, points })));
    },
  };
}
