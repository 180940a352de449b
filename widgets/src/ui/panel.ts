// The frame that every panel shares: a numbered heading that folds, a body, and what a person is told: how far it is,
// what went wrong, what is asked first. All of that stands below the buttons that were pressed, and is scrolled to.
import { button } from "./controls";
import { h, setText, uniqueId, type Child } from "./dom";
import type { Problem } from "../generated/messages";
import type { Panel } from "../generated/panel";
import { copyAsCode, errorBox, progress, questionBox } from "./feedback";
import { Scope, type Model } from "./model";
import "./ui.css";

/** A panel, whatever else it sends unasked. */
type AnyPanel = Omit<Panel, "says"> & { says: object };

export interface Frame<W extends AnyPanel> {
  body: HTMLElement;
  scope: Scope<W>;
  /** Progress, Cancel, errors and questions; it belongs right below the buttons that cause them. */
  feedback: HTMLElement;
  /** Called with false while a job runs: lock what must not change meanwhile. */
  whenBusy(update: (idle: boolean) => void): void;
  /** Fold the panel, or unfold it. */
  fold(folded: boolean): void;
}

export function frame<W extends AnyPanel>(model: Model<W>, el: HTMLElement, title: string): Frame<W> {
  const own = new Scope(model);
  // messages of its own are nothing that is listened to here
  const scope = own as unknown as Scope<Panel>;
  const heading = uniqueId("panel");
  const badge = h("span", { class: "mwb-badge", "aria-hidden": "true" });
  const status = h("span", { class: "mwb-status" });
  const body = h("div", { class: "mwb-body" });
  const toggle = h(
    "button",
    { type: "button", class: "mwb-fold", id: heading, "aria-expanded": "true", "aria-label": `${title} panel`, title: `Fold or unfold ${title}` },
    badge,
    h("span", { class: "mwb-title" }, title),
  );
  const fold = (folded: boolean) => {
    toggle.setAttribute("aria-expanded", String(!folded));
    body.hidden = folded;
  };
  toggle.addEventListener("click", () => fold(toggle.getAttribute("aria-expanded") === "true"));
  const told = feedback(scope);
  const head = h("header", { class: "mwb-head" }, toggle, status, copyAsCode(scope, "code"));
  const card = h("section", { class: "mwb-ui mwb-card", "aria-labelledby": heading }, head, body);
  body.append(told);
  el.append(card);

  scope.watch(["number"], () => {
    const number = scope.get("number");
    badge.hidden = !number;
    setText(badge, number);
  });
  scope.watch(["busy", "note"], () => {
    card.setAttribute("aria-busy", String(Boolean(scope.get("busy"))));
    setText(status, scope.get("note"));
    status.title = scope.get("note");
  });
  return {
    body,
    scope: own,
    feedback: told,
    fold,
    whenBusy: (update) => scope.watch(["busy"], () => update(!scope.get("busy"))),
  };
}

/** What a panel says back, in one place. */
export function feedback(scope: Scope<Panel>): HTMLElement {
  const bar = progress();
  const cancel = button("Cancel", "Stop what is under way; nothing is lost", () => scope.act("cancel"));
  const working = h("div", { class: "mwb-working" }, bar.element, cancel.element);
  const errors = errorBox(() => scope.act("dismiss"));
  const question = questionBox((yes) => scope.act("answer", { yes }));
  const jobs = button("Look at jobs", "Go to the panel of jobs, which says how far it is", () => goTo(element, "Jobs"));
  const words = h("p", {});
  const begun = h("div", { class: "mwb-found", role: "status" }, words, jobs.element);
  const element = h("div", { class: "mwb-feedback" }, working, errors.element, question.element, begun);
  scope.watch(["begun"], () => {
    begun.hidden = !scope.get("begun");
    setText(words, scope.get("begun"));
    jobs.show(Boolean(panelOf(element, "Jobs")));
    if (!begun.hidden) reveal(element);
  });
  // A message in words that no notebook may keep, such as the name of a file: it stands in for the one that is kept.
  let live: Problem = {};
  scope.listen("live", (problem) => {
    live = problem;
    showProblem();
  });
  const showProblem = () => {
    const kept = scope.get("problem");
    errors.show(kept.title && live.number === kept.number ? live : kept);
    intoSight();
  };
  const intoSight = () => {
    if (!working.hidden || !errors.element.hidden || !question.element.hidden) reveal(element);
  };
  // What is worked out meanwhile, such as the size of a network, moves the panels below it.
  const cards = new ResizeObserver(intoSight);
  scope.later(() => cards.disconnect());
  scope.watch(["busy", "progress"], () => {
    const busy = scope.get("busy");
    const began = working.hidden && Boolean(busy);
    working.hidden = !busy;
    if (busy) bar.show(busy, scope.get("progress"));
    else bar.hide();
    if (began) {
      intoSight();
      for (const card of element.closest(".mwb-app-panels")?.querySelectorAll(".mwb-card") ?? []) cards.observe(card);
    }
    if (!busy) cards.disconnect();
  });
  scope.watch(["cancellable"], () => cancel.show(scope.get("cancellable")));
  scope.watch(["problem"], showProblem);
  scope.watch(["question"], () => {
    question.show(scope.get("question"));
    intoSight();
  });
  return element;
}

/** Unfold another panel of the App that `from` is in, and scroll it into sight. */
export function goTo(from: HTMLElement, title: string): void {
  const toggle = panelOf(from, title);
  if (toggle?.getAttribute("aria-expanded") === "false") toggle.click();
  toggle?.closest(".mwb-card")?.scrollIntoView({ block: "nearest" });
  toggle?.focus({ preventScroll: true });
}

/** Return the heading of another panel of the App that `from` is in; null where there is none. */
function panelOf(from: HTMLElement, title: string): HTMLElement | null {
  return from.closest(".mwb-app")?.querySelector<HTMLElement>(`.mwb-fold[aria-label="${title} panel"]`) ?? null;
}

let touched: Element | null = null;
// The focus does not tell: a button that is disabled by what it began loses it. Nor would the button: it may be replaced.
for (const type of ["pointerdown", "keydown"]) {
  document.addEventListener(type, ({ target }) => (touched = target instanceof Element ? target.closest(".mwb-card") : null), { capture: true });
}
// Whoever scrolls looks at something else.
document.addEventListener("wheel", () => (touched = null), { capture: true, passive: true });

/** Scroll what answers a click into sight. */
export function reveal(element: Element): void {
  if (element.isConnected && !element.hasAttribute("hidden") && mine(element)) element.scrollIntoView({ block: "nearest" });
}

/** Whether the last thing a person did was in this panel: other panels must not scroll what is looked at away. */
function mine(element: Element): boolean {
  // a demo is done by all panels
  return touched !== null && (touched === element.closest(".mwb-card") || touched.matches(".mwb-welcome"));
}

export function actions(...children: Child[]): HTMLElement {
  return h("div", { class: "mwb-actions" }, ...children);
}

/** What an empty panel says instead of showing nothing. */
export function hint(text: string): HTMLElement {
  return h("p", { class: "mwb-hint" }, text);
}

/** Why something cannot be done, in sight beside what cannot be pressed. */
export function reason(): { element: HTMLElement; show(text: string): void } {
  const element = h("p", { class: "mwb-reason", role: "status" });
  element.hidden = true;
  return {
    element,
    show(text) {
      setText(element, text ? `${text}.`.replace(/\.\.$/, ".") : "");
      element.hidden = !text;
    },
  };
}
