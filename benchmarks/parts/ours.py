"""chainrule on parts, by threads or by workers of Ray; the first epochs are not timed."""

import itertools
import statistics
import time

import chainrule as cr


def steps(folder, sizes, batch_size, epochs, warm, workers, ray, precision):
    """Return rows a second, seconds of a step, the share of waiting and the losses, of Adam."""
    network = cr.Network(list(sizes), seed=0, precision=precision)
    moments, fits = [], []

    def watch(fit):
        moments.append(time.perf_counter())
        fits.append(fit)

    losses = cr.fit_files(
        network, folder, "y", epochs=epochs, batch_size=batch_size, optimizer=cr.Adam(0.001),
        workers=workers, ray=ray, watch=watch,
    )  # fmt: skip
    order = fits[-1].order
    took = [after - before for before, after in itertools.pairwise(moments)]
    later = moments[warm * order.steps_per_epoch - 1 :]
    return {
        "rows_per_second": (epochs - warm) * order.n_rows / (later[-1] - later[0]),
        "fastest": min(took),
        "median": statistics.median(took),
        "waited": fits[-1].waited,
        "losses": [sum(losses[-order.steps_per_epoch :]) / order.steps_per_epoch],
    }


def full_batch(folder, sizes, iterations, workers, ray):
    """Return rows a second, one evaluation of all after the other, and the losses of L-BFGS."""
    network = cr.Network(
        list(sizes), activation="sigmoid", loss="cross_entropy", seed=0, dtype="float64"
    )
    from chainrule.distributed import full_batch as floor

    evaluations, original = [], floor.FullBatch.__call__

    def counted(self, theta):
        evaluations.append(time.perf_counter())
        return original(self, theta)

    floor.FullBatch.__call__ = counted
    losses = cr.fit_files(
        network, folder, "y", solver="lbfgs", epochs=iterations, batch_size=8192,
        workers=workers, ray=ray,
    )  # fmt: skip
    ended = time.perf_counter()
    floor.FullBatch.__call__ = original
    seconds = ended - evaluations[0]
    return {"evaluations": len(evaluations), "seconds": seconds, "losses": losses}
