"use strict";
// Several runs: bands of hypervolume, and fronts.
(() => {
  const COLOURS = ["#1d5fa8", "#c65f46", "#2f7f86", "#d89a45", "#6a5aa3", "#646b78", "#8a9a3b", "#a8432b"];
  const colour = (at) => COLOURS[at % COLOURS.length];

  later("chart-bands", () => {
    const traces = DATA.groups.flatMap((group, at) => {
      const line = { type: "scatter", mode: "lines", x: group.steps, legendgroup: group.letter };
      const edge = { ...line, line: { width: 0, shape: "hv" }, showlegend: false, hoverinfo: "skip" };
      const middle = { ...line, name: group.letter, y: group.middle, line: { color: colour(at), width: 2, shape: "hv" },
        hovertemplate: `${group.letter}, %{x} evaluations: %{y:.5g}<extra></extra>` };
      if (group.fronts.length < 2) return [middle];
      return [{ ...edge, y: group.low }, { ...edge, y: group.high, fill: "tonexty", fillcolor: `${colour(at)}22` }, middle];
    });
    draw("chart-bands", traces, { hovermode: "closest", xaxis: axis("evaluations", { rangemode: "tozero" }), yaxis: axis("hypervolume") });
  });

  const axes = choosable("fronts", DATA.axes.length > 1 ? 1 : 0, 0, show);

  function show() {
    const [x, y] = axes();
    const shape = DATA.axes.length === 2 && x !== y ? stair(x) : "linear";
    const traces = DATA.groups.flatMap((group, at) => group.fronts.map((front, number) => {
      const known = front.values.filter((v) => v[x] !== null && v[y] !== null).sort((a, b) => a[x] - b[x]);
      return { type: "scatter", mode: "lines+markers", name: group.letter, legendgroup: group.letter, showlegend: number === 0,
        x: known.map((v) => place(DATA.axes[x], v[x])), y: known.map((v) => place(DATA.axes[y], v[y])),
        text: known.map((v) => [`<b>${plain(front.name)}</b>`, ...DATA.axes.map((a, i) => `${plain(a.label)}  ${plain(written(v[i], a.unit))}`)].join("<br>")),
        hovertemplate: "%{text}<extra></extra>", marker: { color: colour(at), size: 7 }, line: { color: colour(at), width: 1, shape } };
    }));
    drawTwo("chart-fronts", traces, x, y);
  }
  later("chart-fronts", show);
})();
