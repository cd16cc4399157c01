import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import Module from "node:module";
import test from "node:test";

const here = new URL("../", import.meta.url);
const read = (name) => JSON.parse(readFileSync(new URL(name, here), "utf8"));
const described = read("package.json");

test("what the package names is there", () => {
  const { languages, grammars, snippets } = described.contributes;
  const named = [described.main, described.icon, languages[0].configuration];
  named.push(...[...grammars, ...snippets].map((one) => one.path));
  for (const name of named) assert.ok(existsSync(new URL(name, here)), name);
});

test("brackets and words are those of the language", () => {
  const { wordPattern, brackets } = read("language-configuration.json");
  assert.equal("GConv-1-Diff".match(new RegExp(wordPattern))[0], "GConv-1-Diff");
  assert.deepEqual(brackets.flat().sort(), [..."(){}[]"].sort());
});

/** What `vscode` offers, as far as the extension uses it. */
function editor(command) {
  const listeners = [];
  const said = [];
  return {
    said,
    listeners,
    workspace: {
      getConfiguration: () => ({ get: () => command }),
      onDidChangeConfiguration: (one) => listeners.push(one) && { dispose() {} },
    },
    window: { showErrorMessage: (text) => said.push(text) },
  };
}

test("the bundle loads, and offers what VS Code calls", () => {
  const require = createRequire(import.meta.url);
  const load = Module._load;
  const anything = new Proxy(class {}, {
    get: (of, name) => (name in of ? of[name] : name === Symbol.toPrimitive ? () => "" : anything),
  });
  Module._load = (name, ...rest) =>
    name === "vscode"
      ? new Proxy(editor(undefined), { get: (of, key) => (key in of ? of[key] : anything) })
      : load(name, ...rest);
  try {
    const extension = require("../out/extension.js");
    assert.equal(typeof extension.activate, "function");
    assert.equal(typeof extension.deactivate, "function");
  } finally {
    Module._load = load;
  }
});
