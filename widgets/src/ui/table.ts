// A table of results, as `workbench.widgets._tables.told` says it.
import type { TableRows } from "../generated/messages";
import { h, replace } from "./dom";
import { hint } from "./panel";
import "./table.css";

export function resultTable(): { element: HTMLElement; show(made: TableRows): void } {
  const element = h("div", { class: "mwb-table" });
  return {
    element,
    show(made) {
      element.hidden = !made.head;
      if (!made.head) return replace(element);
      const rows = made.rows ?? [];
      const table = h(
        "table",
        {},
        h("thead", {}, h("tr", {}, ...made.head.map((cell) => h("th", { scope: "col" }, cell)))),
        h("tbody", {}, ...rows.map((row) => h("tr", {}, ...row.map((cell) => h("td", {}, cell))))),
      );
      replace(
        element,
        h("p", { class: "mwb-hint" }, made.title),
        rows.length ? h("div", { class: "mwb-table-scroll", tabindex: "0", role: "region", "aria-label": made.title }, table) : null,
        made.more ? hint(`${made.more} more rows are in what the code returns.`) : null,
      );
    },
  };
}
