// Steps of a layer, below the pictures: a slider, and playback as fast as Python can show them.

import { h, uniqueId } from "../ui/dom";
import type { Source } from "./source";
import { button } from "./toolbar";

const SPEEDS = [0.5, 1, 2, 4, 8];

export class Timeline {
  readonly element: HTMLElement;
  #play: HTMLButtonElement;
  #slider = h("input", { type: "range", min: 0, step: 1, value: 0, class: "mwb-v-slider", title: "Which step is shown" });
  #name = h("output", { class: "mwb-v-step", "aria-live": "polite" });
  #speed = h("select", { title: "Steps per second, at most: the next is asked for when the last is there" }, ...SPEEDS.map((speed) => h("option", { value: speed }, `${speed} / s`)));
  #timer: ReturnType<typeof setInterval> | undefined;
  #cleanups: (() => void)[];

  constructor(private source: Source) {
    const label = uniqueId("step");
    this.#slider.setAttribute("aria-label", "Step");
    this.#speed.setAttribute("aria-label", "Speed");
    this.#speed.value = "2";
    this.#play = button("", "", () => (this.#timer === undefined ? this.#start() : this.#pause()));
    this.element = h("div", { class: "mwb-v-timeline", role: "group", "aria-label": "Timeline", id: label }, this.#play, this.#slider, this.#name, this.#speed);
    this.#slider.addEventListener("input", () => {
      // to pause draws the slider where it was
      const frame = this.#slider.valueAsNumber;
      this.#pause();
      this.#go(frame);
    });
    this.#speed.addEventListener("change", () => {
      if (this.#timer !== undefined) this.#start();
    });
    // JupyterLab's own shortcuts must not act on what is chosen here
    this.element.addEventListener("keydown", (event) => event.stopPropagation());
    this.#cleanups = (["frames", "frame", "shown_frame"] as const).map((name) => source.watch(name, () => this.#draw()));
    this.#draw();
  }

  dispose(): void {
    this.#pause();
    this.#cleanups.forEach((clean) => clean());
  }

  get #last(): number {
    return (this.source.get("frames") ?? []).length - 1;
  }

  #go(frame: number): void {
    this.source.set("frame", frame);
    this.#draw();
  }

  #start(): void {
    clearInterval(this.#timer);
    if (this.source.get("frame") >= this.#last) this.#go(0);
    this.#timer = setInterval(() => this.#step(), 1000 / Number(this.#speed.value));
    this.#draw();
  }

  #step(): void {
    const frame = this.source.get("frame");
    if (this.source.get("shown_frame") !== frame) return;
    if (frame >= this.#last) this.#pause();
    else this.#go(frame + 1);
  }

  #pause(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.#draw();
  }

  #draw(): void {
    const frames = this.source.get("frames") ?? [];
    const frame = this.source.get("frame") ?? 0;
    this.element.hidden = frames.length < 2;
    if (this.element.hidden && this.#timer !== undefined) {
      clearInterval(this.#timer);
      this.#timer = undefined;
    }
    const plays = this.#timer !== undefined;
    this.#play.textContent = plays ? "❚❚" : "▶";
    this.#play.setAttribute("aria-label", plays ? "Pause" : "Play");
    this.#play.title = plays ? "Pause" : "Play the steps, first to last";
    this.#slider.max = String(Math.max(frames.length - 1, 0));
    this.#slider.value = String(frame);
    this.#slider.setAttribute("aria-valuetext", frames[frame] ?? "");
    this.#name.textContent = frames[frame] ?? "";
    this.#name.title = `${frame + 1} of ${frames.length}`;
  }
}
