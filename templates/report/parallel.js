"use strict";
// Parallel coordinates with a brush on each axis.
later("parallel", () => {
  const known = DATA.candidates.filter((c) => c.status === "ok");
  const shown = DATA.axes.map((a, i) => i).filter((i) => known.some((c) => c.values[i] !== null)).slice(0, 12);
  if (!shown.length) return;
  const W = 1000, H = 360, TOP = 46, BOTTOM = 28, SIDE = 66;
  const xs = shown.map((_, k) => (shown.length === 1 ? W / 2 : SIDE + (k * (W - 2 * SIDE)) / (shown.length - 1)));
  const scales = shown.map((i) => {
    const values = known.map((c) => c.values[i]).filter((v) => v !== null);
    let low = Math.min(...values), high = Math.max(...values);
    const a = DATA.axes[i], f = type(a) === "log" ? (v) => Math.log(place(a, v)) : (v) => v;
    const span = f(high) - f(low) || 1, up = a.direction === "max";
    return { low, high, y: (v) => { const t = (f(v) - f(low)) / span; return TOP + (up ? 1 - t : t) * (H - TOP - BOTTOM); } };
  });
  const brushes = shown.map(() => null);
  const root = svg("svg", { viewBox: `0 0 ${W} ${H}`, role: "img", "aria-label": "parallel coordinates" });
  const lines = known.map((c) => {
    const points = shown.map((i, k) => (c.values[i] === null ? null : [xs[k], scales[k].y(c.values[i])]));
    let d = "", pen = "M";
    for (const p of points) { if (p) { d += `${pen}${p[0].toFixed(1)} ${p[1].toFixed(1)}`; pen = "L"; } else pen = "M"; }
    const path = svg("path", { d }, svg("title", {}, `#${c.id}, generation ${c.generation}, ${c.origin}\n${c.genome}`));
    if (FRONT.has(c.id)) path.classList.add("front");
    path.addEventListener("click", () => select(c.id));
    return { c, points, path };
  });
  lines.sort((a, b) => FRONT.has(a.c.id) - FRONT.has(b.c.id)).forEach((l) => root.append(l.path));

  function filter() {
    let passing = 0;
    for (const { c, points, path } of lines) {
      const inside = points.every((p, k) => !brushes[k] || (p && p[1] >= brushes[k][0] && p[1] <= brushes[k][1]));
      path.classList.toggle("out", !inside);
      passing += inside;
    }
    $("parallel-count").textContent = `${passing} of ${lines.length} candidates`;
  }

  shown.forEach((i, k) => {
    const a = DATA.axes[i], s = scales[k];
    const top = a.direction === "max" ? s.high : s.low, bottom = a.direction === "max" ? s.low : s.high;
    const edge = k === shown.length - 1 && a.label.length > 16 ? { x: W, "text-anchor": "end" } : {}; // a long name stays inside
    const label = (y, text, more = {}) => svg("text", { x: xs[k], y, "text-anchor": "middle", ...more }, text);
    root.append(svg("path", { class: "axis", d: `M${xs[k]} ${TOP}V${H - BOTTOM}`, style: "stroke:#8b93a1;stroke-opacity:1" }),
      label(k % 2 && shown.length > 6 ? 12 : 26, a.label, { ...edge, style: `fill:${INK};font-weight:${a.objective ? 600 : 400}` }),
      label(40, written(top, a.unit)), label(H - 12, written(bottom, a.unit)));
    const brush = svg("rect", { class: "brush", x: xs[k] - 7, width: 14, y: 0, height: 0, rx: 2 });
    const grip = svg("rect", { class: "grip", x: xs[k] - 14, width: 28, y: TOP - 4, height: H - TOP - BOTTOM + 8 });
    const at = (event) => Math.max(TOP - 4, Math.min(H - BOTTOM + 4, ((event.clientY - root.getBoundingClientRect().top) * H) / root.getBoundingClientRect().height));
    let start = null;
    grip.addEventListener("pointerdown", (event) => { start = at(event); grip.setPointerCapture(event.pointerId); });
    grip.addEventListener("pointermove", (event) => {
      if (start === null) return;
      const here = at(event);
      brushes[k] = Math.abs(here - start) < 3 ? null : [Math.min(start, here), Math.max(start, here)];
      brush.setAttribute("y", brushes[k] ? brushes[k][0] : 0);
      brush.setAttribute("height", brushes[k] ? brushes[k][1] - brushes[k][0] : 0);
      filter();
    });
    grip.addEventListener("pointerup", (event) => {
      if (start !== null && Math.abs(at(event) - start) < 3) { brushes[k] = null; brush.setAttribute("height", 0); filter(); }
      start = null;
    });
    root.append(brush, grip);
  });
  $("parallel").replaceChildren(root);
  filter();
  const mark = (c) => lines.forEach((l) => {
    const is = l.c.id === c.id;
    l.path.classList.toggle("selected", is);
    if (is) root.insertBefore(l.path, root.querySelector(".axis"));
  });
  listeners.push(mark);
  if (selected) mark(BY_ID.get(selected));
});
