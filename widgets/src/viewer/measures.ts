// What was measured: the lines over the pictures, the one that is being drawn, and what takes them away.

import { h } from "../ui/dom";
import { distance } from "./geometry";
import { type Line, LineOverlay } from "./lines";
import type { LayerInfo, Measurement, Vec3 } from "./protocol";
import type { Scene } from "./scene";
import type { Source } from "./source";
import { lengthUnit, lengthWords } from "./space";

type Ends = { start: Vec3; stop: Vec3 };

export class Measures {
  #overlay = new LineOverlay();
  #draft: Ends | null = null;
  readonly lines = this.#overlay.element;
  /** What was done, for screen readers. */
  readonly said = h("span", { class: "mwb-v-said", role: "status" });

  constructor(
    private source: Source,
    private scene: () => Scene | null,
  ) {}

  /** Show a line while it is being drawn, or none. */
  drawing(line: Ends | null): void {
    this.#draft = line && { ...line };
    this.draw();
  }

  add({ start, stop }: Ends): void {
    const base = this.#base;
    if (base) {
      const line: Measurement = { start, stop, length: distance(start, stop), unit: lengthUnit(base) };
      this.#set([...this.source.get("measurements"), line]);
      this.say(`Measured ${lengthWords(base, line.length)}`);
    }
  }

  /** Take lines away by Delete (the last one) and Escape (all); returns whether it was such a key. */
  key(key: string): boolean {
    const lines = this.source.get("measurements");
    const kept = { Escape: [], Delete: lines.slice(0, -1), Backspace: lines.slice(0, -1) }[key];
    if (!kept || lines.length === 0) {
      return false;
    }
    this.#set(kept);
    this.say(kept.length > 0 ? `${kept.length} lines are left` : "No lines are left");
    return true;
  }

  draw(): void {
    this.#overlay.draw(this.scene()?.lines(this.told()) ?? []);
  }

  /** Every line with its length in words. */
  told(): Line[] {
    const base = this.#base;
    const lines: Ends[] = base ? [...this.source.get("measurements"), ...(this.#draft ? [this.#draft] : [])] : [];
    return lines.map(({ start, stop }) => ({ start, stop, words: base ? lengthWords(base, distance(start, stop)) : "" }));
  }

  say(text: string): void {
    this.said.textContent = text;
  }

  get #base(): LayerInfo | undefined {
    return this.source.get("_layers")[0];
  }

  #set(lines: Measurement[]): void {
    this.source.set("measurements", lines);
  }
}
