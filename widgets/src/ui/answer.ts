// What the model answered: bars for classes and scores, marks for what is right, and a way to the place of each.
import type { Answer, AnswerRow } from "../generated/messages";
import { h, replace, setText } from "./dom";

const MARKS: Record<string, string> = { "true positive": "TP", "false positive": "FP", "false negative": "FN" };

/** A list that is filled by `show`, which returns whether there is anything new in it. */
export function answerList(
  go: (place: number[]) => void,
  explain: (row: number) => void,
): { element: HTMLElement; show(answer: Answer): boolean } {
  const title = h("span", { class: "mwb-answer-title" });
  const note = h("strong", { class: "mwb-answer-note", "aria-live": "polite" });
  const rows = h("ul", { class: "mwb-bars", "aria-label": "What the model answered" });
  const element = h("div", {}, note, title, rows);
  let drawn = "";
  return {
    element,
    show(answer) {
      const next = JSON.stringify(answer);
      if (next === drawn) return false;
      drawn = next;
      setText(note, answer.note ?? "");
      setText(title, (title.title = answer.title ?? ""));
      const list = answer.rows ?? [];
      const best = Math.max(...list.map((row) => row.value ?? 0));
      const oneOfMany = list.some((row) => "truth" in row);
      replace(rows, ...list.map((row, number) => bar(row, number, oneOfMany && row.value === best)));
      return Boolean(answer.title);
    },
  };

  function bar(row: AnswerRow, number: number, chosen: boolean): HTMLElement {
    const said = row.told ?? (row.value === undefined ? "" : row.place ? row.value.toFixed(2) : percent(row.value));
    const mark = row.match && h("span", { class: "mwb-mark", "data-match": row.match, title: row.match }, MARKS[row.match] ?? row.match);
    const truth = row.truth && h("span", { class: "mwb-mark", "data-match": "truth", title: "The true class" }, "truth");
    const fill = h("i", { class: "mwb-bars-fill" });
    fill.style.width = `${100 * (row.value ?? 0)}%`;
    const content = [
      h("span", { class: "mwb-bars-name" }, row.name),
      truth,
      mark,
      row.value !== undefined && h("span", { class: "mwb-bars-track", "aria-hidden": "true" }, fill),
      h("span", { class: "mwb-bars-value" }, said),
    ];
    const place = row.place;
    const asked = () => explain(number);
    const inner = place
      ? h("button", { type: "button", class: "mwb-bars-row", title: "Go to this place", onclick: () => go(place) }, ...content)
      : row.explains
        ? h("button", { type: "button", class: "mwb-bars-row", title: `Explain ${row.name}`, onclick: asked }, ...content)
        : h("div", { class: "mwb-bars-row" }, ...content);
    const why = place && row.explains && h("button", { type: "button", class: "mwb-bars-why", title: `Explain this ${row.name}`, onclick: asked }, "why?");
    return h("li", { class: chosen ? "mwb-chosen" : "" }, inner, why);
  }
}

function percent(value: number): string {
  return `${(100 * value).toFixed(value > 0.995 || value < 0.005 ? 1 : 0)}%`;
}
