"use strict";
// What all charts use: the data, text that stays text, numbers, selection, lazy drawing.
const DATA = JSON.parse(document.getElementById("data").textContent);
const BY_ID = new Map(DATA.candidates.map((c) => [c.id, c]));
const FRONT = new Set(DATA.generations.length ? DATA.generations.at(-1).front : []);
const INK = "#1f2430", QUIET = "#646b78", RULE = "#e3e5e9", ACCENT = "#1d5fa8";
const STATUS = { ok: ACCENT, stopped: "#b9c3d1", invalid: "#d89a45", failed: "#c65f46", waiting: "#e3e5e9" };

let opened = null; // until the first chart is drawn
const $ = (id) => document.getElementById(id);

// plotly reads a little HTML in its texts: names must not be read so.
const plain = (text) => String(text).replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/>/g, "&gt;");

function el(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

function svg(tag, attributes, ...children) {
  const node = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

const SHORT = { bytes: "B", parameters: "", seconds: "s", "FLOPs a token": "FLOPs/token", "tokens a second": "tokens/s",
  "bits a byte": "bits/byte", "nats a token": "nats/token", "share of right answers": "" };

function written(value, unit) {
  if (value === null || value === undefined) return "–";
  const size = Math.abs(value), short = unit in SHORT ? SHORT[unit] : unit || "";
  if (["bytes", "parameters", "FLOPs a token", "tokens a second"].includes(unit) && size >= 1000) {
    for (const [factor, prefix] of [[1e12, "T"], [1e9, "G"], [1e6, "M"], [1e3, "k"]])
      if (size >= factor) return `${Number((value / factor).toPrecision(4))} ${prefix}${short}`.trim();
  }
  return `${size >= 1e4 ? Math.round(value).toLocaleString("en") : Number(value.toPrecision(4))} ${short}`.trim();
}

const titled = (axis) => plain(axis.unit && SHORT[axis.unit] !== "" ? `${axis.label} (${axis.unit})` : axis.label);

// The scale of a measure: log where ratios count. What is nothing is drawn at its grain.
const type = (axis) => (axis && axis.scale === "log" ? "log" : "linear");
const place = (axis, value) => (value !== null && type(axis) === "log" ? Math.max(value, axis.grain) : value);
const wrapped = (text, width = 60) => (text.match(new RegExp(`.{1,${width}}(-|$)|.{1,${width}}`, "g")) || []);

function hover(c) {
  const lines = [`<b>#${c.id}</b>  generation ${c.generation}, ${plain(c.origin)}`];
  DATA.axes.forEach((axis, i) => {
    if (c.values[i] !== null && (axis.objective || DATA.axes.length < 9))
      lines.push(`${plain(axis.label)}  ${plain(written(c.values[i], axis.unit))}`);
  });
  return [...lines, ...wrapped(c.genome).map(plain), ...c.model.map(plain)].join("<br>");
}

const FONT = { family: 'system-ui, "Segoe UI", Roboto, Arial, sans-serif', size: 12, color: QUIET };
const AXIS = { gridcolor: "#eef0f3", zeroline: false, linecolor: "#cfd3d9", ticks: "outside", tickcolor: "#cfd3d9", ticklen: 4,
  automargin: true, title: { standoff: 10 } };
const axis = (title, more = {}) => ({ ...AXIS, ...more, title: { text: title, standoff: 10 } });
const LAYOUT = { font: FONT, margin: { l: 56, r: 16, t: 14, b: 44 }, paper_bgcolor: "rgba(0,0,0,0)", plot_bgcolor: "rgba(0,0,0,0)",
  hoverlabel: { bgcolor: "#fff", bordercolor: "#cfd3d9", font: { ...FONT, color: INK }, align: "left" },
  legend: { orientation: "h", y: 1.02, yanchor: "bottom", x: 0, font: { ...FONT, color: INK } }, showlegend: true };
const CONFIG = { displayModeBar: false, responsive: true };
const layout = (more) => ({ ...LAYOUT, ...more });
const draw = (id, traces, more) => Plotly.react(id, traces, layout(more), CONFIG);

// A chart of two measures that a reader chooses, in the lists `${prefix}-x` and `-y`.
function choosable(prefix, x, y, show) {
  const lists = [["x", x], ["y", y]].map(([side, value]) => {
    const list = $(`${prefix}-${side}`);
    DATA.axes.forEach((a, i) => list.append(el("option", { value: i }, a.label)));
    list.value = value;
    list.addEventListener("change", show);
    return list;
  });
  return () => lists.map((list) => Number(list.value));
}
const drawTwo = (id, traces, x, y, more) => draw(id, traces, { hovermode: "closest", ...more,
  xaxis: axis(titled(DATA.axes[x]), { type: type(DATA.axes[x]) }), yaxis: axis(titled(DATA.axes[y]), { type: type(DATA.axes[y]) }) });
// Between two members of a front of these two objectives, what it dominates is a stair.
const stair = (x) => (DATA.axes[x].direction === "min" ? "hv" : "vh");

// Classes of one kind are shades of its colour.
function classColours() {
  const kinds = DATA.classes.kinds, seen = {}, found = {};
  for (const name of Object.keys(kinds).sort()) {
    const at = (seen[kinds[name]] = (seen[kinds[name]] ?? -1) + 1);
    const hex = DATA.palette.kinds[kinds[name]] || QUIET;
    const mix = [0, 0.38, 0.62, 0.2][at % 4];
    found[name] = "#" + [1, 3, 5].map((i) => {
      const v = parseInt(hex.slice(i, i + 2), 16);
      return Math.round(v + (255 - v) * mix).toString(16).padStart(2, "0");
    }).join("");
  }
  return found;
}

// Selection: one candidate, known to every chart that listens.
let selected = null;
const listeners = [];
function select(id, announce = true) {
  const c = BY_ID.get(id);
  if (!c) return;
  selected = id;
  listeners.forEach((listen) => listen(c));
  if (!announce) return;
  const bar = $("chosen");
  bar.hidden = false;
  bar.querySelector("b").textContent = `#${id}`;
  bar.querySelector(".values").textContent = DATA.axes
    .map((a, i) => [a, c.values[i]]).filter(([a]) => a.objective)
    .map(([a, v]) => `${a.label} ${written(v, a.unit)}`).join(", ") || c.status;
  bar.querySelector(".genome").textContent = c.genome;
}
document.addEventListener("click", (event) => {
  const button = event.target.closest("button.id");
  if (button) select(Number(button.dataset.id));
});

// A chart is drawn when it comes near the window: the page opens at once.
const pending = new Map();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    watcher.unobserve(entry.target);
    const make = pending.get(entry.target);
    pending.delete(entry.target);
    if (make) make();
  }
}, { rootMargin: "500px" });
function later(id, make) {
  const node = $(id);
  if (!node) return;
  pending.set(node, make);
  watcher.observe(node);
}
addEventListener("beforeprint", () => { for (const make of pending.values()) make(); pending.clear(); });

// The table of contents follows.
const links = new Map([...document.querySelectorAll("nav a")].map((a) => [a.getAttribute("href").slice(1), a]));
const sections = new IntersectionObserver((entries) => {
  for (const entry of entries) if (entry.isIntersecting) {
    links.forEach((a) => a.classList.remove("here"));
    links.get(entry.target.id)?.classList.add("here");
  }
}, { rootMargin: "-12% 0px -80% 0px" });
document.querySelectorAll("main section").forEach((section) => sections.observe(section));
