// From the curves of several runs to charts, each with a line for every run.
import type { CurvesAnswer } from "../generated/runs";
import type { Series } from "./chart";

export interface Plot {
  title: string;
  series: Series[];
}

/** The charts that any of the runs has something for, the loss first; a run keeps its place, and so its colour, in each. */
export function compared(runs: CurvesAnswer[]): Plot[] {
  const names = called(runs);
  const plot = (title: string, curveOf: (run: CurvesAnswer) => number[][] | undefined): Plot => ({
    title,
    series: runs.map((run, n) => ({ name: names[n], points: curveOf(run) ?? [], colour: n })),
  });
  const scores = new Set(runs.flatMap((run) => Object.keys(run.curves.metrics)));
  const plots = [
    plot("Loss", ({ curves }) => (curves.loss.length ? curves.loss : curves.steps)),
    ...[...scores].map((name) => plot(name, ({ curves }) => curves.metrics[name])),
  ];
  return plots.filter(({ series }) => series.some(({ points }) => points.length > 0));
}

/** What the runs are called by: their titles, and where two have the same one their folders too. */
function called(runs: CurvesAnswer[]): string[] {
  const titles = runs.map((run) => run.title);
  return runs.map(({ title, path }) => (titles.filter((one) => one === title).length > 1 ? `${title} (${path.split("/").pop()})` : title));
}
