// What a panel says back: how far it is, what went wrong and what to do about it, and the code that does the same.
import { button } from "./controls";
import { makeDialog, openDialog } from "./dialog";
import { h, replace, setText } from "./dom";
import type { Problem, Question } from "../generated/messages";
import type { Panel } from "../generated/panel";
import type { Scope } from "./model";

export interface Progress {
  element: HTMLElement;
  /** `fraction` below zero means: busy, how far is not known. `name` is read out where there is no text. */
  show(text: string, fraction: number, name?: string): void;
  hide(): void;
}

export function progress(): Progress {
  const bar = h("div", { class: "mwb-bar-fill" });
  const track = h("div", { class: "mwb-bar", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, bar);
  const text = h("span", { class: "mwb-bar-text", "aria-live": "polite" });
  const element = h("div", { class: "mwb-progress" }, track, text);
  element.hidden = true;
  return {
    element,
    show(label, fraction, name = "progress") {
      element.hidden = false;
      const known = fraction >= 0;
      const percent = Math.round(Math.min(Math.max(fraction, 0), 1) * 100);
      track.classList.toggle("mwb-unknown", !known);
      bar.style.width = known ? `${percent}%` : "";
      if (known) track.setAttribute("aria-valuenow", String(percent));
      else track.removeAttribute("aria-valuenow");
      track.setAttribute("aria-label", label || name);
      setText(text, label);
    },
    hide() {
      element.hidden = true;
    },
  };
}

export interface ErrorBox {
  element: HTMLElement;
  show(problem: Problem): void;
}

export function errorBox(dismiss?: () => void): ErrorBox {
  const element = h("div", { class: "mwb-error", role: "alert" });
  element.hidden = true;
  let shown = "";
  return {
    element,
    show(problem) {
      const next = JSON.stringify(problem ?? {});
      if (next === shown) return;
      shown = next;
      element.hidden = !problem?.title;
      if (element.hidden) return replace(element);
      replace(
        element,
        h(
          "div",
          { class: "mwb-error-head" },
          h("strong", {}, problem.title),
          dismiss && button("✕", "Dismiss this message", dismiss, "quiet").element,
        ),
        problem.cause && h("p", {}, problem.cause),
        problem.remedy && h("p", { class: "mwb-remedy" }, h("b", {}, "What to do: "), problem.remedy),
        problem.details && h("details", {}, h("summary", {}, "Details"), h("pre", {}, problem.details)),
      );
    },
  };
}

export interface QuestionBox {
  element: HTMLElement;
  show(question: Question): void;
}

export function questionBox(answer: (yes: boolean) => void): QuestionBox {
  const element = h("div", { class: "mwb-question", role: "alertdialog", "aria-live": "assertive" });
  element.hidden = true;
  let shown = "";
  return {
    element,
    show(question) {
      const next = JSON.stringify(question ?? {});
      if (next === shown) return;
      shown = next;
      element.hidden = !question?.title;
      if (element.hidden) return replace(element);
      const back = button(question.yes ? "Back" : "Close", "Change it, or leave it", () => answer(false));
      replace(
        element,
        h("strong", {}, question.title),
        h("p", {}, question.text),
        h(
          "div",
          { class: "mwb-actions" },
          back.element,
          question.yes && button(question.yes, "Do it all the same", () => answer(true), "danger").element,
        ),
      );
      back.element.focus({ preventScroll: true });
    },
  };
}

/** A button that asks Python for the code of what a panel did, and shows it in a dialog with Copy. */
export function copyAsCode(scope: Scope<Panel>, text = "Copy as code"): HTMLButtonElement {
  const control = button(
    text,
    "Show the Python code that does the same, and copy it",
    async () => {
      control.enable(false);
      try {
        const answer = await scope.ask("code");
        showCode("code" in answer ? answer.code : answer.error, control.element);
      } finally {
        control.enable(true);
      }
    },
    "quiet",
  );
  return control.element;
}

/** Show code in a dialog with Copy, and copy it. */
export function showCode(code: string, opener: HTMLElement): void {
  const pre = h("pre", { class: "mwb-code", tabindex: 0 }, code);
  const said = h("span", { class: "mwb-said", "aria-live": "polite" });
  const toClipboard = async () => {
    try {
      await navigator.clipboard.writeText(code);
      said.textContent = "Copied.";
    } catch {
      // Without https the clipboard may be closed to scripts: select the text, so that one key press copies it.
      const range = document.createRange();
      range.selectNodeContents(pre);
      getSelection()?.removeAllRanges();
      getSelection()?.addRange(range);
      said.textContent = "Press Ctrl+C to copy the selection.";
    }
  };
  const copy = button("Copy", "Copy the code to the clipboard", () => void toClipboard(), "primary");
  const dialog = makeDialog("The same in code");
  openDialog(
    dialog,
    opener,
    h("p", {}, "Paste this into a new cell: it reproduces what the panel did."),
    pre,
    h("div", { class: "mwb-actions" }, copy.element, dialog.close, said),
  );
  copy.element.focus();
  void toClipboard();
}
