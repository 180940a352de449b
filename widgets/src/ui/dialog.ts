// A modal dialog, as every panel opens one: Escape closes it, its keys are not JupyterLab's, the focus goes back.
import { button } from "./controls";
import { h, uniqueId, type Child } from "./dom";

export interface Dialog {
  element: HTMLDialogElement;
  /** The button that closes it, to be put among its own. */
  close: HTMLButtonElement;
}

/** Make a dialog with a heading; `openDialog` shows it. */
export function makeDialog(heading: string, look = ""): Dialog {
  const title = uniqueId("dialog");
  const element = h("dialog", { class: `mwb-ui mwb-dialog ${look}`, "aria-labelledby": title }, h("h3", { id: title }, heading));
  element.addEventListener("keydown", (event) => event.stopPropagation());
  return { element, close: button("Close", "Close (Escape)", () => element.close()).element };
}

/** Show a dialog with its content; the focus goes back to `opener` when it is closed. */
export function openDialog({ element }: Dialog, opener: HTMLElement, ...children: Child[]): void {
  element.append(...children.filter((child): child is Node | string => Boolean(child)));
  element.addEventListener("close", () => {
    element.remove();
    opener.focus();
  });
  document.body.append(element);
  element.showModal();
}
