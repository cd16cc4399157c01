// The page: an editor, and beside it what the compiler makes of the text in it.
import { autocompletion, type CompletionContext, type CompletionResult } from "@codemirror/autocomplete";
import { python } from "@codemirror/lang-python";
import { type Diagnostic, setDiagnostics } from "@codemirror/lint";
import { Compartment, EditorState } from "@codemirror/state";
import { EditorView, hoverTooltip } from "@codemirror/view";
import { basicSetup } from "codemirror";
import examples from "../data/examples.json";
import { Compiler, type Costs, type Item, type Mistake, type Program, Wrong } from "./compiler";
import { short, table } from "./costs";
import { element, markdown, named } from "./dom";
import { colours, star } from "./language";
import { BadLink, decoded, encoded } from "./link";
import { about, drawn } from "./picture";

const EXAMPLES: Record<string, string> = examples;
const FIRST = "tiny_hybrid.star";
const OWN = "playground.star";

/** Mistakes that are listed below the editor; all of them are underlined. */
const LISTED = 50;

/** Characters of a text in which colours and folds are looked for. */
const PLAIN = 1 << 20;

const compiler = new Compiler();

const state = named<HTMLOutputElement>("state");
const notice = named("notice");
const menu = named<HTMLSelectElement>("examples");
const genome = named<HTMLInputElement>("genome");
const slider = named<HTMLInputElement>("context");

/** What the emitted file says that it was made from. */
let name = FIRST;
/** The last emitted file; null where the text has a mistake. */
let emitted: string | null = null;
/** Of the slider; null: the model's own. */
let context: number | null = null;

function program(): Program {
  return { text: editor.state.doc.toString(), name };
}

function say(text: string, wrong = false): void {
  notice.textContent = text;
  notice.hidden = !text;
  notice.className = wrong ? "wrong" : "";
}

/** Does it, and says why where it cannot be done; whether it was done. */
async function tried(work: () => Promise<void>): Promise<boolean> {
  try {
    await work();
    return true;
  } catch (error) {
    if (error instanceof Wrong || error instanceof BadLink) say(error.message, true);
    else say(`This page has a mistake: ${String(error)}`, true);
    return false;
  }
}

// The editor --------------------------------------------------------------------------

async function complete(at: CompletionContext): Promise<CompletionResult | null> {
  const word = at.matchBefore(/[\w.-]*/);
  if (!at.explicit && !word?.text) return null;
  const { items } = await compiler.ask("complete", program(), { at: at.pos });
  const first = items[0];
  if (!first) return null;
  return { from: first.from, options: items.map(option), validFor: /^[\w.-]*$/ };
}

const KINDS: Record<string, string> = {
  keyword: "keyword",
  liv: "class",
  featurizer: "type",
  label: "variable",
  group: "variable",
  setting: "property",
  value: "enum",
  measure: "function",
};

function option(item: Item, index: number) {
  return {
    label: item.label,
    apply: item.text,
    detail: item.detail,
    type: KINDS[item.kind] ?? "text",
    boost: -Math.min(index, 99),
    info: item.about ? () => markdown(item.about) : undefined,
  };
}

const help = hoverTooltip(async (view, at) => {
  const found = await compiler.ask("explain", program(), { at });
  if (!found.about || found.from === undefined || found.to === undefined) return null;
  if (found.to > view.state.doc.length) return null; // the text has changed since
  const dom = markdown(found.about);
  return { pos: found.from, end: found.to, create: () => ({ dom }) };
});

const coloured = new Compartment();

const look = EditorView.theme({
  "&": { backgroundColor: "var(--paper)", color: "var(--ink)", fontSize: "13px" },
  ".cm-scroller": { fontFamily: "ui-monospace, Menlo, Consolas, monospace" },
  ".cm-content": { caretColor: "var(--ink)" },
  ".cm-cursor": { borderLeftColor: "var(--ink)" },
  ".cm-gutters": { backgroundColor: "var(--paper)", color: "var(--quiet)", border: "none" },
  ".cm-activeLine, .cm-activeLineGutter": { backgroundColor: "var(--raised)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": {
    background: "color-mix(in srgb, var(--accent) 30%, transparent) !important",
  },
  ".cm-tooltip, .cm-panels": {
    backgroundColor: "var(--raised)",
    color: "var(--ink)",
    border: "1px solid var(--line)",
  },
  ".cm-diagnostic": { whiteSpace: "pre-line" },
});

const editor = new EditorView({
  parent: named("source").querySelector(".editor") as HTMLElement,
  state: EditorState.create({
    extensions: [
      basicSetup,
      coloured.of([star, colours]),
      autocompletion({ override: [complete] }),
      help,
      look,
      EditorView.contentAttributes.of({ "aria-label": "The program, in the language star" }),
      EditorView.updateListener.of((update) => {
        if (update.docChanged) changed();
      }),
    ],
  }),
});

const shown = new EditorView({
  parent: named("emitted").querySelector(".editor") as HTMLElement,
  state: EditorState.create({
    extensions: [
      basicSetup,
      python(),
      colours,
      look,
      EditorState.readOnly.of(true),
      EditorView.contentAttributes.of({ "aria-label": "The emitted file, in Python" }),
    ],
  }),
});

/** Changes what differs alone: colours, folds and the cursor stay where the rest is. */
function replace(view: EditorView, text: string): void {
  const old = view.state.doc.toString();
  const most = Math.min(old.length, text.length);
  let from = 0;
  while (from < most && old[from] === text[from]) from++;
  let end = 0;
  while (end < most - from && old[old.length - 1 - end] === text[text.length - 1 - end]) end++;
  if (from === old.length && from === text.length) return;
  const insert = text.slice(from, text.length - end);
  view.dispatch({ changes: { from, to: old.length - end, insert } });
}

/** Shows a program as a new one, under the name that its file has. */
function open(text: string, file: string): void {
  name = file;
  context = null;
  menu.value = text === EXAMPLES[file] ? file : "";
  const before = editor.state.doc.toString();
  replace(editor, text);
  if (before === text) changed();
}

// What the compiler makes of it -------------------------------------------------------

let running = false;
let again = false;

/** One run at a time; of what is typed meanwhile the last. */
function changed(): void {
  again = true;
  if (!running) void run();
}

async function run(): Promise<void> {
  running = true;
  while (again) {
    again = false;
    document.body.dataset.state = "busy";
    if (!(await tried(once))) document.body.dataset.state = "failed";
  }
  running = false;
}

async function once(): Promise<void> {
  const given = program();
  editor.dispatch({
    effects: coloured.reconfigure(given.text.length > PLAIN ? [] : [star, colours]),
  });
  const begun = performance.now();
  const { mistakes, python: text } = await compiler.ask("compile", given);
  if (again) return;
  emitted = text;
  underline(mistakes);
  stale(text === null);
  if (text !== null) {
    replace(shown, text);
    state.textContent = `compiled in ${Math.round(performance.now() - begun)} ms`;
    await Promise.all([picture(given), costs(given)]);
  } else {
    const count = mistakes.length;
    state.textContent = count
      ? `${count} mistake${count === 1 ? "" : "s"}`
      : "a search, and no backbone";
  }
  if (!again) document.body.dataset.state = text === null ? "wrong" : "compiled";
}

/** Of what is shown while the text has a mistake: made from an earlier text. */
function stale(yes: boolean): void {
  for (const id of ["emitted", "picture", "costs"]) named(id).classList.toggle("stale", yes);
  named<HTMLButtonElement>("save").disabled = yes;
  named<HTMLButtonElement>("mutate").disabled = yes;
}

function underline(mistakes: Mistake[]): void {
  const most = editor.state.doc.length;
  const found: Diagnostic[] = mistakes.map((one) => ({
    from: Math.min(one.from, most),
    to: Math.min(Math.max(one.to, one.from), most),
    severity: "error",
    source: one.code,
    message: [headline(one), one.text, one.hint && `Hint: ${one.hint}`].filter(Boolean).join("\n"),
  }));
  editor.dispatch(setDiagnostics(editor.state, found));
  const rows = mistakes.slice(0, LISTED).map((one) => {
    const row = element("button");
    row.append(element("b", `${one.line}: `), headline(one));
    if (one.hint) row.append(`\n${one.hint}`);
    row.onclick = () => {
      const place = Math.min(one.from, editor.state.doc.length);
      editor.dispatch({ selection: { anchor: place }, scrollIntoView: true });
      editor.focus();
    };
    const item = element("li");
    item.append(row);
    return item;
  });
  if (mistakes.length > LISTED) rows.push(element("li", `and ${mistakes.length - LISTED} more`));
  named("mistakes").replaceChildren(...rows);
}

function headline(one: Mistake): string {
  return one.label ? `${one.title}: ${one.label}` : one.title;
}

async function picture(given: Program): Promise<void> {
  const found = await compiler.ask("draw", given);
  const image = drawn(found.svg);
  named("picture").querySelector(".drawing")?.replaceChildren(...(image ? [image] : []));
  named("liv").textContent = "Point at a LIV or an arc to read what it is.";
  if (document.activeElement !== genome) genome.value = found.genome ?? "";
  genome.title = found.none ?? "Five integers a LIV; Enter makes a program of them";
  genome.placeholder = found.none ?? "21211-31112";
}

async function costs(given: Program): Promise<void> {
  priced(await compiler.ask("costs", given, { context, dtype: "bf16" }));
}

function priced(found: Costs): void {
  if (context === null) slider.value = String(Math.round(Math.log2(found.own)));
  named("tokens").textContent = `${found.context.toLocaleString("en")} tokens`;
  const { params, cache, prefill, decode } = found.total;
  const left = found.left_out ? ` ${found.left_out} rows are left out.` : "";
  named("sums").textContent =
    `${short(params)} parameters (${short(found.bare)} without embeddings), ` +
    `${short(cache)}B of cache in bfloat16, FLOPs of a token: ${short(prefill)} ` +
    `of a prompt, ${short(decode)} after it.${left}`;
  named("costs").querySelector(".table")?.replaceChildren(table(found));
}

// What one can do ---------------------------------------------------------------------

for (const file of Object.keys(EXAMPLES)) menu.append(new Option(file.replace(".star", ""), file));
menu.append(new Option("(my own)", ""));
menu.onchange = () => {
  const text = EXAMPLES[menu.value];
  say("");
  if (text !== undefined) open(text, menu.value);
};

named("format").onclick = () =>
  tried(async () => replace(editor, (await compiler.ask("format", program())).text));

named("mutate").onclick = () =>
  tried(async () => {
    const seed = crypto.getRandomValues(new Uint32Array(1))[0];
    const found = await compiler.ask("mutate", program(), { seed });
    replace(editor, found.text);
    menu.value = "";
    say([`Mutated: ${found.changes.join("; ")}`, ...found.diff].join("\n"));
  });

genome.onkeydown = (event) => {
  if (event.key !== "Enter") return;
  void tried(async () => {
    const found = await compiler.ask("decode", program(), { integers: genome.value });
    say("");
    genome.blur();
    open(found.text, OWN);
  });
};

named("link").onclick = () =>
  tried(async () => {
    history.replaceState(null, "", `#${encoded(program().text)}`);
    const copied = await navigator.clipboard.writeText(location.href).then(
      () => " It is in the clipboard.",
      () => "",
    );
    say(`The address of this page carries the program now.${copied}`);
  });

named("save").onclick = () => {
  if (emitted === null) return;
  const link = element("a");
  link.href = URL.createObjectURL(new Blob([emitted], { type: "text/x-python" }));
  link.download = "model.py";
  link.click();
  URL.revokeObjectURL(link.href);
};

slider.oninput = () => {
  context = 2 ** Number(slider.value);
  named("tokens").textContent = `${context.toLocaleString("en")} tokens`;
  if (emitted !== null && !running) void tried(() => costs(program()));
};

named("picture").onpointerover = (event) => {
  const words = about(event.target);
  if (words) named("liv").textContent = words;
};

function follow(): void {
  const fragment = location.hash.slice(1);
  if (!fragment) return open(EXAMPLES[FIRST] ?? "", FIRST);
  void tried(async () => {
    try {
      open(decoded(fragment), OWN);
    } catch (error) {
      open(EXAMPLES[FIRST] ?? "", FIRST);
      throw error;
    }
  });
}

window.onhashchange = () => {
  say("");
  follow();
};

/** For tests, and for the console: what is on the page, whole. */
Object.assign(window, { playground: { program, emitted: () => emitted, open } });

follow();
compiler.ready.catch((error: Error) => {
  state.textContent = "Python did not start";
  document.body.dataset.state = "failed";
  say(`Python did not start here: ${error.message}`, true);
});
