// Builds the page into dist/: `make playground` calls it in build/playground.
//
// data/ holds what tools/playground/pack.py wrote. The memory of a Python that has
// imported the compiler and compiled every example is kept as one file: a browser that
// starts from it compiles in a fraction of the time of one that starts Python anew.
import { build } from "esbuild";
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { loadPyodide } from "pyodide";

const OUT = "dist";
const CORE = ["pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", "pyodide-lock.json"];

const json = async (name) => JSON.parse(await readFile(`data/${name}.json`, "utf8"));

async function bundle() {
  await build({
    entryPoints: ["src/page.ts", "src/worker.ts"],
    outdir: OUT,
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    external: ["./pyodide/*"],
    legalComments: "linked",
    logLevel: "warning",
  });
}

/** The memory of Python after a day's work. */
async function snapshot() {
  const python = await loadPyodide({ _makeSnapshot: true });
  const { install, PLACE } = await import("./files.mjs");
  install(python.FS, await json("code"));
  python.runPython(`import sys; sys.path.insert(0, ${JSON.stringify(PLACE)})`);
  const answer = python.runPython("import bridge; bridge.answer");
  const ask = (request) => JSON.parse(answer(JSON.stringify(request)));
  for (const [name, text] of Object.entries(await json("examples"))) {
    const wrong = text.replace("backbone {", "backbone { Nothing(; ");
    for (const given of [text, wrong]) {
      const { python: made, mistakes } = ask({ ask: "compile", text: given, name });
      if ((given === text) !== (made !== null && mistakes.length === 0))
        throw new Error(`${name}: ${JSON.stringify(mistakes)}`);
      ask({ ask: "complete", text: given, name, at: given.indexOf("{") + 1 });
      ask({ ask: "explain", text: given, name, at: given.indexOf("width") });
      ask({ ask: "format", text: given, name });
    }
    const { genome } = ask({ ask: "draw", text, name });
    ask({ ask: "costs", text, name, context: null, dtype: "bf16" });
    ask({ ask: "mutate", text, name, seed: 1 });
    if (genome) ask({ ask: "decode", integers: genome, text, name });
  }
  answer.destroy();
  python.runPython("import gc; bridge.forget(); gc.collect()");
  await writeFile(`${OUT}/snapshot.bin`, python.makeMemorySnapshot());
}

await rm(OUT, { recursive: true, force: true });
await mkdir(`${OUT}/pyodide`, { recursive: true });
await bundle();
for (const name of ["index.html", "style.css"]) await cp(name, `${OUT}/${name}`);
for (const name of CORE) await cp(`node_modules/pyodide/${name}`, `${OUT}/pyodide/${name}`);
for (const name of ["code", "black"]) await cp(`data/${name}.json`, `${OUT}/${name}.json`);
await snapshot();
