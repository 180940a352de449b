// Every job below the server's folder in a side panel. It needs no kernel: the server half answers (workbench/lab/runs.py).
// While the panel is hidden nothing is asked.
import { Dialog, showDialog } from "@jupyterlab/apputils";
import { Widget } from "@lumino/widgets";

import type { RunRow, RunsAnswer } from "../generated/runs";
import { button } from "../ui/controls";
import { h, setText } from "../ui/dom";
import { errorBox } from "../ui/feedback";
import { jobList } from "../ui/job_list";
import { hint } from "../ui/panel";
import { runsIcon } from "./icon";
import "./runs.css";
import { ask } from "./server";
import { WatchingWidget } from "./watching";

/** A chart has so many colours. */
const MOST_COMPARED = 6;

/** Where the panel leads to. */
export interface Ways {
  openApp(): Promise<unknown>;
  openJob(job: RunRow): Promise<unknown>;
  compare(paths: string[]): Promise<unknown>;
}

export class RunsPanel extends WatchingWidget {
  private readonly list = jobList<RunRow>({
    stop: (job) => this.act("The job was not stopped.", () => ask("runs/stop", { path: job.path }, "POST")),
    resume: (job) => this.act("The job does not go on.", () => ask("runs/resume", { path: job.path }, "POST")),
    open: (job) => this.act("The job was not opened.", () => this.ways.openJob(job)),
    remove: (job) => this.remove(job),
    choose: (job, chosen) => this.choose(job.path, chosen),
  });
  private readonly status = h("span", { class: "mwb-status", role: "status" });
  private readonly empty: HTMLElement;
  private readonly none = hint("");
  private readonly left = hint("");
  private readonly lost = errorBox();
  private readonly failed = errorBox(() => this.failed.show({}));
  private readonly comparing = button("Compare", "Draw the curves of the chosen runs over each other", () =>
    this.act("The runs were not compared.", () => this.ways.compare([...this.chosen])),
  );
  private readonly chosen = new Set<string>();
  private asked = 0;
  private shown = 0;

  constructor(private readonly ways: Ways) {
    super("runs");
    this.addClass("wb-RunsPanel");
    this.node.tabIndex = -1;
    this.title.icon = runsIcon;
    this.title.caption = "Runs";
    const begin = button("Open the App", "Train a model without writing code", () => this.act("The App was not opened.", () => this.ways.openApp()), "primary");
    this.empty = h(
      "div",
      { class: "wb-RunsPanel-empty" },
      this.none,
      hint("A run goes on when the notebook, its kernel and this page are closed; it is found here again."),
      hint("Begin one in the App, or in a notebook:"),
      h("pre", { class: "mwb-code", tabindex: 0 }, 'run = wb.train("3d-unet", data=data)'),
      begin.element,
    );
    this.empty.hidden = true;
    const again = button("Look again", "Ask the server now", () => this.refresh(), "quiet");
    const head = h("header", { class: "wb-RunsPanel-head" }, h("h2", {}, "Runs"), this.status, this.comparing.element, again.element);
    const told = h("div", { class: "wb-RunsPanel-told" }, this.lost.element, this.failed.element);
    this.node.append(h("div", { class: "mwb-ui wb-RunsPanel-body" }, head, told, this.list.element, this.empty, this.left));
    this.choose();
  }

  protected async look(): Promise<void> {
    const asked = ++this.asked;
    try {
      this.take(await (await ask("runs")).json(), asked);
      this.lost.show({});
    } catch (error) {
      this.lost.show({
        title: "The jobs cannot be listed.",
        cause: (error as Error).message,
        remedy: "It is tried again by itself, less and less often; Look again asks at once.",
      });
      // the poll then waits longer each time
      throw error;
    }
  }

  /** Do what was pressed; an answer of the server that lists the jobs is shown at once. */
  private async act(otherwise: string, work: () => Promise<unknown>): Promise<void> {
    const asked = ++this.asked;
    this.failed.show({});
    this.list.enable(false);
    try {
      const answer = await work();
      if (answer instanceof Response) this.take(await answer.json(), asked);
    } catch (error) {
      this.failed.show({ title: otherwise, cause: (error as Error).message });
    } finally {
      this.list.enable(true);
    }
    this.refresh();
  }

  private async remove(job: RunRow): Promise<void> {
    const body = h(
      "div",
      {},
      h("p", {}, "Its folder is deleted with everything in it: settings, curves, checkpoints, log. Results that it wrote elsewhere stay. This cannot be undone."),
      h("p", {}, h("code", {}, job.path)),
    );
    const answer = await showDialog({
      title: `Delete ${job.title}?`,
      body: new Widget({ node: body }),
      buttons: [Dialog.cancelButton(), Dialog.warnButton({ label: "Delete" })],
      defaultButton: 0,
    });
    if (!answer.button.accept) return;
    this.choose(job.path, false);
    await this.act("The job was not deleted.", () => ask("runs", { path: job.path }, "DELETE"));
    // the button that had it is gone
    if (!this.node.contains(document.activeElement)) this.node.focus();
  }

  private choose(path = "", chosen = false): void {
    if (chosen) this.chosen.add(path);
    else this.chosen.delete(path);
    this.comparing.show(this.chosen.size > 0);
    const { size } = this.chosen;
    this.comparing.enable(size > 1 && size <= MOST_COMPARED, `Choose two to ${MOST_COMPARED} runs`);
  }

  /** Show an answer, unless one to a later question was shown before. */
  private take({ rows, more, outside }: RunsAnswer, asked: number): void {
    if (asked < this.shown || this.isDisposed) return;
    this.shown = asked;
    this.list.show(rows);
    this.empty.hidden = rows.length > 0;
    setText(this.none, outside ? "No run below the server's folder." : "No run yet.");
    for (const path of [...this.chosen]) if (!rows.some((row) => row.path === path)) this.choose(path);
    const alive = rows.filter((row) => row.alive).length;
    setText(this.status, alive ? `${alive} under way` : "");
    const words = [
      more && `${more} older ones: wb.jobs() lists all.`,
      outside && `${outside} outside of the server's folder are not listed: wb.jobs() lists them.`,
    ];
    setText(this.left, words.filter(Boolean).join(" "));
    this.left.hidden = !this.left.textContent;
    this.alive = alive > 0;
  }
}
