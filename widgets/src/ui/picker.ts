// A file picker: what lies in the folders of the kernel's machine. Names travel as answers and are never state.
import { button, type Label, typed } from "./controls";
import { makeDialog, openDialog } from "./dialog";
import { h, replace, setText } from "./dom";
import type { FileEntry, Listing } from "../generated/files";
import type { Scope } from "./model";

/** A panel that knows what lies in a folder. */
interface Browses {
  state: object;
  questions: { browse: { asks: { folder?: string | null }; answer: Listing } };
}

/** A panel that opens a path, too. */
interface Opens extends Browses {
  actions: { open: { path: string } };
}

export interface PathField {
  element: HTMLElement;
  enable(on: boolean): void;
}

/** What is opened: the tooltip of its button and how that looks, the heading of the picker, whether it can be a folder. */
interface Opened {
  placeholder: string;
  open: string;
  look: "primary" | "plain";
  heading: string;
  folders: boolean;
}

/**
 * A path that is typed or picked, and a button that opens it. The path is sent as a message and never kept in the
 * widget's state: a saved notebook must not carry it.
 */
export function pathField(scope: Scope<Opens>, label: Label, what: Opened): PathField {
  const path = typed(label, { placeholder: what.placeholder }, () => undefined);
  const given = () => (path.input as HTMLInputElement).value.trim();
  const read = (place: string) => {
    path.set(place);
    scope.act("open", { path: place });
  };
  const open = button("Open", what.open, () => scope.act("open", { path: given() }), what.look);
  const where = `Pick a file${what.folders ? " or a folder" : ""} on the machine of the kernel`;
  const browse = button("Browse…", where, () => pick(scope, browse.element, { heading: what.heading, whole: what.folders ? OPENED : null }, read));
  path.input.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && given()) scope.act("open", { path: given() });
  });
  return {
    element: h("div", { class: "mwb-fields" }, path.row, h("div", { class: "mwb-actions" }, open.element, browse.element)),
    enable(on) {
      for (const control of [path, browse, open]) control.enable(on);
    },
  };
}

const ROOTS: Record<string, string> = { here: "Working folder", home: "Home", data: "Data" };

/** What the button for the folder itself says, and its tooltip. */
type Whole = [string, string];
const OPENED: Whole = ["Open this folder", "Read the folder as it is, such as one with a DICOM series"];

/** Let a person pick a file, or with `whole` a folder too; `picked` gets its path, and whether it is a folder. */
export function pick(scope: Scope<Browses>, opener: HTMLElement, what: { heading: string; whole: Whole | null }, picked: (path: string, folder: boolean) => void): void {
  const roots = h("div", { class: "mwb-actions" });
  const place = h("p", { class: "mwb-place" });
  const list = h("ul", { class: "mwb-files", "aria-label": what.heading });
  const told = h("p", { class: "mwb-hint", role: "status" });
  let shown: Listing | null = null;
  const whole = what.whole && button(...what.whole, () => take(shown?.folder ?? "", true), "primary");
  const dialog = makeDialog(what.heading, "mwb-picker");
  const take = (path: string, folder = false) => {
    dialog.element.close();
    picked(path, folder);
  };
  const go = async (folder?: string) => {
    setText(told, "Listing…");
    const answer = await scope.ask("browse", folder ? { folder } : {});
    if ("error" in answer) {
      setText(told, answer.error);
      return;
    }
    shown = answer;
    setText(place, answer.folder);
    replace(roots, ...answer.roots.map((root) => button(ROOTS[root.name] ?? root.name, root.path, () => void go(root.path), "quiet").element));
    const up = answer.parent && row({ name: "..", path: answer.parent, folder: true, bytes: null });
    replace(list, up || null, ...answer.entries.map(row));
    const left = answer.left_out ? `${answer.left_out} more are not listed; type the path.` : "";
    setText(told, left || (answer.entries.length ? "" : "Nothing of this kind lies here."));
    list.scrollTop = 0;
    list.querySelector("button")?.focus();
  };
  const row = (entry: FileEntry) =>
    h(
      "li",
      {},
      h(
        "button",
        {
          type: "button",
          class: `mwb-file${entry.folder ? " mwb-folder" : ""}`,
          title: entry.folder ? `Go to ${entry.name}` : `Open ${entry.name}`,
          onclick: () => (entry.folder ? void go(entry.path) : take(entry.path)),
        },
        h("span", {}, entry.folder && entry.name !== ".." ? `${entry.name}/` : entry.name),
        entry.bytes !== null && h("small", {}, bytes(entry.bytes)),
      ),
    );
  dialog.element.addEventListener("keydown", (event) => {
    const buttons = [...list.querySelectorAll("button")];
    const at = buttons.indexOf(document.activeElement as HTMLButtonElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && buttons.length) {
      event.preventDefault();
      buttons[Math.min(Math.max(at + step, 0), buttons.length - 1)].focus();
    }
    event.stopPropagation();
  });
  openDialog(dialog, opener, roots, place, list, told, h("div", { class: "mwb-actions" }, whole && whole.element, dialog.close));
  void go();
}

function bytes(count: number): string {
  for (const [unit, name] of [[1e9, "GB"], [1e6, "MB"], [1e3, "kB"]] as const) {
    if (count >= unit) return `${(count / unit).toPrecision(3)} ${name}`;
  }
  return `${count} bytes`;
}
