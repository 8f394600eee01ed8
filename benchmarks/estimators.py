"""The estimators beside scikit-learn's, on real data: ``python -m benchmarks.estimators``.

Same parameters, same split, ten seeds; the two take turns, in one process. The section of
RESULTS.md is written anew. Data sets of `../shared/data` are left out where they are missing.
"""

import argparse
import statistics
import time
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
from rich.console import Console
from sklearn import datasets, neural_network
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

import chainrule as cr
from benchmarks.machine import processor
from benchmarks.page import ESTIMATORS as HEADING
from benchmarks.page import with_section

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"
RESULTS = Path(__file__).with_name("RESULTS.md")
ESTIMATORS = {
    "classes": (cr.MLPClassifier, neural_network.MLPClassifier),
    "numbers": (cr.MLPRegressor, neural_network.MLPRegressor),
}


def bundled(name):
    """Return X and y of a data set that scikit-learn has with it."""
    return getattr(datasets, f"load_{name}")(return_X_y=True)


def table(name, target):
    """Return the numbers of a CSV table, and words as one column each; rows with gaps left out."""
    frame = pd.read_csv(SHARED / f"{name}.csv")
    frame = frame.dropna(axis="columns", thresh=int(0.75 * len(frame))).dropna()
    frame = frame[[c for c in frame if frame[c].nunique() < 20 or frame[c].dtype.kind in "if"]]
    X = pd.get_dummies(frame.drop(columns=target)).to_numpy(dtype=np.float64)
    return X, frame[target].to_numpy()


def digits_of_mnist(rows):
    """Return the first pictures of MNIST, as 784 numbers."""
    data = np.load(SHARED / "mnist.npz")
    return data["x_train"][:rows].reshape(rows, -1) / 255, data["y_train"][:rows]


# Name, task, X and y, and parameters other than scikit-learn's defaults.
CASES = [
    ("iris", "classes", lambda: bundled("iris"), {}),
    ("wine", "classes", lambda: bundled("wine"), {}),
    ("breast_cancer", "classes", lambda: bundled("breast_cancer"), {}),
    ("digits", "classes", lambda: bundled("digits"), {}),
    ("diabetes", "numbers", lambda: bundled("diabetes"), {}),
    ("linnerud (3 outputs)", "numbers", lambda: bundled("linnerud"), {}),
    ("titanic", "classes", lambda: table("titanic", "Survived"), {}),
    ("wine_red, quality", "classes", lambda: table("wine_red", "quality"), {}),
    ("wine_red, alcohol", "numbers", lambda: table("wine_red", "alcohol"), {}),
    (
        "california_housing",
        "numbers",
        lambda: table("california_housing", "median_house_value"),
        {"max_iter": 40},
    ),
    ("mnist, 5,000 rows", "classes", lambda: digits_of_mnist(5000), {"max_iter": 20}),
    ("digits, sgd", "classes", lambda: bundled("digits"), {"solver": "sgd"}),
    ("digits, lbfgs", "classes", lambda: bundled("digits"), {"solver": "lbfgs"}),
    ("digits, early stopping", "classes", lambda: bundled("digits"), {"early_stopping": True}),
    ("diabetes, lbfgs", "numbers", lambda: bundled("diabetes"), {"solver": "lbfgs"}),
    ("digits, float32", "classes", lambda: bundled("digits"), {"dtype": np.float32}),
]


def seconds(call):
    """Return what a call returns, and the time it takes."""
    start = time.perf_counter()
    result = call()
    return result, time.perf_counter() - start


def times_of_a_call(call, spell=0.02):
    """Return the least time of a call, of as many as fit into a spell."""
    end, best = time.perf_counter() + spell, np.inf
    while time.perf_counter() < end:
        best = min(best, seconds(call)[1])
    return best


class Side:
    """What one of the two did: scores, and times by name, one a seed."""

    def __init__(self):
        self.scores, self.times = [], {"fit": [], "predict": [], "one row": []}

    def measure(self, model, X, X_test, y, y_test):
        """Fit, score, and predict all held-out rows, and one."""
        self.times["fit"].append(seconds(lambda: model.fit(X, y))[1])
        self.scores.append(model.score(X_test, y_test))
        self.times["predict"].append(times_of_a_call(lambda: model.predict(X_test)))
        self.times["one row"].append(times_of_a_call(lambda: model.predict(X_test[:1])))


def compared(task, X, y, parameters, seeds):
    """Return both sides, ours first."""
    X = StandardScaler().fit_transform(X)
    y = StandardScaler().fit_transform(y.reshape(len(y), -1)).squeeze() if task == "numbers" else y
    X = X.astype(parameters.pop("dtype", np.float64))
    sides = Side(), Side()
    for seed in range(seeds):
        parts = train_test_split(X, y, random_state=seed)
        for i in (0, 1) if seed % 2 else (1, 0):
            model = ESTIMATORS[task][i](random_state=seed, **parameters)
            sides[i].measure(model, *parts)
    return sides


def row(name, task, sides):
    """Return the cells of one data set."""
    means = [f"{np.mean(s.scores):.3f} ± {np.std(s.scores):.3f}" for s in sides]
    ratios = []
    for what in ("fit", "predict", "one row"):
        ours, theirs = (side.times[what] for side in sides)
        least, middle = min(theirs) / min(ours), statistics.median(theirs) / statistics.median(ours)
        ratios.append(f"{least:.1f}× ({middle:.1f}×)")
    measure = "accuracy" if task == "classes" else "R²"
    return [name, measure, *means, f"{1e3 * min(sides[0].times['fit']):.1f}", *ratios]


def main(arguments=None):
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--only", help="data sets whose name begins so")
    options = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    console = Console(width=160)
    head = ["data", "score", "chainrule", "scikit-learn", "fit, ms", "fit", "predict", "one row"]
    lines = ["| " + " | ".join(head) + " |", "| --- " * 2 + "| ---: " * 6 + "|"]
    for name, task, load, parameters in CASES:
        if options.only and not name.startswith(options.only):
            continue
        try:
            X, y = load()
        except FileNotFoundError as error:
            console.print(f"{name} left out: {error}")
            continue
        cells = row(name, task, compared(task, X, y, dict(parameters), options.seeds))
        lines.append("| " + " | ".join(cells) + " |")
        console.print(lines[-1], highlight=False)
    text = "\n".join([
        HEADING, "",
        f"`python -m benchmarks.estimators` on {processor()}: {options.seeds} seeds, each with a "
        "split of its own (a quarter held out), columns scaled; scikit-learn's default parameters "
        "but for those named and max_iter=40 (california_housing), 20 (mnist). Scores: mean and "
        "standard deviation over the seeds. Times of scikit-learn over chainrule's: of the minima "
        "(of the medians); predict is of all held-out rows.", "", *lines, "",
    ])  # fmt: skip
    if not options.only:
        RESULTS.write_text(with_section(RESULTS.read_text(), text))


if __name__ == "__main__":
    main()
