"""The suite of tables, model after model on each split: ``python -m benchmarks.suite.run``.

What was measured is added to a file, line by line, and is not measured again, so that a long run
may be cut into parts; RESULTS.md gets the tables that `report` makes of it.
"""

import argparse
import json
import time
from pathlib import Path

from benchmarks.suite.measure import measured
from benchmarks.suite.models import ABLATION, MODELS
from benchmarks.suite.report import written
from benchmarks.suite.tables import CHOSEN_ON, SPLITS, SUITE, load, splits

RESULTS = Path(__file__).parents[1] / "RESULTS.md"
FIGURES = Path("build", "tables.jsonl")
USUAL = [name for name in MODELS if name != "RealMLP"]


def parse(arguments=None):
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.suite.run", description=__doc__.splitlines()[0]
    )
    add = parser.add_argument
    tables = [table.name for table in SUITE]
    add("--only", action="append", metavar="TABLE", choices=tables, help="may be repeated")
    models = f"of {', '.join(MODELS)}; all but RealMLP without it"
    add("--models", metavar="A,B", type=_models, default=USUAL, help=models)
    add("--ablation", action="store_true", help="what each part brings, on the first half")
    add("--splits", type=int, default=SPLITS, metavar="N", help=f"the first N of {SPLITS}")
    add("--minutes", type=float, metavar="M", help="begin nothing new after so long")
    add("--figures", type=Path, default=FIGURES, metavar="FILE", help=f"{FIGURES} without it")
    add("--report", type=Path, default=RESULTS, metavar="FILE", help="the page with the tables")
    return parser.parse_args(arguments)


def main(arguments=None):
    """Measure what is not yet known, and write the tables."""
    options = parse(arguments)
    names = options.models
    if options.ablation:
        names = ["chainrule balanced", *ABLATION]
        options.only = options.only or [table.name for table in CHOSEN_ON]
    known = read(options.figures)
    done = {(one["table"], one["split"], one["model"]) for one in known}
    options.figures.parent.mkdir(parents=True, exist_ok=True)
    start = time.monotonic()
    with options.figures.open("a") as file:
        for table, split, name in wanted(options, names, done):
            if options.minutes and time.monotonic() - start > 60 * options.minutes:
                break
            X, y = load(table)
            learned, judged = list(splits(table, y))[split]
            figures = measured((MODELS | ABLATION)[name], table, X, y, learned, judged, split)
            one = {"table": table.name, "split": split, "model": name, **figures}
            file.write(json.dumps(one) + "\n")
            file.flush()
            known.append(one)
            print(f"{table.name:20} {split} {name:20} {one['score']:.4f} {one['seconds']:7.1f} s")
    written(known, options.report)


def _models(names):
    """Return the models that are named, if there are such."""
    unknown = [name for name in names.split(",") if name not in MODELS]
    if unknown:
        raise argparse.ArgumentTypeError(f"no model {unknown[0]!r}; there are {', '.join(MODELS)}")
    return names.split(",")


def read(path):
    """Return what a file has of an earlier run."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def wanted(options, names, done):
    """Yield table, split and model of what is not yet known, one split of all tables first."""
    for split in range(options.splits):
        for table in SUITE:
            for name in names:
                if options.only and table.name not in options.only:
                    continue
                if (table.name, split, name) not in done:
                    yield table, split, name


if __name__ == "__main__":
    main()
