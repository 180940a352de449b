// The gallery of methods: a dialog with a line and a thumbnail of each; choosing one fills the form.
import type { ExplainPanel } from "../generated/explain_panel";
import type { GalleryCard } from "../generated/explain_gallery";
import { button, type ButtonControl } from "./controls";
import { makeDialog, openDialog } from "./dialog";
import { h, replace, setText } from "./dom";
import { Scope } from "./model";
import "./gallery.css";

/** Return the button that opens the gallery. */
export function gallery(scope: Scope<ExplainPanel>): ButtonControl {
  const open = button("Gallery…", "All methods with a line and a thumbnail of this case each", () => show(scope, open.element));
  return open;
}

function show(panel: Scope<ExplainPanel>, opener: HTMLElement): void {
  const scope = new Scope<ExplainPanel>(panel.model);
  const grid = h("ul", { class: "mwb-gallery" });
  const told = h("p", { class: "mwb-hint", role: "status" });
  const dialog = makeDialog("Methods", "mwb-gallery-dialog");
  let urls: string[] = [];
  let cards = new Map<string, Card>();
  const choose = (method: string) => {
    scope.set({ method });
    dialog.element.close();
  };
  scope.watch(["gallery", "thumbnails", "method", "busy"], () => {
    const rows = scope.get("gallery");
    const old = urls;
    urls = scope.get("thumbnails").map((bytes) => URL.createObjectURL(new Blob([bytes as unknown as BlobPart], { type: "image/png" })));
    if (rows.map((row) => row.value).join() !== [...cards.keys()].join()) {
      cards = new Map(rows.map((row) => [row.value, card(row.value, choose, () => scope.act("sketch", { name: row.value }))]));
      replace(grid, ...[...cards.values()].map((one) => one.element));
    }
    for (const row of rows) cards.get(row.value)?.show(row, urls[row.picture], row.value === scope.get("method"), !scope.get("busy"));
    setText(told, scope.get("busy"));
    for (const url of old) URL.revokeObjectURL(url);
  });
  dialog.element.addEventListener("close", () => {
    scope.act("leave_gallery");
    for (const url of urls) URL.revokeObjectURL(url);
    scope.dispose();
  });
  openDialog(
    dialog,
    opener,
    h("p", {}, "Each shows the case that is looked at, on the slice through the crosshair. Choose one, and set it up in the panel."),
    grid,
    h("div", { class: "mwb-actions" }, dialog.close, told),
  );
  if (!scope.get("blocked")) scope.act("gallery");
}

interface Card {
  element: HTMLElement;
  show(row: GalleryCard, url: string | undefined, chosen: boolean, idle: boolean): void;
}

function card(method: string, choose: (method: string) => void, make: () => void): Card {
  const image = h("img", { alt: "" });
  const empty = h("span", {});
  const name = h("strong", {});
  const line = h("span", { class: "mwb-gallery-line" });
  const pick = h("button", { type: "button", class: "mwb-gallery-pick", onclick: () => choose(method) }, h("span", { class: "mwb-gallery-picture" }, image, empty), name, line);
  const told = h("small", {});
  const more = button("Make thumbnail", "Make its map of this case, coarse where the method can be", make, "quiet");
  const element = h("li", { "data-method": method }, pick, told, more.element);
  return {
    element,
    show(row, url, chosen, idle) {
      const cannot = row.state === "cannot";
      element.classList.toggle("mwb-cannot", cannot);
      element.classList.toggle("mwb-chosen", chosen);
      pick.disabled = cannot;
      pick.setAttribute("aria-pressed", String(chosen));
      pick.title = cannot ? row.told : `Choose ${row.label}`;
      image.hidden = !url;
      if (url) image.src = url;
      setText(empty, url ? "" : cannot ? "not for this model" : "no thumbnail yet");
      empty.hidden = Boolean(url);
      setText(name, row.label);
      setText(line, row.line);
      setText(told, row.told);
      more.show(!url && !cannot);
      more.enable(idle);
    },
  };
}
