"""The table and the plots of BENCHMARKS.md, from the JSON of a run.

PYTHONPATH=tests/support .venv/bin/python -m bench.plots figures.json BENCHMARKS.md docs/benchmarks
"""

import argparse
import itertools
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas

_BEGINS, _ENDS = "<!-- the last run begins -->\n", "<!-- the last run ends -->\n"
_MET, _MISSED, _PLAIN = "#2a7f62", "#b5432a", "#5b7083"
_LIMIT = 2.0  # what is slower than twice what is wanted is drawn as that


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("figures", type=Path, help="what --json wrote")
    parser.add_argument("page", type=Path, help="BENCHMARKS.md")
    parser.add_argument("folder", type=Path, help="where the plots go")
    options = parser.parse_args()
    run = json.loads(options.figures.read_text())
    options.folder.mkdir(parents=True, exist_ok=True)
    mpl.rcParams["svg.hashsalt"] = "benchmarks"  # the same figures give the same bytes
    plots = {"wanted.svg": _wanted(run["figures"]), "rivals.svg": _rivals(run["figures"])}
    for name, canvas in plots.items():
        canvas.savefig(options.folder / name, metadata={"Date": None}, bbox_inches="tight")
    before, _, rest = options.page.read_text().partition(_BEGINS)
    told = _table(run) + "".join(f"\n![{name}](docs/benchmarks/{name})\n" for name in plots)
    options.page.write_text(before + _BEGINS + told + _ENDS + rest.partition(_ENDS)[2])


def _table(run: dict[str, Any]) -> str:
    machine = run["machine"]
    size = "the short variant" if run["options"]["short"] else "the full run"
    head = f"Measured {run['measured_at']}: {size}, {machine['cores']} cores, Python {machine['python']}.\n\n"
    rows = ["| line | what | ours | beside it | | ratio | wanted |", "| --- | --- | ---: | --- | ---: | ---: | --- |"]
    return head + "\n".join([*rows, *map(_row, run["figures"])]) + "\n"


def _row(figure: dict[str, Any]) -> str:
    unit = f" {figure['unit']}".rstrip()
    wanted = "" if figure["at_most"] is None else f"at most {figure['at_most']:.3g}: {_verdict(figure)}"
    cells = (
        figure["line"],
        figure["what"],
        f"{figure['value']:.4g}{unit}",
        figure["against"],
        f"{figure['other']:.4g}{unit}",
        f"{figure['ratio']:.3g}",
        wanted,
    )
    return f"| {' | '.join(cells)} |"


def _verdict(figure: dict[str, Any]) -> str:
    return "yes" if figure["is_met"] else "**no**"


def _wanted(figures: Sequence[dict[str, Any]]) -> Canvas:
    """Each figure of which a ratio is wanted, as a part of that ratio: left of 1 it is reached."""
    bounded = [figure for figure in figures if figure["at_most"] is not None][::-1]
    parts = [min(figure["ratio"] / figure["at_most"], _LIMIT) for figure in bounded]
    colours = [_MET if figure["is_met"] else _MISSED for figure in bounded]
    return _bars(bounded, parts, colours, "part of what is at most wanted (the line: 1); 2 is 2 or more")


def _rivals(figures: Sequence[dict[str, Any]]) -> Canvas:
    """Ours beside others, on a logarithmic scale: left of 1 ours needs less."""
    beside = [figure for figure in figures if figure["against"] != "wanted" and figure["ratio"]][::-1]
    canvas = _bars(beside, [figure["ratio"] for figure in beside], itertools.repeat(_PLAIN), "ours / what is beside it")
    canvas.axes[0].set_xscale("log")
    return canvas


def _bars(figures: Sequence[dict[str, Any]], widths: Sequence[float], colours: Any, title: str) -> Canvas:
    canvas = Canvas(figsize=(9, 0.28 * len(figures) + 1))
    axes = canvas.subplots()
    axes.barh(range(len(figures)), widths, color=[colour for colour, _ in zip(colours, figures, strict=False)])
    names = [f"{figure['line']}  {figure['what']} / {figure['against']}" for figure in figures]
    axes.set_yticks(range(len(figures)), names, fontsize=7)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.set_xlabel(title, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return canvas


if __name__ == "__main__":
    main()
