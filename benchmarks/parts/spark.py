"""Spark's MLlib: MultilayerPerceptronClassifier, sigmoid, L-BFGS on all rows, local mode."""

import time

import numpy as np


def start(sizes):
    """Return the parameters that chainrule starts from, in Spark's order: each layer's W, b."""
    import chainrule as cr

    network = cr.Network(
        list(sizes), activation="sigmoid", loss="cross_entropy", seed=0, dtype="float64"
    )
    layers = zip(network.weights, network.biases, strict=True)
    return np.concatenate([part.ravel() for W, b in layers for part in (W, b)])


def full_batch(folder, sizes, iterations, cores):
    """Return the seconds of a fit, and its loss before it and after each iteration."""
    from pyspark.ml.classification import MultilayerPerceptronClassifier
    from pyspark.ml.feature import VectorAssembler
    from pyspark.ml.linalg import Vectors
    from pyspark.sql import SparkSession

    session = (
        SparkSession.builder.master(f"local[{cores}]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.memory", "8g")
        .config("spark.sql.shuffle.partitions", str(cores))
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    inputs = [f"x{k}" for k in range(sizes[0])]
    rows = VectorAssembler(inputCols=inputs, outputCol="features").transform(
        session.read.parquet(str(folder))
    )
    rows = rows.selectExpr("features", "double(y) as label").repartition(cores).cache()
    rows.count()

    def fit(iterations):
        trainer = MultilayerPerceptronClassifier(
            layers=list(sizes),
            maxIter=iterations,
            tol=1e-12,
            initialWeights=Vectors.dense(start(sizes)),
            solver="l-bfgs",
            blockSize=512,
        )
        began = time.perf_counter()
        model = trainer.fit(rows)
        return time.perf_counter() - began, list(model.summary().objectiveHistory)

    fit(2)  # compiled by the JVM
    short, _ = fit(2)
    seconds, losses = fit(iterations + 2)
    session.stop()
    return {"seconds": seconds - short, "iterations": iterations, "losses": losses}
