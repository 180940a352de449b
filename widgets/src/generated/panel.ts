// Written by widgets/generate.py from workbench.widgets.panel. Change it there, and run `npm run generate`.

import type { CodeAnswer, Live, Problem, Question } from "./messages";

/** What all panels share: busy, progress, note, problem, question; and actions that the front end may ask for. */
export interface Panel {
  state: {
    /** What goes on in a process of its own since the last click */
    begun: string;
    /** What is under way; empty when idle */
    busy: string;
    cancellable: boolean;
    /** One short line in the panel's heading */
    note: string;
    /** Its number in the App; empty where it has none */
    number: string;
    /** What failed last; no names of files */
    problem: Problem;
    /** 0 to 1; below zero when it is not known */
    progress: number;
    /** What is asked first; empty when nothing is */
    question: Question;
  };
  actions: {
    /** Answer the question that is asked. */
    answer: { yes: boolean };
    /** Stop what is under way, and what waits for it. */
    cancel: Record<string, never>;
    /** Put away the message about the last failure, and the question that was not answered. */
    dismiss: Record<string, never>;
  };
  questions: {
    /** The Python code of what was done. */
    code: { asks: Record<string, never>; answer: CodeAnswer };
  };
  says: Live;
}
