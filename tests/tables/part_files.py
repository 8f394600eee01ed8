"""Tables in parts, made on the spot: numbers, whole numbers, text, booleans, dates, gaps."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq


def made(n=6000, seed=0, first=0):
    """Return a table of so many rows, whose columns y and kind can be learned."""
    numbers = np.random.default_rng(seed)
    x, few = numbers.normal(size=n), numbers.integers(0, 5, n)
    city = np.array(["Ulm", "Bonn", "Köln", "Kiel"])[numbers.integers(0, 4, n)]
    day = np.datetime64("2020-01-01") + numbers.integers(0, 900, n).astype("timedelta64[D]")
    score = np.sin(2 * x) + 0.3 * few + (city == "Ulm")
    return pa.table(
        {
            "id": np.arange(first, first + n),
            "x": pa.array(x.astype("float32"), mask=numbers.random(n) < 0.1),
            "few": few.astype("int16"),
            "city": pa.array(city, mask=numbers.random(n) < 0.05),
            "open": numbers.random(n) < 0.3,
            "day": pa.array(day.astype("datetime64[us]")),
            "y": pa.array(score + 0.1 * numbers.normal(size=n), mask=numbers.random(n) < 0.02),
            "kind": np.where(score > 0.7, "high", "low"),
        }
    )


def written(folder, table, parts=3, group=700):
    """Write a table in parts, and return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    cuts = np.linspace(0, table.num_rows, parts + 1).astype(int)
    for k, (first, last) in enumerate(pairwise(cuts)):
        part = table.slice(first, last - first)
        pq.write_table(part, folder / f"part-{k}.parquet", row_group_size=group)
    return folder
