// The frame that every panel shares: a numbered heading that folds, a body, progress, and errors that stay in sight.
import { button } from "./controls";
import { h, setText, uniqueId, type Child } from "./dom";
import { copyAsCode, errorBox, progress, type Problem } from "./feedback";
import { Scope, type Model } from "./model";
import "./ui.css";

export interface Frame {
  body: HTMLElement;
  scope: Scope;
  /** Called with false while a job runs: lock what must not change meanwhile. */
  whenBusy(update: (idle: boolean) => void): void;
}

export function frame(model: Model, el: HTMLElement, number: string, title: string): Frame {
  const scope = new Scope(model);
  const heading = uniqueId("panel");
  const status = h("span", { class: "mwb-status" });
  const body = h("div", { class: "mwb-body" });
  const toggle = h(
    "button",
    { type: "button", class: "mwb-fold", id: heading, "aria-expanded": "true", "aria-label": `${title} panel`, title: `Fold or unfold ${title}` },
    number && h("span", { class: "mwb-badge", "aria-hidden": "true" }, number),
    h("span", { class: "mwb-title" }, title),
  );
  toggle.addEventListener("click", () => {
    const open = toggle.getAttribute("aria-expanded") !== "true";
    toggle.setAttribute("aria-expanded", String(open));
    body.hidden = !open;
  });
  const bar = progress();
  const cancel = button("Cancel", "Stop what is under way; nothing is lost", () => scope.act("cancel"));
  const errors = errorBox(() => scope.act("dismiss"));
  const working = h("div", { class: "mwb-working" }, bar.element, cancel.element);
  const head = h("header", { class: "mwb-head" }, toggle, status, copyAsCode(scope, "code"));
  const card = h("section", { class: "mwb-ui mwb-card", "aria-labelledby": heading }, head, body, working, errors.element);
  el.append(card);

  scope.watch(["busy", "progress", "note"], () => {
    const busy = scope.get<string>("busy");
    card.setAttribute("aria-busy", String(Boolean(busy)));
    working.hidden = !busy;
    if (busy) bar.show(busy, scope.get<number>("progress"));
    else bar.hide();
    setText(status, scope.get<string>("note"));
    status.title = scope.get<string>("note");
  });
  scope.watch(["cancellable"], () => cancel.show(scope.get<boolean>("cancellable")));
  scope.watch(["problem"], () => errors.show(scope.get<Problem>("problem")));
  return {
    body,
    scope,
    whenBusy: (update) => scope.watch(["busy"], () => update(!scope.get<string>("busy"))),
  };
}

export function actions(...children: Child[]): HTMLElement {
  return h("div", { class: "mwb-actions" }, ...children);
}

/** What an empty panel says instead of showing nothing. */
export function hint(text: string): HTMLElement {
  return h("p", { class: "mwb-hint" }, text);
}
