// What tools/playground/bridge.py answers, and the way to it.

export interface Mistake {
  from: number;
  to: number;
  line: number;
  code: string;
  title: string;
  label: string;
  text: string;
  hint: string;
}

export interface Numbers {
  params: number;
  cache: number;
  prefill: number;
  decode: number;
}

export interface Row extends Numbers {
  label: string;
  class: string;
  sharing: string;
}

export interface Costs {
  context: number;
  own: number;
  rows: Row[];
  left_out: number;
  total: Numbers;
  bare: number;
}

export interface Item {
  label: string;
  kind: string;
  from: number;
  text: string;
  detail: string;
  about: string;
}

export interface Program {
  text: string;
  name: string;
}

export interface Answers {
  compile: { mistakes: Mistake[]; python: string | null };
  draw: { svg: string; genome?: string; none?: string };
  costs: Costs;
  format: { text: string };
  complete: { items: Item[] };
  explain: { from?: number; to?: number; about?: string };
  decode: { text: string };
  mutate: { text: string; changes: string[]; diff: string[] };
}

/** A request that has no other answer than why. */
export class Wrong extends Error {}

interface Waiting {
  done: (answer: string) => void;
  failed: (error: Error) => void;
}

export class Compiler {
  private readonly worker = new Worker(new URL("./worker.js", import.meta.url), {
    type: "module",
  });
  private readonly waiting = new Map<number, Waiting>();
  private count = 0;

  /** Settles once Python runs, or with why it does not. */
  readonly ready: Promise<void>;

  constructor() {
    this.ready = new Promise((done, failed) => {
      this.worker.onerror = (event) => failed(new Error(event.message || "no worker"));
      this.worker.onmessage = ({ data }) => {
        const one = this.waiting.get(data.id);
        this.waiting.delete(data.id);
        if (data.ready) done();
        else if (one === undefined) failed(new Error(data.failed));
        else if (data.failed) one.failed(new Error(data.failed));
        else one.done(data.answer);
      };
    });
  }

  /** Raises Wrong where the compiler says why there is no answer. */
  async ask<Name extends keyof Answers>(
    name: Name,
    program: Program,
    more: Record<string, unknown> = {},
  ): Promise<Answers[Name]> {
    const id = ++this.count;
    const answer = await new Promise<string>((done, failed) => {
      this.waiting.set(id, { done, failed });
      const request = JSON.stringify({ ask: name, ...program, ...more });
      this.worker.postMessage({ id, request });
    });
    const found = JSON.parse(answer);
    if (typeof found.wrong === "string") throw new Wrong(found.wrong);
    return found;
  }
}
