"""Spark's MLlib: MultilayerPerceptronClassifier, sigmoid, L-BFGS on all rows, local mode."""

import time


def full_batch(folder, sizes, iterations, cores):
    """Return the seconds of a fit, and its loss after each iteration."""
    from pyspark.ml.classification import MultilayerPerceptronClassifier
    from pyspark.ml.feature import VectorAssembler
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
            seed=0,
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
