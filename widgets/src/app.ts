// Mirrors workbench/widgets/app.py: the bottom row of the App, and the style of the grid that holds everything.
import type { AppBar } from "./generated/app";
import { button } from "./ui/controls";
import { h, replace } from "./ui/dom";
import { copyAsCode } from "./ui/feedback";
import { type Model, Scope } from "./ui/model";
import { feedback } from "./ui/panel";
import "./ui/ui.css";
import "./app.css";

function render({ model, el }: { model: Model<AppBar>; el: HTMLElement }): () => void {
  const scope = new Scope(model);
  const report = button("Save report", "Save a page with pictures, curves, scores, code and every parameter, without patient text", () => scope.act("report"), "quiet");
  const napari = button("Open in napari", "Open the same layers in a napari window", () => scope.act("napari"), "quiet");
  const said = h("span", { class: "mwb-said", "aria-live": "polite" });
  const row = h("div", { class: "mwb-actions" }, copyAsCode(scope), report.element, napari.element, said);
  el.append(h("footer", { class: "mwb-ui mwb-card mwb-footer" }, row, feedback(scope)));
  let page = "";
  scope.watch(["busy", "note"], () => {
    const busy = scope.get("busy");
    said.hidden = Boolean(busy);
    if (!page) said.textContent = scope.get("note");
    report.enable(!busy);
    napari.enable(!busy);
  });
  // Where it was saved is told in the page that is open; the link shows what was saved, whoever serves the files.
  scope.listen("saved", (saved, buffers) => {
    if (!buffers[0]) return;
    if (page) URL.revokeObjectURL(page);
    page = URL.createObjectURL(new Blob([buffers[0] as unknown as BlobPart], { type: "text/html" }));
    const link = h("a", { href: page, target: "_blank", rel: "noopener", title: "Open the report in a new tab" }, saved.name);
    replace(said, "Saved ", link, ` in ${saved.folder}`);
    said.title = saved.folder;
  });
  scope.later(() => page && URL.revokeObjectURL(page));
  return () => scope.dispose();
}

export default { render };
