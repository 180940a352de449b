// What a press and a drag on the canvas mean: what the tool says. Moving the crosshair, turning and panning are niivue's.

import type { Tool, Vec3 } from "./protocol";
import type { Slice } from "./slices";

export type Window = [low: number, high: number];

/** What gestures are made on, and who hears of them. Places are in CSS pixels of the canvas and in RAS mm. */
export interface Host {
  tool(): Tool;
  /** Whether niivue moves the crosshair with this press, or nothing. */
  leave(what: "crosshair" | "nothing"): void;
  sliceAt(x: number, y: number): Slice | null;
  place(slice: Slice, x: number, y: number): Vec3;
  clicked(slice: Slice, x: number, y: number): void;
  /** The window that a drag changes; none where no layer has one. */
  window(): Window | null;
  windowed(window: Window): void;
  /** Show a point of the canvas, and what is around it, larger or smaller. */
  zoom(factor: number, x: number, y: number): void;
  /** Show the view at a point alone, or all of them again. */
  enlarge(x: number, y: number): void;
  /** A line is being drawn; null where none is. */
  drawing(line: { start: Vec3; stop: Vec3 } | null): void;
  measured(line: { start: Vec3; stop: Vec3 }): void;
}

/** A press that moves less than this (CSS pixels) is a click. */
const STILL = 4;
/** Pixels that double the width of a window; twice as many move its level by a whole width. */
const DOUBLES = 100;
const RIGHT = 2;
/** What one notch of the wheel, 100 pixels, makes larger. */
const ZOOM = 1.2;
/** Of a window, as a part of its level. */
const NARROWEST = 1e-5;

type Press = { x: number; y: number; moved: boolean; act: "line" | "none" } | { x: number; y: number; moved: boolean; act: "click"; slice: Slice } | { x: number; y: number; moved: boolean; act: "window"; from: Window };

export class Gestures {
  #press: Press | null = null;
  #line: { slice: Slice; start: Vec3; stop: Vec3 } | null = null;
  #undo: (() => void)[] = [];

  constructor(
    private canvas: HTMLCanvasElement,
    private host: Host,
  ) {
    this.#listen("pointerdown", (event) => this.#down(event));
    this.#listen("pointermove", (event) => this.#move(event));
    this.#listen("pointerup", (event) => this.#up(event));
    // before niivue: it scrolls with every wheel, and sets the window anew with a double click
    this.#listen("wheel", (event) => this.#wheel(event), true);
    this.#listen("dblclick", (event) => {
      event.stopImmediatePropagation();
      this.host.enlarge(...this.#at(event));
    }, true);
    this.#listen("pointercancel", () => {
      this.cancel();
      this.#press = null;
    });
  }

  /** Forget the line that is being drawn; return whether there was one. */
  cancel(): boolean {
    if (!this.#line) {
      return false; // a press that moves the crosshair is still a click
    }
    this.#line = this.#press = null;
    this.host.drawing(null);
    return true;
  }

  dispose(): void {
    this.#undo.forEach((undo) => undo());
  }

  #down(event: PointerEvent): void {
    const [x, y] = this.#at(event);
    const slice = this.host.sliceAt(x, y);
    const tool = event.shiftKey ? "measure" : this.host.tool();
    const left = event.button === 0 && !event.ctrlKey && !event.metaKey;
    const windows = event.button === RIGHT || (left && tool === "window" && slice !== null);
    const measures = left && tool === "measure" && slice !== null;
    this.host.leave(windows || measures ? "nothing" : "crosshair");
    const from = windows ? this.host.window() : null;
    if (from) {
      this.#press = { x, y, moved: false, act: "window", from };
    } else if (measures) {
      this.#press = { x, y, moved: false, act: "line" };
      if (this.#line) {
        this.#finish(x, y);
      } else {
        const start = this.host.place(slice, x, y);
        this.#line = { slice, start, stop: start };
      }
    } else {
      const clicks = left && slice && (tool === "navigate" || tool === "pick");
      this.#press = clicks ? { x, y, moved: false, act: "click", slice } : { x, y, moved: false, act: "none" };
    }
    if (from || measures) {
      // a drag goes on beyond the edge of the canvas
      this.canvas.setPointerCapture(event.pointerId);
    }
  }

  #move(event: PointerEvent): void {
    const [x, y] = this.#at(event);
    const press = this.#press;
    if (press && Math.hypot(x - press.x, y - press.y) >= STILL) {
      press.moved = true;
    }
    if (press?.act === "window") {
      this.host.windowed(dragged(press.from, x - press.x, y - press.y));
    } else if (this.#line) {
      this.#line.stop = this.host.place(this.#line.slice, x, y);
      this.host.drawing(this.#line);
    }
  }

  #up(event: PointerEvent): void {
    const press = this.#press;
    this.#press = null;
    if (press?.act === "click" && !press.moved) {
      this.host.clicked(press.slice, press.x, press.y);
    } else if (press?.act === "line" && press.moved && this.#line) {
      this.#finish(...this.#at(event));
    }
    // after a click without a drag, the line goes on to the next click
  }

  #finish(x: number, y: number): void {
    const line = this.#line;
    this.#line = null;
    this.host.drawing(null);
    if (line) {
      this.host.measured({ start: line.start, stop: this.host.place(line.slice, x, y) });
    }
  }

  #wheel(event: WheelEvent): void {
    if (event.ctrlKey || event.metaKey) {
      event.preventDefault();
      event.stopImmediatePropagation();
      // lines and pages, where a wheel counts in these
      const pixels = event.deltaY * [1, 33, 400][event.deltaMode];
      this.host.zoom(ZOOM ** (-pixels / 100), ...this.#at(event));
    }
  }

  #at(event: MouseEvent): [number, number] {
    const { left, top } = this.canvas.getBoundingClientRect();
    return [event.clientX - left, event.clientY - top];
  }

  #listen<K extends keyof HTMLElementEventMap>(type: K, listener: (event: HTMLElementEventMap[K]) => void, capture = false): void {
    this.canvas.addEventListener(type, listener, { capture, passive: false });
    this.#undo.push(() => this.canvas.removeEventListener(type, listener, { capture }));
  }
}

/** A window after a drag: to the right it is wider, upwards lower, so that the picture is brighter. */
export function dragged([low, high]: Window, right: number, down: number): Window {
  const level = (low + high) / 2 + ((high - low) * down) / (2 * DOUBLES);
  // the ends stay apart, as far as their digits tell them apart
  const width = Math.max((high - low) * 2 ** (right / DOUBLES), Math.abs(level) * NARROWEST, Number.MIN_VALUE ** 0.5);
  // a thousandth of the width is less than can be seen, and its digits can be read
  const step = 10 ** (Math.floor(Math.log10(width)) - 3);
  const round = (value: number) => Number((Math.round(value / step) * step).toPrecision(12));
  return [round(level - width / 2), round(level + width / 2)];
}
