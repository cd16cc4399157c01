import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import test from "node:test";

import { scopes } from "./textmate.mjs";

const root = new URL("../../../", import.meta.url);
const files = ["examples/", "examples/search/", "grammar/"].flatMap((folder) =>
  readdirSync(new URL(folder, root))
    .filter((name) => name.endsWith(".star"))
    .map((name) => folder + name),
);

for (const file of files) {
  test(`every word of ${file} has a scope`, () => {
    const found = scopes(readFileSync(new URL(file, root), "utf8"));
    assert.ok(found.length > 0);
    assert.deepEqual(found.filter(([scope]) => scope === ""), []);
  });
}

test("words have the scopes of what they are", () => {
  const found = scopes("  a: GConv-1-Diff(kernel = 3)  weights from c1 # why");
  assert.deepEqual(found, [
    ["entity.name.label.star", "a"],
    ["punctuation.star", ":"],
    ["entity.name.type.star", "GConv-1-Diff"],
    ["punctuation.star", "("],
    ["variable.parameter.star", "kernel"],
    ["keyword.operator.star", "="],
    ["constant.numeric.star", "3"],
    ["punctuation.star", ")"],
    ["keyword.other.star", "weights"],
    ["keyword.other.star", "from"],
    ["variable.other.star", "c1"],
    ["comment.line.number-sign.star", "# why"],
  ]);
});

test("what is no part of the language has none", () => {
  assert.deepEqual(scopes("@"), [["", "@"]]);
});
