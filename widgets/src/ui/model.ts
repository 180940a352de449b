// The panel's side of the comm: traits of the Python half, and messages to and from it.
import type { AnyModel } from "@anywidget/types";

export type Model = AnyModel<Record<string, unknown>>;

/** What one view listens to; everything is let go of together when the view is taken down. */
export class Scope {
  private readonly undo: (() => void)[] = [];

  constructor(readonly model: Model) {}

  get<T>(name: string): T {
    return this.model.get(name) as T;
  }

  /** Set traits and send them; an unchanged value is not sent. */
  set(values: Record<string, unknown>): void {
    for (const [name, value] of Object.entries(values)) this.model.set(name, value);
    this.model.save_changes();
  }

  /** Call `update` now, and again whenever one of `names` changes. Changes of one moment are drawn once. */
  watch(names: string[], update: () => void): void {
    let due = false;
    const later = () => {
      if (due) return;
      due = true;
      queueMicrotask(() => {
        due = false;
        update();
      });
    };
    for (const name of names) {
      this.model.on(`change:${name}`, later);
      this.undo.push(() => this.model.off(`change:${name}`, later));
    }
    update();
  }

  /** Ask the Python half to do something that it runs in the background. */
  act(action: string, values: Record<string, unknown> = {}): void {
    this.model.send({ action, ...values });
  }

  /** Ask the Python half a question; its answer carries the same number. */
  ask(action: string, values: Record<string, unknown> = {}): Promise<Record<string, unknown>> {
    const number = Math.floor(Math.random() * 2 ** 48);
    return new Promise((resolve) => {
      const listener = (message: Record<string, unknown>) => {
        if (message?.answer !== number) return;
        this.model.off("msg:custom", listener);
        resolve(message);
      };
      this.model.on("msg:custom", listener);
      this.undo.push(() => this.model.off("msg:custom", listener));
      this.model.send({ action, ask: number, ...values });
    });
  }

  /** Listen to the binary or other messages that answer no question. */
  listen(listener: (message: Record<string, unknown>, buffers: DataView[]) => void): void {
    this.model.on("msg:custom", listener);
    this.undo.push(() => this.model.off("msg:custom", listener));
  }

  later(undo: () => void): void {
    this.undo.push(undo);
  }

  dispose(): void {
    for (const undo of this.undo.splice(0)) undo();
  }
}
