"use strict";
// Where the selected candidate comes from.
(() => {
  const kindOf = (liv) => DATA.palette.kinds[liv[1]] || QUIET;

  // One architecture as a small strip; `before`: the parent it is compared with.
  function strip(c, before) {
    if (!c.livs) return el("p", { class: "note" }, "illegal genome, no architecture: ", el("span", { class: "genome" }, c.genome));
    const step = Math.min(34, 840 / c.livs.length), tall = 24, top = 26, height = tall + 2 * top;
    const root = svg("svg", { viewBox: `0 0 ${step * c.livs.length + 4} ${height}`, width: step * c.livs.length + 4, height, role: "img" });
    const lending = (d, at) => JSON.stringify(d.arcs.filter((a) => a[1] === at));
    const same = (at) => before && before.livs && before.livs[at] && before.livs[at][0] === c.livs[at][0] && lending(before, at) === lending(c, at);
    const comparable = before && before.livs && before.livs.length === c.livs.length;
    for (const [from, to, kind] of c.arcs) {
      const x1 = (from + 0.5) * step, x2 = (to + 0.5) * step, up = kind !== 1, y = up ? top : top + tall;
      const reach = (6 + 3.2 * Math.sqrt(Math.abs(to - from))) * (up ? -1 : 1) * 1.5;
      root.append(svg("path", { d: `M${x1} ${y}C${x1} ${y + reach} ${x2} ${y + reach} ${x2} ${y}`, fill: "none", stroke: up ? INK : ACCENT, "stroke-width": up ? 1.1 : 1.4,
        "stroke-dasharray": up ? "none" : "4 3" }));
    }
    c.livs.forEach((liv, at) => {
      const name = DATA.names[liv[0]], box = svg("g", {}, svg("title", {}, `${at}: ${name}`));
      box.append(svg("rect", { x: at * step + 1.5, y: top, width: step - 3, height: tall, rx: 3, fill: kindOf(liv) }));
      if (liv[2]) box.append(svg("rect", { x: at * step + 4, y: top + tall - 5, width: step - 8, height: 2, fill: "#fff", opacity: 0.85 }));
      const short = name.replace("GMemless", "mem").replace("-Diff", "").replace("GConv", "conv").slice(0, Math.floor(step / 5.2));
      if (step > 22) box.append(svg("text", { x: (at + 0.5) * step, y: top + 14.5, "text-anchor": "middle", "font-size": 9,
        fill: DATA.palette.light.includes(liv[1]) ? INK : "#fff", "font-family": "system-ui, sans-serif" }, short));
      if (comparable && !same(at)) box.append(svg("circle", { cx: (at + 0.5) * step, cy: top - 5, r: 3.4, fill: ACCENT, stroke: "#fff" }));
      root.append(box);
    });
    return root;
  }

  function ancestors(id) {
    const found = new Set(), open = [id];
    while (open.length) {
      const here = open.pop();
      if (found.has(here) || !BY_ID.has(here)) continue;
      found.add(here);
      open.push(...BY_ID.get(here).parents);
    }
    return [...found].map((i) => BY_ID.get(i));
  }

  // The parent with fewest differences; the first of equals.
  function closest(c) {
    if (!c.parents.length) return null;
    const count = new Map(c.differences.map(([id, lines]) => [id, lines.length]));
    return [...c.parents].sort((a, b) => (count.get(a) ?? 999) - (count.get(b) ?? 999))[0];
  }

  function main(c) {
    const line = [c];
    while (line.length < 500) {
      const next = BY_ID.get(closest(line.at(-1)));
      if (!next || line.includes(next)) return line;
      line.push(next);
    }
    return line;
  }

  function graph(c, line) {
    const all = ancestors(c.id), levels = new Map();
    for (const one of all) levels.set(one.generation, [...(levels.get(one.generation) || []), one]);
    const numbers = [...levels.keys()].sort((a, b) => a - b);
    const most = Math.max(...[...levels.values()].map((l) => l.length));
    const W = 1000, row = Math.max(15, Math.min(24, 420 / most)), H = Math.max(90, (most + 1) * row + 46);
    const x = (g) => (numbers.length === 1 ? W / 2 : 40 + (numbers.indexOf(g) * (W - 80)) / (numbers.length - 1));
    const place = new Map(), onLine = new Set(line.map((one) => one.id));
    for (const [g, list] of levels) {
      // The line of closest parents has the first row for itself.
      const others = list.filter((one) => !onLine.has(one.id)).sort((a, b) => a.id - b.id);
      list.filter((one) => onLine.has(one.id)).forEach((one) => place.set(one.id, [x(g), 22]));
      others.forEach((one, k) => place.set(one.id, [x(g), 22 + (k + 1) * row]));
    }
    const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": `ancestors of #${c.id}` });
    for (const one of all) for (const parent of new Set(one.parents)) {
      if (!place.has(parent)) continue;
      const [x1, y1] = place.get(parent), [x2, y2] = place.get(one.id), middle = (x1 + x2) / 2;
      const strong = onLine.has(one.id) && closest(one) === parent;
      root.append(svg("path", { d: `M${x1} ${y1}C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}`, fill: "none", stroke: strong ? ACCENT : "#cfd3d9", "stroke-width": strong ? 2 : 1 }));
    }
    for (const one of all) {
      const [px, py] = place.get(one.id), seed = one.origin.startsWith("seed:");
      const node = svg("g", { style: "cursor:pointer" }, svg("title", {}, `#${one.id}: ${one.origin}, generation ${one.generation}\n${one.genome}`),
        svg("circle", { cx: px, cy: py, r: one.id === c.id ? 7 : 5, fill: onLine.has(one.id) ? ACCENT : seed ? "#c65f46" : "#fff", stroke: onLine.has(one.id) ? ACCENT : seed ? "#c65f46" : "#8b93a1", "stroke-width": 1.4 }));
      if (row >= 15) node.append(svg("text", { x: px + 8, y: py - 5, style: "font-size:9.5px" }, `#${one.id}`));
      node.addEventListener("click", () => select(one.id));
      root.append(node);
    }
    const every = Math.ceil(numbers.length / 20);
    numbers.forEach((g, k) => { if (k % every === 0) root.append(svg("text", { x: x(g), y: H - 6, "text-anchor": "middle" }, k === 0 ? `generation ${g}` : `${g}`)); });
    return root;
  }

  const list = (lines) => el("ul", {}, ...lines.map((line) => el("li", {}, line)));

  function show(c) {
    $("lineage-id").value = c.id;
    const line = main(c);
    $("ancestry").replaceChildren(graph(c, line));
    $("steps").replaceChildren(...line.map((one) => {
      const parent = closest(one), body = el("div", {}, strip(one, BY_ID.get(parent)));
      for (const [id, lines] of [...one.differences].sort((a, b) => (b[0] === parent) - (a[0] === parent))) {
        const heading = el("h4", {}, "differs from ");
        heading.append(el("button", { class: "id", "data-id": id }, `#${id}`));
        const said = lines.length ? list(lines) : el("p", { class: "note" }, "the same architecture");
        if (id === parent || lines.length < 4) body.append(heading, said);
        else body.append(el("details", {}, el("summary", {}, `differs from #${id} in ${lines.length} places`), said));
      }
      for (const [word, repaired] of [["recorded", false], ["repaired", true]]) {
        const own = one.changes.filter((change) => change[1] === repaired).map((change) => change[0]);
        if (!own.length) continue;
        const box = el("details", {}, el("summary", {}, `${own.length} ${own.length === 1 ? "change" : "changes"} ${word}${repaired ? "" : " by crossover and mutation"}`), list(own));
        body.append(box);
      }
      const objectives = DATA.axes.map((a, i) => [a, one.values[i]]).filter(([a]) => a.objective);
      const who = el("div", { class: "who" }, el("b", {}, `#${one.id}`), el("br"), `generation ${one.generation}`, el("br"), el("span", { class: "note" }, one.origin));
      for (const [a, v] of objectives) who.append(el("br"), el("span", { class: "note" }, `${a.label} ${written(v, a.unit)}`));
      if (one.status !== "ok") who.append(el("br"), el("span", { class: "bad" }, `${one.status}: ${one.reason}`));
      return el("div", { class: "step" }, who, body);
    }));
  }

  $("lineage-id").addEventListener("change", () => select(Number($("lineage-id").value), false));
  later("ancestry", () => {
    listeners.push(show);
    const c = BY_ID.get(selected ?? Number($("lineage-id").value));
    if (c) show(c);
  });
})();
// How long it took to open, in milliseconds: all of the page is there, the front drawn.
Promise.resolve(opened).then(() => { document.documentElement.dataset.ready = Math.round(performance.now()); });
