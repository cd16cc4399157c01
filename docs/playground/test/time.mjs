// Times the page in a headless chromium: node time.mjs ADDRESS CHROMIUM TURNS
//
// Milliseconds on stdout, as JSON: `bare`, a browser that loads Pyodide and nothing else;
// `first`, from opening the page to the first emitted file; `later`, each key after that,
// from the change of the text to the emitted file.
import { chromium } from "playwright-core";

const [address, executablePath, turns] = process.argv.slice(2);
const WAIT = { timeout: 300_000, polling: 5 };
const KEYS = 20;
/** Milliseconds for which a person reads the page before typing. */
const READS = 1500;

const seen = { bare: [], first: [], later: [] };

/** A new browser, which has nothing in its caches. */
async function browsing(work) {
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  await work(await browser.newPage());
  await browser.close();
}

async function bare(page) {
  await page.goto(`${address}style.css`);
  seen.bare.push(
    await page.evaluate(async () => {
      const begun = performance.now();
      const { loadPyodide } = await import("./pyodide/pyodide.mjs");
      await loadPyodide();
      return performance.now() - begun;
    }),
  );
}

async function used(page) {
  await page.goto(address);
  await page.waitForFunction(() => playground.emitted() !== null, null, WAIT);
  seen.first.push(await page.evaluate(() => performance.now()));
  await page.waitForTimeout(READS);
  const times = await page.evaluate(async (keys) => {
    const { text, name } = playground.program();
    const times = [];
    for (let key = 0; key < keys; key++) {
      const before = playground.emitted();
      const begun = performance.now();
      playground.open(text.replace("kernel = 3", `kernel = ${(key % 7) + 4}`), name);
      while (playground.emitted() === before) await new Promise((done) => setTimeout(done, 1));
      times.push(performance.now() - begun);
      while (document.body.dataset.state !== "compiled") await new Promise((done) => setTimeout(done, 1));
    }
    return times;
  }, KEYS);
  seen.later.push(...times);
}

for (let turn = 0; turn < Number(turns); turn++) {
  await browsing(bare);
  await browsing(used);
}
console.log(JSON.stringify(seen));
