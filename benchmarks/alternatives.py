"""Which parameters do better than the estimators' defaults: ``python -m benchmarks.alternatives``.

Each row changes one thing. Scores of held-out rows, mean over ten seeds with a split each, less
that of the defaults on the same splits: in hundredths, beside their standard error. The table of
docs/scikit-learn.md.
"""

import warnings

import numpy as np
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from benchmarks.estimators import CASES, ESTIMATORS

SETS = (
    "breast_cancer", "digits", "diabetes", "titanic", "wine_red, quality", "wine_red, alcohol",
)  # fmt: skip
CHANGES = {
    "init='auto'": {"init": "auto"},
    "activation='silu'": {"activation": "silu"},
    "activation='tanh'": {"activation": "tanh"},
    "hidden_layer_sizes=(256, 128)": {"hidden_layer_sizes": (256, 128)},
    "batch_size=32": {"batch_size": 32},
    "learning_rate_init=0.01": {"learning_rate_init": 0.01},
    "learning_rate='cosine', 0.005": {"learning_rate": "cosine", "learning_rate_init": 0.005},
    "solver='lbfgs', alpha=1": {"solver": "lbfgs", "alpha": 1.0},
    "solver='adamw', weight_decay=0.01": {"solver": "adamw", "weight_decay": 0.01, "alpha": 0.0},
    "alpha=1": {"alpha": 1.0},
    "dropout=0.2": {"dropout": 0.2},
    "averaging=0.99": {"averaging": 0.99},
    "early_stopping=True": {"early_stopping": True},
    "early stopping by the loss": {"early_stopping": True, "scoring": "loss"},
}
SEEDS = 10


def scores(task, X, y, parameters):
    """Return the score of each seed."""
    found = []
    for seed in range(SEEDS):
        X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=seed)
        model = ESTIMATORS[task][0](random_state=seed, **parameters).fit(X_train, y_train)
        found.append(model.score(X_test, y_test))
    return np.array(found)


def main():
    """Print the table."""
    warnings.simplefilter("ignore")
    data = {}
    for name, task, load, _ in CASES:
        if name in SETS:
            X, y = load()
            if task == "numbers":
                y = StandardScaler().fit_transform(y.reshape(-1, 1)).ravel()
            data[name] = task, StandardScaler().fit_transform(X), y
    usual = {name: scores(*given, {}) for name, given in data.items()}
    print("| | " + " | ".join(data) + " |")
    print("|---|" + "---:|" * len(data))
    print("| defaults | " + " | ".join(f"{v.mean():.3f}" for v in usual.values()) + " |")
    for label, parameters in CHANGES.items():
        cells = []
        for name, given in data.items():
            gain = 100 * (scores(*given, parameters) - usual[name])
            cells.append(f"{gain.mean():+.1f} ± {gain.std(ddof=1) / np.sqrt(SEEDS):.1f}")
        print(f"| `{label}` | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
