"""The models of the suite: ours and the peers, each with its defaults, each told what a column is.

Categories are marked for LightGBM and CatBoost, whose own encodings read them; scikit-learn's
network gets what its users give it: medians, standard scores and one-hot columns. RealMLP, which
refuses missing numbers, gets medians and a column that says where.
"""

import os

import numpy as np
import pandas as pd

from chainrule.tables.recipes import RECIPES

THREADS = len(os.sched_getaffinity(0))


def _days(X):
    """Return the table with times as days since 1970, which no peer reads as they are."""
    times = {name: X[name] for name in X if pd.api.types.is_datetime64_any_dtype(X[name])}
    epoch = pd.Timestamp("1970-01-01")
    days = {name: (times[name] - epoch) / pd.Timedelta(days=1) for name in times}
    return X.assign(**days)


def _texts(X):
    return [name for name in X if X[name].dtype == "string"]


class LightGBM:
    """LightGBM with its defaults, and pandas' categories."""

    def __init__(self, task, seed):
        import lightgbm

        kinds = {"classification": lightgbm.LGBMClassifier, "regression": lightgbm.LGBMRegressor}
        self.model = kinds[task](n_jobs=THREADS, random_state=seed, verbosity=-1)

    def fit(self, X, y):
        """Learn, and keep the categories there are."""
        self.categories = {name: pd.CategoricalDtype(sorted(X[name].dropna().unique()))
                           for name in _texts(X)}  # fmt: skip
        self.model.fit(self._prepared(X), y)
        return self

    def _prepared(self, X):
        return _days(X).astype(self.categories)

    def predict(self, X):
        """Return the predictions."""
        return self.model.predict(self._prepared(X))

    def predict_proba(self, X):
        """Return the probabilities of the classes."""
        return self.model.predict_proba(self._prepared(X))

    @property
    def classes_(self):
        """The classes."""
        return self.model.classes_


class CatBoost(LightGBM):
    """CatBoost with its defaults."""

    def __init__(self, task, seed):
        import catboost

        kinds = {"classification": catboost.CatBoostClassifier,
                 "regression": catboost.CatBoostRegressor}  # fmt: skip
        self.model = kinds[task](
            thread_count=THREADS, random_seed=seed, verbose=False, allow_writing_files=False
        )

    def fit(self, X, y):
        """Learn, the columns of text marked."""
        self.model.fit(self._prepared(X), y, cat_features=_texts(X))
        return self

    def _prepared(self, X):
        X = _days(X)
        return X.assign(**{name: X[name].astype(object).fillna("missing") for name in _texts(X)})

    def predict(self, X):
        """Return the predictions."""
        return np.ravel(self.model.predict(self._prepared(X)))


def scikit_learns_mlp(task, seed):
    """Return scikit-learn's network with its defaults, behind the usual preparation."""
    from sklearn.compose import make_column_selector, make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

    columns = make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="median"), StandardScaler()),
            make_column_selector(dtype_exclude="string"),
        ),
        (
            OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=32),
            make_column_selector(dtype_include="string"),
        ),
    )
    plain = FunctionTransformer(_with_none)
    if task == "classification":
        return make_pipeline(plain, columns, MLPClassifier(random_state=seed))
    from sklearn.compose import TransformedTargetRegressor

    network = TransformedTargetRegressor(
        MLPRegressor(random_state=seed), transformer=StandardScaler()
    )
    return make_pipeline(plain, columns, network)


def _with_none(X):
    X = _days(X)
    return X.assign(**{name: X[name].fillna("missing") for name in _texts(X)})


class RealMLP(LightGBM):
    """RealMLP with its tuned defaults."""

    def __init__(self, task, seed):
        from pytabkit import RealMLP_TD_Classifier, RealMLP_TD_Regressor

        kinds = {"classification": RealMLP_TD_Classifier, "regression": RealMLP_TD_Regressor}
        self.model = kinds[task](device="cpu", n_threads=THREADS, random_state=seed, verbosity=0)

    def fit(self, X, y):
        """Learn the medians and where numbers are missing, then the network."""
        numbers = _days(X).drop(columns=_texts(X)).astype(float)
        self.medians = numbers.median()
        self.gaps = [name for name in numbers if numbers[name].isna().any()]
        self.model.fit(self._prepared(X), y)
        return self

    def _prepared(self, X):
        X = _days(X)
        numbers = X[self.medians.index].astype(float)
        gaps = {f"{name} is missing": numbers[name].isna().astype(float) for name in self.gaps}
        texts = {name: X[name].astype(object).fillna("missing").astype("category")
                 for name in _texts(X)}  # fmt: skip
        return numbers.fillna(self.medians).assign(**gaps, **texts)


def ours(quality, **others):
    """Return a maker of our estimator of a quality, with other options, or those of each task."""

    def made(task, seed):
        import chainrule as cr

        kinds = {"classification": cr.TableClassifier, "regression": cr.TableRegressor}
        of_task = others.get(task, others)
        return kinds[task](quality, random_state=seed, n_jobs=THREADS, **of_task)

    return made


def _without(option):
    """Return the first recipe of "balanced" with an option of its optimizer 0, for each task."""
    options = {}
    for task, (recipe, *_) in RECIPES["balanced"].items():
        name, _, given = recipe.optimizer.partition(":")
        own = dict(pair.split("=") for pair in given.split(",")) | {option: 0}
        options[task] = {
            "optimizer": f"{name}:" + ",".join(f"{k}={v}" for k, v in own.items()),
            "learning_rate": recipe.learning_rate,
            "schedule": recipe.schedule,
            "candidates": 1,
        }
    return options


# What each part of "balanced" brings: one at a time is left out, or is as it was before.
PARTS = {
    "no pieces": {"pieces": 0},
    "pieces of height 1": {"piece_height": 1.0},
    "one recipe": {"candidates": 1},
    "one network": {"members": 1},
    "no weight decay (one recipe)": _without("weight_decay"),
    "no averaging (one recipe)": _without("averaging"),
    "constant learning rate": {"schedule": "constant"},
    "relu": {"activation": "relu"},
    "64 units": {"hidden": (64, 64)},
    "batches of 256": {"batch_size": 256},
    "no limits of numbers": {"clamp": False},
    "dropout 0.1": {"dropout": 0.1},
}


MODELS = {
    **{f"chainrule {quality}": ours(quality) for quality in ("fast", "balanced", "best")},
    "LightGBM": LightGBM,
    "CatBoost": CatBoost,
    "scikit-learn": scikit_learns_mlp,
    "RealMLP": RealMLP,
}
ABLATION = {f"balanced, {part}": ours("balanced", **other) for part, other in PARTS.items()}
