// Mirrors workbench/widgets/demos_panel.py: the way in, as long as nothing is loaded.
import type { DemosPanel } from "./generated/demos_panel";
import { button } from "./ui/controls";
import { h, replace } from "./ui/dom";
import { type Model, Scope } from "./ui/model";
import { feedback, goTo } from "./ui/panel";
import "./ui/ui.css";
import "./demos_panel.css";

function render({ model, el }: { model: Model<DemosPanel>; el: HTMLElement }): () => void {
  const scope = new Scope(model);
  const cards = h("div", { class: "mwb-demos" });
  const told = feedback(scope);
  // The panel of jobs is the last of the column: who comes back for last night's run is not to search for it.
  const jobs = button("Look at jobs", "Go to the panel of runs and other long work: no data have to be loaded for it", () => goTo(card, "Jobs"));
  const card = h(
    "section",
    { class: "mwb-ui mwb-card mwb-welcome", "aria-label": "Begin" },
    h("h2", {}, "Begin with a demo"),
    h("p", { class: "mwb-hint" }, "One click loads made-up data, a trained model and a first map. Or load data of your own in panel 1."),
    cards,
    h("div", { class: "mwb-back" }, h("p", { class: "mwb-hint" }, "Or come back to what was started before: it needs no data."), jobs.element),
    told,
  );
  el.append(card);
  scope.watch(["demos", "busy"], () => {
    const idle = !scope.get("busy");
    replace(
      cards,
      ...scope.get("demos").map((demo) =>
        h(
          "button",
          { type: "button", class: `mwb-demo mwb-demo-${demo.name}`, disabled: !idle, title: `Open the demo: ${demo.title}`, onclick: () => scope.act("open", { name: demo.name }) },
          h("span", { class: "mwb-demo-kind" }, demo.name),
          h("strong", {}, demo.title),
          h("span", {}, demo.text),
        ),
      ),
    );
  });
  scope.watch(["shown", "problem"], () => {
    const failed = Boolean(scope.get("problem").title);
    card.hidden = !scope.get("shown") && !failed;
    // A demo that got no further than its data says why, above what it shows.
    card.classList.toggle("mwb-compact", !scope.get("shown"));
  });
  return () => scope.dispose();
}

export default { render };
