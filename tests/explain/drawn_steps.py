"""Steps of networks drawn at random, which several tests explain."""

import numpy as np

import chainrule as cr

ACTIVATIONS = [name for name in cr.ACTIVATIONS if name != "exponential"]
OPTIMIZERS = [
    cr.SGD(0.05), cr.SGD(0.05, momentum=0.9), cr.SGD(0.05, momentum=0.9, nesterov=True),
    cr.RMSprop(), cr.Adagrad(), cr.Adam(), cr.AdamW(weight_decay=0.1), cr.Rprop(),
    cr.SGD(0.05, clip_norm=0.1), cr.Adam(max_norm=0.7, averaging=0.9), cr.Adam(cr.Cosine(0.01)),
]  # fmt: skip


def targets(loss, n, outputs, rng):
    """Targets that a loss takes."""
    row = cr.LOSSES[loss]
    if row.targets == "classes":
        return rng.integers(0, outputs, n)
    y = rng.normal(size=(n, outputs // row.outputs_per_target))
    if row.targets in ("counts", "positive"):
        return np.abs(y) + 0.1
    return rng.integers(0, 2, y.shape) if row.targets == "binary" else y


def drawn(seed):
    """A step of what is drawn at random: 1 to 4 layers, batches of 1 to 5 samples, any loss."""
    rng = np.random.default_rng(seed)
    loss = str(rng.choice(list(cr.LOSSES)))
    row, layers = cr.LOSSES[loss], int(rng.integers(1, 5))
    outputs = 4 if row.parts else int(rng.integers(2 if row.targets == "classes" else 1, 4))
    sizes = [int(n) for n in rng.integers(1, 6, layers)] + [outputs]
    hidden = [str(name) for name in rng.choice(ACTIVATIONS, layers - 1)]
    output = str(rng.choice(row.outputs or ("identity", "tanh", "sigmoid")))
    net = cr.Network(
        sizes, activation=hidden, output=output, loss=loss, seed=seed, init="glorot_normal",
        dtype=str(rng.choice(["float32", "float64"])), l2=float(rng.choice([0, 0.01])),
        l1=float(rng.choice([0, 0.01])), dropout=float(rng.choice([0, 0.3])) if layers > 1 else 0.0,
        reduction=str(rng.choice(["mean", "sum"])),
    )  # fmt: skip
    n = 8
    X, y = rng.normal(size=(n, sizes[0])), targets(loss, n, outputs, rng)
    weight = rng.uniform(0.5, 2, n) if rng.random() < 0.5 else None
    rule = OPTIMIZERS[int(rng.integers(len(OPTIMIZERS)))]
    run = net.fit(X, y, optimizer=rule, epochs=2, batch_size=int(rng.integers(1, 6)), seed=seed,
                  sample_weight=weight)  # fmt: skip
    return run.at(int(rng.integers(1, run.step + 1)))


def explanations(trace, **options):
    """Every zoom of a step."""
    row = int(trace.rows[-1])
    yield cr.explain(trace, **options)
    yield cr.explain(trace, row=row, **options)
    for layer, (fan_in, fan_out) in enumerate(trace.parameters.spec.shapes):
        yield cr.explain(trace, row=row, layer=layer, **options)
        yield cr.explain(trace, row=row, layer=layer, unit=fan_out - 1, **options)
        yield cr.explain(trace, row=row, layer=layer, weight=(0, fan_in - 1), **options)
