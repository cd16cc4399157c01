"""The plots of docs/study.md, as SVG with text in it; the same bytes each time."""

from pathlib import Path
from typing import Any

from benchmarks.study.claims import share
from benchmarks.study.page import NAMES

Numbers = dict[str, Any]
STYLE: dict[Any, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "study",
    "font.size": 9,
}


def write(found: Numbers, folder: Path) -> None:
    """Those for which there are numbers."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot

    with pyplot.rc_context(STYLE):
        for name, draw in ("confirmation", _confirmation), ("ahead", _ahead):
            figure, axes = pyplot.subplots(figsize=(6.4, 3.6), layout="constrained")
            if draw(found, axes):
                folder.mkdir(parents=True, exist_ok=True)
                file = folder / f"{found['size']['name']}-{name}.svg"
                figure.savefig(file, metadata={"Date": None})
            pyplot.close(figure)


def _confirmation(found: Numbers, axes: Any) -> bool:
    """Bits over cache after the long training, with intervals; one design may have
    several names."""
    drawn: dict[tuple[float, float, float], list[str]] = {}
    for name, one in found["models"].items():
        if told := one["bits"]:
            at = one["cache"], told["mean"], told["half"] or 0.0
            drawn.setdefault(at, []).append(name)
    for (cache, mean, half), names in drawn.items():
        colour = "C0" if names[0] in NAMES else "C3"
        axes.errorbar(cache, mean, half, fmt="o", color=colour, capsize=3)
        shown = ", ".join(NAMES.get(name, name) for name in names)
        axes.annotate(shown, (cache, mean), xytext=(6, 4), textcoords="offset points")
    axes.set_xscale("symlog", linthresh=1000)
    axes.set_xlabel("cache in bytes")
    axes.set_ylabel("bits per byte")
    axes.margins(0.3)
    return bool(drawn)


def _ahead(found: Numbers, axes: Any) -> bool:
    against = found["ahead"]["against"] if found["searches"] else {}
    for at, (name, one) in enumerate(against.items()):
        shares = [100 * (share(by) or 0.0) for by in one["generations"]]
        size = 10 - 2 * at  # those that lie on one another are all seen
        axes.plot(shares, "o-", label=NAMES[name], markersize=size)
    axes.axhline(90, color="0.6", linewidth=1, linestyle="--")
    axes.set_xlabel("generation")
    axes.set_ylabel("ahead, %")
    axes.set_ylim(0, 104)
    if against:
        axes.legend(loc="lower right")
    return bool(against)
