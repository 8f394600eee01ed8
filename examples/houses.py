"""A table, from the file to predictions: train, save, load, and predict a DataFrame.

python examples/houses.py
"""

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv

import chainrule as cr
from chainrule.tables import TrainOptions, read, train

folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
n = 600
area, town = rng.uniform(40, 200, n), rng.choice(["Ayr", "Bude", "Cork"], n)
built = np.datetime64("1950-01-01") + rng.integers(0, 25_000, n)
price = 900 * area + 40_000 * (town == "Cork") + rng.normal(0, 8_000, n)
houses = pa.table({"area": area, "town": town, "built": built, "price": price})
pyarrow.csv.write_csv(houses, folder / "houses.csv")

model = train(read(folder / "houses.csv"), "price", TrainOptions(seed=1))
print(model)
for name, value in model.report.metrics.items():
    print(f"{name:>5} {value:12,.4g}   without a model {model.report.baseline[name]:12,.4g}")

cr.save(model, folder / "houses.safetensors")
again = cr.load(folder / "houses.safetensors")
print("predicted", again.predict(houses.slice(0, 3)).round(-2), "sold for", price[:3].round(-2))
