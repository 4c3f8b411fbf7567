"""How often verdicts on latents whose truth is known are true: a table of docs/results, and its figure.

    python -m benchmarks.known_truths --rows 30 150 500 --seeds 20 --figure docs/figures/known_truths.png

Prints Markdown: for each kind of latents and number of rows, the truth, and in which share of cases the verdicts on
clusters and on classes were yes, no, and can't tell; below, the rates of false ones, and of yes where it is so: of all,
and of those in which the best possible classifier, told the truth, could know it from so many.
"""

import argparse
import time
from collections import Counter
from pathlib import Path

import numpy as np

from figure.style import class_colour, draw_title, new_figure, save_figure
from latent.comparison import CANT_TELL, NO, YES
from tests.known_truths import MAKERS, verdicts_on

ABOUT = ("clusters", "classes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, nargs="+", default=[100, 300, 1000], metavar="N", help="latents of a case")
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="cases of each kind and number of rows")
    parser.add_argument("--only", nargs="+", default=list(MAKERS), metavar="KIND", help="some of the kinds")
    parser.add_argument("--seconds", type=float, default=1e9, metavar="S", help="stop after so long")
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the shares")
    args = parser.parse_args()
    started, counts, truths, knowable = time.monotonic(), {}, {}, {"": {}, " from these": {}}
    for seed in range(args.seeds):
        for rows in args.rows:
            for kind in args.only:
                if time.monotonic() - started > args.seconds:
                    break
                case = MAKERS[kind](rows, seed)
                could = {"": case.knowable, " from these": case.knowable_from_these(seed)}
                for place, (about, verdict) in enumerate(zip(ABOUT, verdicts_on(case, seed), strict=True)):
                    counts.setdefault((kind, rows, about), Counter())[verdict.verdict] += 1
                    truths[kind, rows, about] = getattr(case, about)
                    for way, known in could.items():
                        if known[place] and getattr(case, about) == YES:
                            knowable[way].setdefault(rows, Counter())[verdict.verdict] += 1
    print(
        "| latents | rows | cases | clusters: truth | yes | no | can't tell | classes: truth | yes | no | can't tell |"
    )
    print("| --- " * 11 + "|")
    for kind in args.only:
        for rows in args.rows:
            if (kind, rows, ABOUT[0]) not in counts:
                continue
            cells = []
            for about in ABOUT:
                mine = counts[kind, rows, about]
                cells += [truths[kind, rows, about] or "between"]
                cells += [f"{mine[each] / mine.total():.0%}" for each in (YES, NO, CANT_TELL)]
            print(f"| {kind} | {rows:,} | {mine.total()} | " + " | ".join(cells) + " |")
    for rows in args.rows:
        for truth, said, what in [(NO, YES, "false yes"), (YES, NO, "false no"), (YES, YES, "yes where it is so")]:
            of = [counts[key] for key, each in truths.items() if each == truth and key[1] == rows]
            total = sum(each.total() for each in of)
            if total:
                print(f"\n{rows:,} rows, {what}: {sum(each[said] for each in of) / total:.1%} of {total:,}", end="")
        for way, of_rows in knowable.items():
            if mine := of_rows.get(rows):
                share = f"{mine[YES] / mine.total():.1%} of {mine.total():,}"
                print(f"\n{rows:,} rows, yes where it could be known{way}: {share}", end="")
    print()
    if args.figure:
        draw(args.figure, counts, truths, args)


def draw(path: Path, counts: dict, truths: dict, args: argparse.Namespace) -> None:
    """Shares of yes, no and can't tell as bars, a row for each kind, a panel for each number of rows and question."""
    figure = new_figure(3.6 * len(args.rows), 0.42 * 2 * len(args.only) / 2 + 2.2)
    panels = figure.subplots(1, len(args.rows), sharey=True, squeeze=False)[0]
    colours = {YES: class_colour(2), CANT_TELL: "#d0d0d0", NO: class_colour(3)}
    places = np.arange(len(args.only))[::-1]
    for axes, rows in zip(panels, args.rows, strict=True):
        for kind, place in zip(args.only, places, strict=True):
            for about, shift in zip(ABOUT, (0.19, -0.19), strict=True):
                mine, left = counts.get((kind, rows, about)), 0.0
                if mine is None:
                    continue
                for said, colour in colours.items():
                    share = mine[said] / mine.total()
                    axes.barh(place + shift, share, 0.34, left=left, color=colour)
                    left += share
                truth = truths[kind, rows, about]
                axes.text(1.02, place + shift, truth or "", va="center", fontsize=6.5)
        axes.set(xlim=(0, 1.1), ylim=(-0.6, len(args.only) - 0.4), xticks=[0, 0.5, 1], yticks=places)
        axes.set_yticklabels(args.only)
        axes.set_title(f"{rows:,} latents")
    draw_title(
        figure, "Verdicts: yes (green), can't tell (grey), no (red); upper bar clusters, lower classes; the truth right"
    )
    save_figure(figure, path)


if __name__ == "__main__":
    main()
