// Mirrors workbench/widgets/job_view.py: what a cell that ends in `job` shows.
import type { JobView } from "./generated/job_view";
import { jobRow } from "./ui/job_row";
import type { Model } from "./ui/model";
import { frame } from "./ui/panel";

function render({ model, el }: { model: Model<JobView>; el: HTMLElement }): () => void {
  const { body, scope, feedback, whenBusy } = frame(model, el, "Job");
  const row = jobRow("div", { stop: () => scope.act("stop"), resume: () => scope.act("resume") });
  body.append(row.element, feedback);
  scope.watch(["row"], () => row.show(scope.get("row")));
  whenBusy((idle) => row.enable(idle));
  return () => scope.dispose();
}

export default { render };
