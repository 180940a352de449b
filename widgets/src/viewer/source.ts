// Where a viewer's state lives. An anywidget model is one such place; a document viewer may bring its own.

import type { AnyModel } from "@anywidget/types";

import type { FromPython, State, ToPython } from "./protocol";

export interface Source {
  get<K extends keyof State>(key: K): State[K];
  set<K extends keyof State>(key: K, value: State[K]): void;
  /** Call back whenever the key changes, from either side; returns how to stop. */
  watch(key: keyof State, callback: () => void): () => void;
  send(message: ToPython): void;
  /** Call back with every answer; returns how to stop. */
  receive(callback: (message: FromPython, buffers: DataView[]) => void): () => void;
}

/** State in a kernel, through the widget protocol. */
export function modelSource(model: AnyModel<State>): Source {
  return {
    get: (key) => model.get(key),
    set: (key, value) => {
      model.set(key, value);
      model.save_changes();
    },
    watch: (key, callback) => {
      model.on(`change:${key}`, callback);
      return () => model.off(`change:${key}`, callback);
    },
    send: (message) => model.send(message),
    receive: (callback) => {
      model.on("msg:custom", callback);
      return () => model.off("msg:custom", callback);
    },
  };
}
