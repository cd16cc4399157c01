// The compiler, in a thread of its own: requests in, answers out, one after another.
import { install } from "../files.mjs";
// @ts-expect-error: they lie beside the page, not in the bundle
import createPyodideModule from "./pyodide/pyodide.asm.mjs";
// @ts-expect-error
import { loadPyodide } from "./pyodide/pyodide.mjs";

interface Request {
  id: number;
  request: string;
}

/** What of a worker's own scope is used: the types of the page stand here too. */
const worker = self as unknown as {
  location: Location;
  postMessage(message: object): void;
  onmessage: (event: MessageEvent<Request>) => void;
};

async function fetched(name: string): Promise<Response> {
  const found = await fetch(new URL(name, worker.location.href));
  if (!found.ok) throw new Error(`${name}: ${found.status} ${found.statusText}`);
  return found;
}

type Done = (instance: WebAssembly.Instance, module: WebAssembly.Module) => void;

interface Settings {
  instantiateWasm(imports: WebAssembly.Imports, done: Done): unknown;
}

/** A Python with so many bytes of memory; the snapshot is copied over its beginning. */
function sized(bytes: number) {
  return (settings: Settings) => {
    const instantiate = settings.instantiateWasm;
    settings.instantiateWasm = (imports, done) =>
      instantiate(imports, (instance, module) => {
        const memory = instance.exports.memory as WebAssembly.Memory;
        const missing = bytes - memory.buffer.byteLength;
        if (missing > 0) memory.grow(Math.ceil(missing / 65536));
        done(instance, module);
      });
    return createPyodideModule(settings);
  };
}

/** A Python that has the compiler in memory already: see build.mjs. */
async function start() {
  const files = fetched("code.json").then((found) => found.json());
  const memory = await (await fetched("snapshot.bin")).arrayBuffer();
  const python = await loadPyodide({
    _loadSnapshot: new Uint8Array(memory),
    createPyodideModule: sized(memory.byteLength),
  });
  install(python.FS, await files);
  return { python, answer: python.runPython("import bridge; bridge.answer") };
}

const started = start();
started.then(
  () => worker.postMessage({ ready: true }),
  (error: unknown) => worker.postMessage({ failed: String(error) }),
);

async function answered(request: string): Promise<string> {
  const { python, answer } = await started;
  let found: string = answer(request);
  if (found === '{"needs": "black"}') {
    install(python.FS, await (await fetched("black.json")).json());
    python.runPython("import importlib; importlib.invalidate_caches()");
    found = answer(request);
  }
  return found;
}

let last: Promise<void> = Promise.resolve();

worker.onmessage = ({ data }) => {
  clearTimeout(idle);
  last = last.then(async () => {
    try {
      worker.postMessage({ id: data.id, answer: await answered(data.request) });
    } catch (error) {
      worker.postMessage({ id: data.id, failed: String(error) });
    }
    clearTimeout(idle);
    if (turns < TURNS) idle = setTimeout(() => warm(data.request), IDLE);
  });
};

// A browser translates what runs often into faster code. The turns that this takes are
// made while nobody waits, so that the first key already finds the faster code.

/** Programs compiled for this alone; more of them gain nothing. */
const TURNS = 25;
/** Milliseconds without a request. */
const IDLE = 150;
/** Characters; a long program would be in the way. */
const LONG = 20_000;

let turns = 0;
let idle: ReturnType<typeof setTimeout> | undefined;

function warm(request: string): void {
  const { text, name } = JSON.parse(request);
  if (text.length > LONG) return;
  const other = `${text}${"\n".repeat(++turns)}`; // the compiler remembers its last texts
  last = last.then(async () => {
    try {
      for (const ask of ["compile", "draw"]) await answered(JSON.stringify({ ask, text: other, name }));
      if (turns < TURNS) idle = setTimeout(() => warm(request), 0);
    } catch {
      turns = TURNS; // who asks the same is told
    }
  });
}
