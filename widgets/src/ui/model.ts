// The panel's side of the comm: traits of the Python half, and messages to and from it. Their types are Python's, generated.
import type { AnyModel } from "@anywidget/types";

import type { Refusal } from "../generated/messages";

/** What is known of a widget: its traits, and for a panel what it can be asked. */
export interface Widget {
  state: object;
  actions?: object;
  questions?: object;
  says?: object;
}

export type Model<W extends Widget> = AnyModel<W["state"]>;

type Actions<W extends Widget> = NonNullable<W["actions"]>;
type Questions<W extends Widget> = NonNullable<W["questions"]>;
type Asks<W extends Widget, Q extends keyof Questions<W>> = Questions<W>[Q] extends { asks: infer A } ? A : never;
type Answer<W extends Widget, Q extends keyof Questions<W>> = Questions<W>[Q] extends { answer: infer A } ? A : never;
/** Arguments that may be left out where none of them is needed. */
type Given<A> = Record<string, never> extends A ? [values?: A] : [values: A];

/** The names of messages, and what each brings. */
type Names<M> = M extends unknown ? keyof M & string : never;
type Told<M, N extends string> = M extends Record<N, infer V> ? V : never;

/** What one view listens to; everything is let go of together when the view is taken down. */
export class Scope<W extends Widget> {
  private readonly undo: (() => void)[] = [];

  constructor(readonly model: Model<W>) {}

  get<K extends keyof W["state"] & string>(name: K): W["state"][K] {
    return this.model.get(name);
  }

  /** Set traits and send them; an unchanged value is not sent. */
  set(values: Partial<W["state"]>): void {
    for (const name of Object.keys(values) as (keyof W["state"])[]) this.model.set(name, values[name] as W["state"][typeof name]);
    this.model.save_changes();
  }

  /** Call `update` now, and again whenever one of `names` changes. Changes of one moment are drawn once. */
  watch(names: (keyof W["state"] & string)[], update: () => void): void {
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
  act<A extends keyof Actions<W> & string>(action: A, ...[values]: Given<Actions<W>[A]>): void {
    this.model.send({ action, ...values });
  }

  /** Ask the Python half a question; its answer carries the same number. */
  ask<Q extends keyof Questions<W> & string>(action: Q, ...[values]: Given<Asks<W, Q>>): Promise<Answer<W, Q> | Refusal> {
    const number = Math.floor(Math.random() * 2 ** 48);
    return new Promise((resolve) => {
      const listener = (message: (Answer<W, Q> | Refusal) & { answer?: number }) => {
        if (message?.answer !== number) return;
        this.model.off("msg:custom", listener);
        resolve(message);
      };
      this.model.on("msg:custom", listener);
      this.undo.push(() => this.model.off("msg:custom", listener));
      this.model.send({ action, ask: number, ...(values as object | undefined) });
    });
  }

  /** Listen to the messages of one name, which answer no question. */
  listen<N extends Names<W["says"]>>(name: N, listener: (told: Told<W["says"], N>, buffers: DataView[]) => void): void {
    const heard = (message: Record<N, Told<W["says"], N>>, buffers: DataView[]) => {
      if (message && name in message) listener(message[name], buffers);
    };
    this.model.on("msg:custom", heard);
    this.undo.push(() => this.model.off("msg:custom", heard));
  }

  later(undo: () => void): void {
    this.undo.push(undo);
  }

  dispose(): void {
    for (const undo of this.undo.splice(0)) undo();
  }
}
