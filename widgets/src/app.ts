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
  const print = button("Print, PDF", "Let the browser print the same page, or save it as PDF", () => scope.act("print"), "quiet");
  const napari = button("Open in napari", "Open the same layers in a napari window", () => scope.act("napari"), "quiet");
  const said = h("span", { class: "mwb-said", "aria-live": "polite" });
  const row = h("div", { class: "mwb-actions" }, copyAsCode(scope), report.element, print.element, napari.element, said);
  el.append(h("footer", { class: "mwb-ui mwb-card mwb-footer" }, row, feedback(scope)));
  let page = "";
  scope.watch(["busy", "note"], () => {
    const busy = scope.get("busy");
    said.hidden = Boolean(busy);
    if (!page) said.textContent = scope.get("note");
    report.enable(!busy);
    print.enable(!busy);
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
  scope.listen("printed", (_told, buffers) => {
    if (buffers[0]) printPage(buffers[0]);
  });
  scope.later(() => page && URL.revokeObjectURL(page));
  return () => scope.dispose();
}

/** Print a page in a frame that nobody sees; it goes when the next one comes, as no browser says when printing is over. */
function printPage(html: DataView): void {
  document.querySelector("iframe.mwb-print")?.remove();
  const url = URL.createObjectURL(new Blob([html as unknown as BlobPart], { type: "text/html" }));
  const sheet = h("iframe", { class: "mwb-print", src: url, title: "Report to be printed", "aria-hidden": "true" });
  sheet.addEventListener("load", () => {
    URL.revokeObjectURL(url);
    sheet.contentWindow?.print();
  });
  document.body.append(sheet);
}

export default { render };
