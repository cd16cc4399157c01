import assert from "node:assert/strict";
import { createRequire } from "node:module";
import test from "node:test";

const require = createRequire(import.meta.url);
const { buildSync } = require("esbuild");
const built = buildSync({
  entryPoints: [new URL("../src/command.ts", import.meta.url).pathname],
  format: "esm",
  write: false,
});
const { serverOf } = await import(`data:text/javascript,${encodeURIComponent(built.outputFiles[0].text)}`);

test("a list of words is a program and its arguments", () => {
  assert.deepEqual(serverOf(["python", "-m", "starc", "lsp"]), {
    command: "python",
    args: ["-m", "starc", "lsp"],
  });
});

test("anything else is starc lsp", () => {
  for (const wrong of [undefined, null, [], "starc lsp", [1], [""], {}]) {
    assert.deepEqual(serverOf(wrong), { command: "starc", args: ["lsp"] });
  }
});
