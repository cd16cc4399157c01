// Drives the page in a headless chromium: node drive.mjs ADDRESS CHROMIUM OUT
//
// What was seen is written to OUT/seen.json, and the file that the page emits for each
// example to OUT/EXAMPLE.py; tests/playground/test_page.py judges both.
import { mkdir, writeFile } from "node:fs/promises";
import { chromium } from "playwright-core";

const [address, executablePath, out] = process.argv.slice(2);
const LONG = `a_long_name_${"of_a_thing_".repeat(5)}end`;
const WAIT = { timeout: 120_000 };

const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
const seen = { errors: [], asked: [] };

/** A page whose program has been compiled, or said to be wrong. */
async function opened(fragment = "", size = { width: 1400, height: 900 }) {
  const page = await browser.newPage({ viewport: size });
  page.on("pageerror", (error) => seen.errors.push(String(error)));
  page.on("console", (said) => said.type() === "error" && seen.errors.push(said.text()));
  page.on("request", (request) => seen.asked.push(request.url()));
  await page.goto(address + fragment);
  await settled(page);
  return page;
}

/** Waits until what is on the page follows from the text in the editor. */
async function settled(page, state = "compiled|wrong|failed") {
  const ends = (states) => states.split("|").includes(document.body.dataset.state);
  await page.waitForFunction(ends, state, WAIT);
  return page.evaluate(() => document.body.dataset.state);
}

async function opens(page, text, name = "playground.star") {
  await page.evaluate(([text, name]) => playground.open(text, name), [text, name]);
  return settled(page);
}

const emitted = (page) => page.evaluate(() => playground.emitted());
const text = (page) => page.evaluate(() => playground.program().text);
const said = (page) => page.textContent("#notice");

await mkdir(out, { recursive: true });
const page = await opened();
seen.first = await emitted(page);

// Every example, by the menu.
seen.pictures = {};
const names = await page.$$eval("#examples option", (all) => all.map((one) => one.value));
for (const name of names.filter(Boolean)) {
  await page.selectOption("#examples", name);
  await settled(page);
  await writeFile(`${out}/${name}.py`, (await emitted(page)) ?? "");
  seen.pictures[name] = await page.$$eval(".drawing svg rect", (all) => all.length);
}
seen.names = names.filter(Boolean);

// A mistake is typed, seen and mended.
await page.selectOption("#examples", "tiny_hybrid.star");
await settled(page);
const start = await text(page);
await page.click("#source .cm-line:has-text('liv mlp')");
await page.keyboard.press("End");
await page.keyboard.press("Enter");
await page.keyboard.type("liv other = SwiGLUE");
await page.keyboard.press("Escape");
seen.wrong_state = await settled(page, "wrong");
const squiggle = page.locator("#source .cm-lintRange-error");
await squiggle.first().waitFor();
seen.squiggle = await squiggle.first().textContent();
await squiggle.first().hover();
seen.tooltip = await page.textContent(".cm-tooltip-lint");
seen.listed = await page.textContent("#mistakes");
seen.stale = await page.$eval("#emitted", (one) => one.classList.contains("stale"));
await page.mouse.move(5, 5);
await page.locator("#source .cm-content").focus();
await page.keyboard.press("Backspace");
seen.mended_state = await settled(page, "compiled");
seen.squiggles_after = await squiggle.count();
seen.mended_text = await text(page);
await writeFile(`${out}/mended.py`, await emitted(page));
await opens(page, start, "tiny_hybrid.star");

// Completion: what the language server proposes.
await page.click("#source .cm-line:has-text('liv mlp')");
await page.keyboard.press("End");
await page.keyboard.press("Enter");
await page.keyboard.type("liv other = Short");
await page.locator(".cm-tooltip-autocomplete li").first().waitFor();
seen.completed = await page.$$eval(".cm-tooltip-autocomplete li", (all) => all.map((one) => one.textContent));
await page.keyboard.press("Escape");
await opens(page, start, "tiny_hybrid.star");

// A hover in the text, and one over the picture.
await page.locator("#source .cm-line:has-text('kv_heads') span:has-text('GQA')").first().hover();
await page.locator(".about").first().waitFor();
seen.hover = await page.locator(".about").first().textContent();
await page.locator(".drawing svg g text").first().hover();
seen.liv = await page.textContent("#liv");

// The context moves the cache.
seen.cache = [await page.textContent("tfoot")];
await page.fill("#context", "16");
await page.waitForFunction((old) => document.querySelector("tfoot").textContent !== old, seen.cache[0], WAIT);
seen.cache.push(await page.textContent("tfoot"), await page.textContent("#tokens"));

// Genomes, both ways, and one that is none.
await page.fill("#genome", "21211-31112-21211-31112");
await page.press("#genome", "Enter");
await page.waitForFunction((old) => playground.program().text !== old, start, WAIT);
await settled(page);
await page.waitForFunction(() => document.getElementById("genome").value !== "", null, WAIT);
seen.decoded = await text(page);
seen.encoded = await page.inputValue("#genome");
await page.fill("#genome", "2121");
await page.press("#genome", "Enter");
await page.locator("#notice.wrong").waitFor();
seen.no_genome = await said(page);

// A mutation.
const before = await text(page);
await page.click("#mutate");
await page.waitForFunction((old) => playground.program().text !== old, before, WAIT);
seen.mutated_state = await settled(page);
seen.mutated = [before, await text(page)];
seen.mutation = await said(page);

// A link, and three that are none.
await opens(page, start, "playground.star");
await page.click("#link");
await page.waitForFunction(() => location.hash.length > 1, null, WAIT);
const hash = await page.evaluate(() => location.hash);
const linked = await opened(hash);
seen.linked = await text(linked);
await linked.close();
seen.bad_links = {};
for (const bad of ["#%%%", "#a", "#_w", `#${"A".repeat((1 << 20) + 4)}`]) {
  const other = await opened(bad);
  const key = bad.slice(0, 8);
  seen.bad_links[key] = [await said(other), await other.evaluate(() => document.body.dataset.state)];
  await other.close();
}

// Text is text: neither a name nor a message becomes an element.
const hostile = "# <img src=x onerror=window.hurt=1>\nmodel m { width = <script>window.hurt=1</script> }\n";
seen.hostile_state = await opens(page, hostile);
seen.hurt = await page.evaluate(() => [window.hurt ?? null, document.querySelectorAll("img:not(.cm-widgetBuffer), main script").length]);

// A name that makes lines too long needs the formatter.
const named = `model m { width = 64; vocab = 256 }\nbackbone { ${LONG}: MHA(heads = 2) }\n`;
seen.long_state = await opens(page, named, "long.star");
await writeFile(`${out}/long.star`, named);
await writeFile(`${out}/long.star.py`, (await emitted(page)) ?? "");

// 16 MiB, and the page lives on.
seen.huge_state = await page.evaluate(() => {
  playground.open("# " + "x".repeat((1 << 24) - 2), "huge.star");
}).then(() => settled(page, "wrong"));
seen.huge = await page.textContent("#mistakes");
seen.after_huge = await opens(page, start, "tiny_hybrid.star");

for (const [place, size] of Object.entries({ wide: { width: 1400, height: 900 }, narrow: { width: 390, height: 844 } }))
  for (const scheme of ["light", "dark"]) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme: scheme });
    seen[`overflow_${place}`] = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    await page.screenshot({ path: `${out}/${place}_${scheme}.png`, fullPage: place === "narrow" });
  }

await browser.close();
await writeFile(`${out}/seen.json`, JSON.stringify(seen, null, 1));
