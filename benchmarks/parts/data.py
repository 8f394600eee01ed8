"""The rows that all learn from: drawn on the spot, the same for everyone."""

import numpy as np

GROUP = 16_384  # rows of a row group


def regression(rows, inputs, seed=0):
    """Return X and y, float32, of which y can be learned."""
    numbers = np.random.default_rng(seed)
    X = numbers.standard_normal((rows, inputs), dtype=np.float32)
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.5 * np.abs(X[:, 3]) + 0.1 * X[:, 4:].sum(axis=1)
    return X, y[:, np.newaxis].astype(np.float32)


def classes(rows, inputs, count, seed=0):
    """Return X and class numbers."""
    X, y = regression(rows, inputs, seed)
    edges = np.quantile(y, np.linspace(0, 1, count + 1)[1:-1])
    return X, np.digitize(y[:, 0], edges)


def write(folder, X, y, parts=4):
    """Write columns x0, x1, … and y as Parquet files."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir(parents=True, exist_ok=True)
    for k, rows in enumerate(np.array_split(np.arange(len(X)), parts)):
        columns = {f"x{i}": X[rows, i] for i in range(X.shape[1])} | {"y": y[rows].ravel()}
        pq.write_table(pa.table(columns), folder / f"part-{k}.parquet", row_group_size=GROUP)
