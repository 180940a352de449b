// The curves of several runs over each other, in the main area; they grow while a run is under way.
import type { CurvesAnswer } from "../generated/runs";
import { type Chart, lineChart } from "../ui/chart";
import { compared } from "../ui/compared";
import { h, replace } from "../ui/dom";
import { errorBox } from "../ui/feedback";
import { hint } from "../ui/panel";
import { runsIcon } from "./icon";
import "./runs.css";
import { ask } from "./server";
import { WatchingWidget } from "./watching";

export class RunsComparison extends WatchingWidget {
  private readonly lost = errorBox();
  private readonly none = hint("None of these runs has an epoch behind it yet.");
  private readonly place = h("div", { class: "mwb-charts wb-RunsComparison-charts" });
  private readonly charts = new Map<string, Chart>();

  constructor(readonly paths: string[]) {
    super("runs-comparison");
    this.addClass("wb-RunsComparison");
    this.node.tabIndex = -1;
    this.title.label = "Compare runs";
    this.title.caption = paths.join("\n");
    this.title.icon = runsIcon;
    this.title.closable = true;
    this.none.hidden = true;
    this.node.append(h("div", { class: "mwb-ui" }, this.lost.element, this.none, this.place));
  }

  protected async look(): Promise<void> {
    try {
      const answers = await Promise.all(this.paths.map(async (path): Promise<CurvesAnswer> => (await ask("runs/curves", { path })).json()));
      if (this.isDisposed) return;
      this.lost.show({});
      this.draw(answers);
      this.alive = answers.some((run) => run.alive);
    } catch (error) {
      this.lost.show({
        title: "The curves cannot be read.",
        cause: (error as Error).message,
        remedy: "If a run was deleted, close this comparison; else it is tried again by itself.",
      });
      throw error;
    }
  }

  private draw(answers: CurvesAnswer[]): void {
    const plots = compared(answers);
    this.title.label = `Compare ${answers.map((run) => run.title).join(", ")}`;
    this.none.hidden = plots.length > 0;
    for (const { title, series } of plots) {
      const chart = this.charts.get(title) ?? lineChart(title, "epoch");
      this.charts.set(title, chart);
      chart.draw(series);
    }
    const wanted = plots.map(({ title }) => this.charts.get(title)?.element as HTMLElement);
    if (wanted.length !== this.place.children.length) replace(this.place, ...wanted);
  }
}
