// Mirrors workbench/widgets/run_view.py: what a cell that ends in `run` shows.
import type { RunView } from "./generated/run_view";
import { button } from "./ui/controls";
import { actions, frame } from "./ui/panel";
import type { Model } from "./ui/model";
import { alive, resumable, runStatus } from "./ui/run_status";

function render({ model, el }: { model: Model<RunView>; el: HTMLElement }): () => void {
  const { body, scope, feedback } = frame(model, el, "Run");
  const stop = button("Stop", "Stop after this step; the run can be resumed", () => scope.act("stop"), "danger");
  const resume = button("Resume", "Go on where the run stopped, as if it never had", () => scope.act("resume"));
  const status = runStatus();
  body.append(status.element, actions(stop.element, resume.element), feedback);
  scope.watch(["run_state", "busy"], () => {
    const run = scope.get("run_state");
    status.show(run);
    stop.show(alive(run));
    stop.enable(run.state !== "stopping");
    resume.show(resumable(run));
    resume.enable(!scope.get("busy"));
  });
  return () => scope.dispose();
}

export default { render };
