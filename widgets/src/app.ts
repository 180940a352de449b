// Mirrors workbench/widgets/app.py: the bottom row of the App, and the style of the grid that holds everything.
import { button } from "./ui/controls";
import { h } from "./ui/dom";
import { copyAsCode, errorBox, progress, type Problem } from "./ui/feedback";
import { Scope, type Model } from "./ui/model";
import "./ui/ui.css";
import "./app.css";

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const scope = new Scope(model);
  const report = button("Save report", "Save a page with the pictures and every parameter, without patient text", () => scope.act("report"), "quiet");
  const napari = button("Open in napari", "Open the same layers in a napari window", () => scope.act("napari"), "quiet");
  const said = h("span", { class: "mwb-said", "aria-live": "polite" });
  const bar = progress();
  const errors = errorBox(() => scope.act("dismiss"));
  const row = h("div", { class: "mwb-actions" }, copyAsCode(scope), report.element, napari.element, said, bar.element);
  el.append(h("footer", { class: "mwb-ui mwb-card mwb-footer" }, row, errors.element));
  scope.watch(["busy", "progress", "note"], () => {
    const busy = scope.get<string>("busy");
    if (busy) bar.show(busy, scope.get<number>("progress"));
    else bar.hide();
    said.hidden = Boolean(busy);
    said.textContent = scope.get<string>("note");
    report.enable(!busy);
    napari.enable(!busy);
  });
  scope.watch(["problem"], () => errors.show(scope.get<Problem>("problem")));
  return () => scope.dispose();
}

export default { render };
