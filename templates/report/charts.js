"use strict";
// The charts that nothing but scrolling sets off.
(() => {
  const numbers = DATA.generations.map((g) => g.number);
  const whole = { dtick: numbers.length > 24 ? undefined : numbers.length > 12 ? 2 : 1 };
  const generation = axis("generation", whole);
  const percent = (title) => axis(title, { tickformat: ".0%", rangemode: "tozero" });

  later("chart-hypervolume", () => draw("chart-hypervolume", [{ type: "scatter", mode: "lines+markers", x: numbers,
    y: DATA.generations.map((g) => g.hypervolume), line: { color: ACCENT, width: 2 }, marker: { size: 6 }, hovertemplate: "generation %{x}: %{y:.5g}<extra></extra>" }],
    { showlegend: false, xaxis: generation, yaxis: axis("hypervolume") }));

  DATA.axes.forEach((a, i) => {
    if (!a.objective) return;
    const id = `chart-distribution-${i}`;
    $("charts-distributions").append(el("div", { class: "chart low", id, style: "height:300px" }));
    later(id, () => {
      const known = DATA.candidates.filter((c) => c.values[i] !== null && c.status === "ok");
      const values = known.map((c) => place(a, c.values[i]));
      const better = a.direction === "min" ? Math.min : Math.max;
      let best = a.direction === "min" ? Infinity : -Infinity;
      const line = numbers.map((n) => {
        for (const c of known) if (c.generation === n) best = better(best, place(a, c.values[i]));
        return Number.isFinite(best) ? best : null;
      });
      draw(id, [
        { type: "box", name: "candidates", x: known.map((c) => c.generation), y: values, boxpoints: "outliers", marker: { size: 3.5, color: "#8b93a1" },
          line: { width: 1.1, color: "#646b78" }, fillcolor: "#eceef2", hoverinfo: "y" },
        { type: "scatter", mode: "lines", name: "best so far", x: numbers, y: line, line: { color: ACCENT, width: 2, shape: "hv" } },
      ], { xaxis: generation, yaxis: axis(titled(a), { type: type(a) }) });
    });
  });

  later("chart-classes", () => {
    const colours = classColours();
    draw("chart-classes", Object.entries(DATA.classes.shares).map(([name, shares]) => ({ type: "scatter", mode: "lines", stackgroup: "one",
      name: plain(name), x: numbers, y: shares, line: { width: 0.7, color: "#fff" }, fillcolor: colours[name], hovertemplate: "%{y:.0%}" })),
      { hovermode: "x unified", xaxis: generation, yaxis: axis("share of LIVs", { tickformat: ".0%", range: [0, 1] }), legend: { ...LAYOUT.legend, traceorder: "normal" } });
  });

  DATA.genes.forEach((gene, i) => {
    const id = `chart-gene-${i}`;
    $("charts-genes").append(el("div", { class: "chart low", id }));
    const shades = ["#dfe3ea", "#1d5fa8", "#6f9bcb", "#a9c3e0", "#14375f", "#8b93a1"];
    later(id, () => draw(id, Object.entries(gene.shares).map(([value, shares], at) => ({ type: "bar", name: plain(value), x: numbers, y: shares,
      marker: { color: shades[at % shades.length] }, hovertemplate: `${plain(value)}: %{y:.0%}<extra></extra>` })),
      { barmode: "stack", bargap: 0.12, xaxis: generation, yaxis: axis("", { tickformat: ".0%", range: [0, 1] }), margin: { ...LAYOUT.margin, t: 46 },
        title: { text: plain(gene.name), font: { ...FONT, color: INK, size: 12.5 }, x: 0, xanchor: "left", xref: "paper", y: 0.98, yanchor: "top" },
        legend: { ...LAYOUT.legend, y: 1.0, x: 1, xanchor: "right", traceorder: "normal" } }));
  });

  later("chart-sharing", () => draw("chart-sharing", [["weights", "LIVs with another's weights", INK, "solid"], ["features", "LIVs with another's features", ACCENT, "dash"],
    ["sharing", "members that share anything", "#b4bac5", "solid"]].map(([key, name, color, dash]) => ({ type: "scatter", mode: "lines+markers", name, x: numbers,
    y: DATA.sharing.map((s) => s[key]), line: { color, width: 2, dash }, marker: { size: 5 }, hovertemplate: "%{y:.1%}" })),
    { hovermode: "x unified", xaxis: generation, yaxis: percent("share") }));

  later("chart-statuses", () => {
    const own = DATA.statuses.map((s) => s.number);
    const names = Object.keys(STATUS).filter((n) => DATA.statuses.some((s) => s.counts[n]));
    const words = { ok: "evaluated in full", stopped: "stopped early" };
    draw("chart-statuses", [
      ...names.map((n) => ({ type: "bar", name: words[n] || n, x: own, y: DATA.statuses.map((s) => s.counts[n] || 0), marker: { color: STATUS[n] }, opacity: n === "ok" ? 0.35 : 1 })),
      { type: "scatter", mode: "lines+markers", name: "invalid before repair", x: own, y: DATA.statuses.map((s) => s.invalid), yaxis: "y2",
        line: { color: INK, width: 1.6 }, marker: { size: 5 }, hovertemplate: "%{y:.0%}" },
    ], { barmode: "stack", bargap: 0.25, hovermode: "x unified", xaxis: generation, yaxis: axis("candidates"), margin: { ...LAYOUT.margin, r: 58 },
      yaxis2: { ...percent("invalid before repair"), overlaying: "y", side: "right", range: [0, 1.02], tickmode: "array", tickvals: [0, 0.25, 0.5, 0.75, 1], showgrid: false } });
  });

  later("chart-seconds", () => {
    const own = DATA.statuses.map((s) => s.number);
    const shades = [ACCENT, "#8fb3da", "#c65f46", "#d89a45", "#2f7f86", "#b4bac5", "#6a5aa3"];
    draw("chart-seconds", Object.entries(DATA.seconds).sort((a, b) => b[1].reduce((x, y) => x + y, 0) - a[1].reduce((x, y) => x + y, 0))
      .map(([name, spent], i) => ({ type: "bar", name: plain(name), x: own, y: spent, marker: { color: shades[i % shades.length] }, hovertemplate: "%{y:.3g} s" })),
      { barmode: "stack", bargap: 0.25, hovermode: "x unified", xaxis: generation, yaxis: axis("seconds of workers") });
  });

  // Ten thousand rows take longer to lay out than all else: they wait as charts do.
  later("candidates", () => $("rows").append(...DATA.candidates.map((c) => el("tr", {},
    el("td", {}, el("button", { class: "id", "data-id": c.id }, `#${c.id}`)), el("td", { class: "n" }, String(c.generation)),
    el("td", { class: "wide" }, c.origin), el("td", ["failed", "invalid"].includes(c.status) ? { class: "bad" } : {}, c.status),
    ...DATA.axes.map((a, i) => el("td", { class: "n" }, written(c.values[i], a.unit)))))));

  // Proxies: the overview, and the points behind one of them.
  const quality = DATA.axes.find((a) => a.label === DATA.quality);
  const proxies = DATA.proxies;
  if (!proxies.length) return;
  $("chart-proxies").style.height = `${90 + 30 * proxies.length}px`;
  later("chart-proxies", () => {
    const names = proxies.map((p) => plain(p.name)), kinds = { static: "#8b93a1", early: ACCENT, trained: "#2f7f86" };
    const words = { static: "known without training", early: "early in training", trained: "after training" };
    const traces = Object.keys(kinds).filter((k) => proxies.some((p) => p.kind === k)).map((k) => {
      const own = proxies.filter((p) => p.kind === k);
      return { type: "scatter", mode: "markers", name: words[k], y: own.map((p) => plain(p.name)), x: own.map((p) => p.spearman), marker: { size: 9, color: kinds[k] },
        error_x: { type: "data", symmetric: false, array: own.map((p) => p.high - p.spearman), arrayminus: own.map((p) => p.spearman - p.low), color: kinds[k], thickness: 1.6, width: 0 },
        hovertemplate: "Spearman %{x:.3f}<extra></extra>" };
    });
    traces.push({ type: "scatter", mode: "markers", name: "Kendall's τ", y: names, x: proxies.map((p) => p.kendall), marker: { symbol: "circle-open", size: 8, color: INK }, hovertemplate: "Kendall %{x:.3f}<extra></extra>" });
    draw("chart-proxies", traces, { xaxis: axis("rank correlation with the final quality", { range: [-1.05, 1.05], zeroline: true, zerolinecolor: "#8b93a1" }),
      yaxis: { ...AXIS, categoryorder: "array", categoryarray: [...names].reverse() } });
  });
  const choice = $("proxy-choice");
  proxies.forEach((p, i) => choice.append(el("option", { value: i }, p.name)));
  const show = () => {
    const p = proxies[Number(choice.value)], cheap = DATA.axes.find((a) => a.label === p.name) || quality;
    draw("chart-proxy", [{ type: "scatter", mode: "markers", x: p.points.map((q) => place(cheap, q[1])), y: p.points.map((q) => place(quality, q[2])), customdata: p.points.map((q) => q[0]),
      text: p.points.map((q) => hover(BY_ID.get(q[0]))), hovertemplate: "%{text}<extra></extra>", marker: { size: 6.5, opacity: 0.75, color: p.points.map((q) => (FRONT.has(q[0]) ? ACCENT : "#9aa3b2")) } }],
      { showlegend: false, hovermode: "closest", xaxis: axis(titled({ label: p.name, unit: p.unit }), { type: type(cheap) }), yaxis: axis(titled(quality), { type: type(quality) }) });
  };
  choice.addEventListener("change", show);
  later("chart-proxy", () => { show(); $("chart-proxy").on("plotly_click", (event) => select(event.points[0].customdata)); });
})();
