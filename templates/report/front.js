"use strict";
// The front over generations.
(() => {
  const slider = $("front-generation"), chart = $("chart-front");
  const last = DATA.generations.length - 1;
  slider.max = Math.max(last, 0);
  slider.value = slider.max;
  const objectives = DATA.axes.map((a, i) => i).filter((i) => DATA.axes[i].objective);
  const axes = choosable("front", objectives[1] ?? objectives[0] ?? 0, objectives[0] ?? 0, show);

  const at = (c, i) => place(DATA.axes[i], c.values[i]);
  // Of very many points, those that would lie on one another are drawn once: the last.
  const CELLS = 250;
  function apart(found, x, y) {
    if (found.length <= DATA.many) return found;
    const cells = [x, y].map((i) => {
      const places = found.map((c) => (type(DATA.axes[i]) === "log" ? Math.log(at(c, i)) : at(c, i)));
      let low = Infinity, high = -Infinity;
      for (const place of places) { low = Math.min(low, place); high = Math.max(high, place); }
      return places.map((place) => Math.floor((CELLS * (place - low)) / (high - low || 1)));
    });
    return [...new Map(found.map((c, k) => [`${cells[0][k]} ${cells[1][k]}`, c])).values()];
  }

  function trace(name, ids, x, y, marker, more = {}) {
    const known = ids.map((id) => BY_ID.get(id)).filter((c) => c && c.values[x] !== null && c.values[y] !== null);
    const found = more.mode ? known : apart(known, x, y);
    return { type: "scatter", mode: "markers", name, x: found.map((c) => at(c, x)), y: found.map((c) => at(c, y)),
      text: found.map(hover), customdata: found.map((c) => c.id), hovertemplate: "%{text}<extra></extra>", marker, ...more };
  }

  const line = (x, y) => (objectives.length === 2 && objectives.includes(x) && objectives.includes(y) && x !== y ? stair(x) : "linear");

  function show() {
    const [x, y] = axes();
    const generation = DATA.generations[Number(slider.value)];
    $("front-number").textContent = generation ? generation.number : "–";
    const known = DATA.candidates.filter((c) => c.status === "ok" && (!generation || c.generation <= generation.number)).map((c) => c.id);
    const front = generation ? generation.front : [];
    const on = new Set(front), alive = new Set(generation ? generation.population : []);
    const sorted = [...front].sort((a, b) => BY_ID.get(a).values[x] - BY_ID.get(b).values[x]);
    const traces = [
      trace("earlier candidates", known.filter((id) => !on.has(id) && !alive.has(id)), x, y, { color: "#b4bac5", size: 6, opacity: 0.6 }),
      trace("population", known.filter((id) => !on.has(id) && alive.has(id)), x, y, { color: "#fff", size: 8, line: { color: INK, width: 1.4 } }),
      trace("front", sorted, x, y, { color: ACCENT, size: 9 }, { mode: "lines+markers", line: { shape: line(x, y), width: 1.2, color: "#8fb3da" } }),
    ];
    const seeds = known.filter((id) => BY_ID.get(id).origin.startsWith("seed:"));
    if (seeds.length) traces.push(trace("seeds", seeds, x, y, { symbol: "diamond-open", size: 12, color: "#c65f46", line: { width: 1.6 } }));
    if (selected && BY_ID.get(selected)) traces.push(trace("selected", [selected], x, y, { symbol: "circle-open", size: 17, color: INK, line: { width: 2 } }));
    const labels = [];
    if (Number(slider.value) === last) {
      const rules = new Map();
      for (const pick of DATA.picks) rules.set(pick.id, [...(rules.get(pick.id) || []), pick.rule]);
      for (const [id, names] of rules) {
        const c = BY_ID.get(id);
        if (c.values[x] === null || c.values[y] === null) continue;
        const tip = (i) => (type(DATA.axes[i]) === "log" ? Math.log10(at(c, i)) : at(c, i));
        labels.push({ x: tip(x), y: tip(y), text: plain(names.join(", ")), showarrow: true, arrowhead: 0, arrowwidth: 0.8,
          arrowcolor: QUIET, ax: 26, ay: -26, xanchor: "left", font: { ...FONT, color: INK, size: 11.5 } });
      }
    }
    opened = drawTwo("chart-front", traces, x, y, { annotations: labels, uirevision: `${x} ${y}` });
  }

  let timer = null;
  $("front-play").addEventListener("click", () => {
    if (timer) { clearInterval(timer); timer = null; $("front-play").textContent = "Play"; return; }
    $("front-play").textContent = "Pause";
    if (Number(slider.value) === last) slider.value = 0;
    show();
    timer = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) >= last) { clearInterval(timer); timer = null; $("front-play").textContent = "Play"; }
    }, 550);
  });
  slider.addEventListener("input", show);
  if (!DATA.axes.length) return;
  show();
  chart.on("plotly_click", (event) => select(event.points[0].customdata));
  listeners.push(show);
})();
