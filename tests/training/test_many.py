"""fit_many: each network to the bits of its own fit, whatever the others do."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.engine import compiled

RNG = np.random.default_rng(0)
X = RNG.normal(size=(61, 4))
Y = RNG.normal(size=(61, 2))
COUNTS = RNG.multinomial(61, np.full(61, 1 / 61), size=6)

# Six networks that share nothing but X, and how each is trained.
NETWORKS = [
    {"layer_sizes": [4, 2]},
    {"layer_sizes": [4, 6, 2], "activation": "tanh", "dtype": "float64", "seed": 1},
    {"layer_sizes": [4, 33, 7, 2], "l2": 0.01, "l1": 0.001, "seed": 2},
    {"layer_sizes": [4, 16, 2], "activation": "gelu", "dropout": 0.3, "seed": 3},
    {"layer_sizes": [4, 100, 2], "activation": "sigmoid", "reduction": "sum", "seed": 4},
    {"layer_sizes": [4, 5, 5, 2], "loss": "huber", "seed": 5},
]
OPTIONS = {
    "optimizer": [
        cr.SGD(0.05), cr.Adam(0.01, clip_norm=0.5), cr.RMSprop(cr.Cosine(0.01, steps=500)),
        cr.SGD(0.01, momentum=0.9, nesterov=True), cr.Rprop(0.001), cr.AdamW(0.01),
    ],
    "epochs": [4, 0, 7, 3, 5, 1],
    "batch_size": [7, "auto", 1, 16, 61, 32],
    "shuffle": [True, True, False, True, False, True],
    "seed": range(6),
}  # fmt: skip


def made(engine="compiled"):
    dtype = {"dtype": "float64"} if engine == "reference" else {}
    return [cr.Network(**options | dtype, engine=engine) for options in NETWORKS]


def alone(nets, y=Y, sample_weight=(None,) * 6, **options):
    """The runs of one fit after the other; what is a list is one for each."""
    runs = []
    for i, net in enumerate(nets):
        own = {name: v[i] if isinstance(v, list | range) else v for name, v in options.items()}
        target = y[i] if isinstance(y, list) else y
        runs.append(net.fit(X, target, sample_weight=sample_weight[i], **own))
    return runs


def assert_same(runs, expected):
    assert len(runs) == len(expected)
    for i, (run, other) in enumerate(zip(runs, expected, strict=True)):
        assert (run.step, run.requested_epochs) == (other.step, other.requested_epochs), i
        assert run.stopped == other.stopped, i
        pairs = zip(run.arrays().items(), other.arrays().items(), strict=True)
        for (name, array), (other_name, other_array) in pairs:
            assert name == other_name
            assert array.tobytes() == other_array.tobytes(), f"network {i}: {name}"


# -- the same bits --------------------------------------------------------------------------


@pytest.mark.parametrize("threads", [1, 2, 3, 16, None])
def test_the_bits_of_a_fit_alone(threads):
    """Parameters, optimizer state and losses of networks that differ in everything."""
    runs = cr.fit_many(made(), X, Y, sample_weight=COUNTS, threads=threads, **OPTIONS)
    assert_same(runs, alone(made(), sample_weight=COUNTS, **OPTIONS))


@settings(max_examples=25)
@given(
    k=st.integers(1, 9), threads=st.integers(1, 4), n=st.integers(1, 61),
    batch_size=st.integers(1, 61), hidden=st.integers(1, 40), epochs=st.integers(0, 5),
)  # fmt: skip
def test_the_bits_of_a_fit_alone_for_odd_shapes(k, threads, n, batch_size, hidden, epochs):
    options = {"epochs": epochs, "batch_size": min(n, batch_size), "seed": 3}
    together, apart = ([cr.Network([4, hidden, 2], seed=i) for i in range(k)] for _ in range(2))
    runs = cr.fit_many(together, X[:n], Y[:n], threads=threads, **options)
    assert_same(runs, [net.fit(X[:n], Y[:n], **options) for net in apart])


def test_the_bits_of_long_fits():
    """So long that networks take turns: some hundred turns of 2 ms on two threads."""
    sizes = [(3, 1), (200, 40), (30, 7), (300, 61), (3, 2)]
    options = {"optimizer": cr.Adam(1e-4), "epochs": [300, 150, 500, 100, 20]}
    options["batch_size"] = [batch for _, batch in sizes]
    together, apart = ([cr.Network([4, h, 2]) for h, _ in sizes] for _ in range(2))
    assert_same(cr.fit_many(together, X, Y, threads=2, **options), alone(apart, **options))


def test_the_reference_engine_and_both_at_once():
    nets, others = made("reference")[:3] + made()[3:], made("reference")[:3] + made()[3:]
    assert_same(cr.fit_many(nets, X, Y, **OPTIONS), alone(others, **OPTIONS))


def test_early_stopping_and_validation():
    """Of some networks; each stops when it would alone, with its best parameters."""
    held_out = [(X[:9], Y[:9]), None, (X[9:30], Y[9:30], COUNTS[0, 9:30]), None, (X, Y), (X, Y)]
    stopping = [
        cr.EarlyStopping(2), cr.EarlyStopping(3), None, None, cr.EarlyStopping(1, 0.1),
        cr.EarlyStopping(50),
    ]  # fmt: skip
    options = OPTIONS | {
        "epochs": 30, "validation": held_out, "early_stopping": stopping, "optimizer": cr.Adam(0.05)
    }  # fmt: skip
    runs, expected = cr.fit_many(made(), X, Y, **options), alone(made(), **options)
    assert_same(runs, expected)
    assert {run.stopped for run in runs} == {"early_stopping", "epochs"}
    assert len({run.step for run in runs}) > 3


def test_validation_shared_by_all():
    options = {"validation": (X[:9], Y[:9]), "epochs": 3, "early_stopping": cr.EarlyStopping(1)}
    assert_same(cr.fit_many(made(), X[9:], Y[9:], **options), [
        net.fit(X[9:], Y[9:], **options) for net in made()
    ])  # fmt: skip


def test_targets_of_each():
    targets = [Y + i for i in range(6)]
    assert_same(cr.fit_many(made(), X, targets, epochs=3), alone(made(), targets, epochs=3))


@pytest.mark.parametrize("y", [np.arange(61) % 2, (np.arange(61) % 2).tolist()])
def test_class_numbers_for_all(y):
    nets, others = ([cr.Network([4, h, 2], loss="cross_entropy") for h in (3, 5)] for _ in range(2))
    assert_same(cr.fit_many(nets, X, y, epochs=3), [net.fit(X, y, epochs=3) for net in others])


def test_a_list_of_as_many_targets_as_networks():
    """n = k: numbers are the targets of all, and so are rows of another length."""
    for y, outputs in (([0.5, 1.0], 1), ([[1.0, 2.0, 3.0], [0.0, 1.0, 2.0]], 3)):
        nets, others = ([cr.Network([4, outputs], seed=i) for i in range(2)] for _ in range(2))
        runs = cr.fit_many(nets, X[:2], y, epochs=2)
        assert_same(runs, [net.fit(X[:2], y, epochs=2) for net in others])


@pytest.mark.parametrize("weights", [
    [COUNTS[0], None, COUNTS[2].tolist(), None, COUNTS[4], COUNTS[5]], list(COUNTS), COUNTS.tolist()
])  # fmt: skip
def test_weights_of_each(weights):
    runs = cr.fit_many(made(), X, Y, epochs=2, sample_weight=weights)
    assert_same(runs, alone(made(), epochs=2, sample_weight=weights))


@pytest.mark.parametrize("weight", [COUNTS[0], COUNTS[0].tolist()])
def test_weights_of_all(weight):
    runs = cr.fit_many(made(), X, Y, epochs=2, sample_weight=weight)
    assert_same(runs, alone(made(), epochs=2, sample_weight=[weight] * 6))


def test_bootstrap_counts_are_the_sample_itself():
    """One full batch of counts has the loss of the rows drawn: Σ c ℓ / Σ c, to rounding."""
    nets = [cr.Network([4, 5, 2], dtype="float64", seed=i) for i in range(6)]
    expected = [
        net.loss(np.repeat(X, count, axis=0), np.repeat(Y, count, axis=0))
        for net, count in zip(nets, COUNTS, strict=True)
    ]
    runs = cr.fit_many(nets, X, Y, sample_weight=COUNTS, epochs=1, batch_size=61)
    np.testing.assert_allclose([run.losses[0] for run in runs], expected, rtol=1e-13)


def test_calls_that_are_cut(monkeypatch):
    """Unseen: a limit for memory, not for the result."""
    monkeypatch.setattr("chainrule.training.many.LONGEST_CALL", 20)
    assert_same(cr.fit_many(made(), X, Y, **OPTIONS), alone(made(), **OPTIONS))


# -- runs are ordinary ----------------------------------------------------------------------


def test_a_run_goes_on_alone(tmp_path):
    """Resumed, and saved, loaded and resumed: the bits of one longer fit."""
    expected = alone(made(), epochs=5)
    runs = cr.fit_many(made(), X, Y, epochs=3)
    cr.save(runs[2], tmp_path / "run.safetensors")
    loaded = cr.load(tmp_path / "run.safetensors").resume(X, Y, epochs=2)
    assert_same([run.resume(X, Y, epochs=2) for run in runs], expected)
    assert_same([loaded], expected[2:3])


def test_many_runs_go_on():
    options = {"early_stopping": cr.EarlyStopping(100), "validation": (X[:9], Y[:9])}
    runs = cr.fit_many(made(), X, Y, epochs=2, **options)
    cr.resume_many(runs[1:4], X, Y, epochs=[1, 2, 3], validation=options["validation"])
    own = options | {"epochs": [2, 3, 4, 5, 2, 2]}
    expected = alone(made(), **own)
    for run, other in zip(runs, expected, strict=True):
        assert run.epoch == other.epoch
        assert run.network.w.tobytes() == other.network.w.tobytes()
        assert np.array_equal(run.validation_losses, other.validation_losses)


def test_callbacks_get_the_run_of_each_network():
    """Steps are seen as in a fit; one network stops, the others go on."""
    nets = made()
    seen = {id(net): [] for net in nets}

    def watch(run):
        seen[id(run.network)].append(run.step)
        assert run.trace().step == run.step + 1
        if run.network is nets[1] and run.step == 6:
            run.stop()

    runs = cr.fit_many(nets, X, Y, epochs=3, batch_size=20, callbacks=[cr.Callback(watch, every=2)])
    steps = [seen[id(net)] for net in nets]
    assert steps == [[2, 4, 6, 8, 10, 12], [2, 4, 6], *[[2, 4, 6, 8, 10, 12]] * 4]
    assert [run.stopped for run in runs] == ["epochs", "callback", *["epochs"] * 4]
    expected = alone(made()[2:], epochs=3, batch_size=20)
    assert_same(runs[2:], expected)


# -- divergence -----------------------------------------------------------------------------


@pytest.mark.parametrize(("epochs", "rate"), [(6, 1e30), (1, 1e39)])
def test_a_network_that_diverges_stops_alone(epochs, rate):
    """By its loss, or by the parameters after its only step: as it would alone."""
    rates = [cr.SGD(rate) for rate in (0.01, rate, 0.02, rate)]
    nets, others = ([cr.Network([4, 8, 2], seed=i) for i in range(4)] for _ in range(2))
    options = {"epochs": epochs, "batch_size": 61 // epochs}
    message = r"2 of 4 networks diverged.* Network 1: .*Also: 3"
    with pytest.warns(RuntimeWarning, match=message) as said:
        runs = cr.fit_many(nets, X, Y, optimizer=rates, **options)
    assert said[0].filename == __file__  # the line that called, for whoever reads the warning
    assert [run.stopped for run in runs] == ["epochs", "diverged"] * 2
    for i in (0, 2):
        assert_same([runs[i]], [others[i].fit(X, Y, optimizer=rates[i], **options)])
    for i in (1, 3):
        with pytest.raises(FloatingPointError):
            others[i].fit(X, Y, optimizer=rates[i], **options)
        assert nets[i].parameters.theta.tobytes() == others[i].parameters.theta.tobytes()
        assert np.isfinite(runs[i].losses).all()


def test_a_diverged_run_says_so_in_fit_too():
    runs = []
    with pytest.raises(FloatingPointError, match="lower the learning rate"):
        cr.Network([4, 8, 2]).fit(
            X, Y, optimizer=cr.SGD(1e30), batch_size=5, epochs=5,
            callbacks=[cr.Callback(runs.append, every=1)],
        )  # fmt: skip
    assert runs[0].stopped == "diverged"


def test_no_warning_without_divergence():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cr.fit_many(made(), X, Y, epochs=1)


# -- memory and time ------------------------------------------------------------------------


def data_of(nets, X, y, **options):
    """The arrays that the trainers read."""
    found = []
    look = cr.Callback(lambda run: found.append(run.record.trainer.batches), every=1)
    cr.fit_many(nets, X, y, epochs=1, batch_size="auto", callbacks=[look], **options)
    return found


def test_no_network_has_its_own_data():
    """One converted X and y for each dtype; none at all where the dtype is right."""
    nets = [cr.Network([4, 3, 2], dtype=f"float{32 << i % 2}") for i in range(256)]
    found = data_of(nets, X, Y)
    assert len({id(batches.X) for batches in found}) == 2
    assert len({id(batches.y) for batches in found}) == 2
    for batches in found[1::2]:
        assert np.shares_memory(batches.X, X) == (batches.X.dtype == X.dtype)
        assert np.shares_memory(batches.y, Y) == (batches.y.dtype == Y.dtype)


def test_rows_of_weights_are_not_copied():
    weights = COUNTS.astype("float32")
    nets = [cr.Network([4, 3, 2]) for _ in range(6)]
    for i, batches in enumerate(data_of(nets, X, Y, sample_weight=weights)[:6]):
        assert np.shares_memory(batches.sample_weight, weights[i])


def test_data_are_not_changed():
    before = X.copy(), Y.copy(), COUNTS.copy()
    cr.fit_many(made(), X, Y, epochs=2, sample_weight=COUNTS)
    for array, copy in zip((X, Y, COUNTS), before, strict=True):
        assert np.array_equal(array, copy)


def test_many_epochs_are_one_call(monkeypatch):
    """A callback forces one call an epoch."""
    calls, advance_many = [], compiled.advance_many

    def counted(trainers, rates, losses, threads):
        calls.append([len(eta) for eta in rates])
        return advance_many(trainers, rates, losses, threads)

    monkeypatch.setattr(compiled, "advance_many", counted)

    def fit(**options):
        nets = [cr.Network([2, 2, 1]) for _ in range(8)]
        cr.fit_many(nets, np.ones((40, 2)), np.ones(40), **options)

    fit(epochs=500)
    assert calls == [[1000] * 8]
    calls.clear()
    fit(epochs=5, callbacks=[lambda _: None])
    assert calls == [[2] * 8] * 5
    calls.clear()
    monkeypatch.setattr("chainrule.training.many.LONGEST_CALL", 800)  # of all networks together
    fit(epochs=100)
    assert calls == [[100] * 8] * 2


# -- errors ---------------------------------------------------------------------------------

TWICE = cr.Network([4, 2])

WRONG = {
    "no network": ({"networks": []}, r"a list of at least one cr.Network, got \[\]"),
    "not a list": ({"networks": TWICE}, "a list of at least one cr.Network, got <Network"),
    "not networks": ({"networks": [TWICE, 3]}, "got 3 among them"),
    "one twice": ({"networks": [TWICE, cr.Network([4, 2]), TWICE]}, "networks 0 and 2 share"),
    "few optimizers": ({"optimizer": [cr.Adam()]}, "optimizer must be .* list of 6, .* list of 1"),
    "many seeds": ({"seed": range(7)}, "seed must be one for all networks or a list of 6"),
    "a seed": ({"seed": [0, 0, 0, -1, 0, 0]}, "network 3: seed must be .* got -1"),
    "a batch": ({"batch_size": [1, 2, 3, 4, 5, 0]}, "network 5: batch_size must be between 1"),
    "an optimizer": ({"optimizer": [3] * 6}, "network 0: optimizer must be one of chainrule"),
    "epochs": ({"epochs": [1, 1, -2, 1, 1, 1]}, "network 2: epochs must be .* got -2"),
    "threads": ({"threads": 0}, "threads must be a whole number from 1 to 1024, got 0"),
    "inputs": ({"X": X[:, :3]}, r"network 0: X must have shape \(n_samples, 4\), got \(61, 3\)"),
    "no samples": ({"X": X[:0]}, "X must have at least one sample"),
    "ragged": ({"X": [[1, 2], [3]]}, "X must be an array of numbers"),
    "rows": ({"y": Y[:60]}, "network 0: X and y must have as many samples, got 61 and 60"),
    "nan": ({"y": [Y, Y, Y * np.nan, Y, Y, Y]}, "network 2: y must be finite"),
    "few weights": ({"sample_weight": COUNTS[:5]}, "sample_weight must be .* a list of 6, .* of 5"),
    "a weight": ({"sample_weight": -COUNTS}, "network 0: sample_weight must be >= 0"),
    "validations": ({"validation": [(X, Y)] * 2}, "validation must be .* a list of 6, .* of 2"),
    "a validation": ({"validation": (X[:, 1:], Y)}, "network 0: validation: X must have shape"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong(name):
    """One sentence that says which network it is about; nothing is trained."""
    changed, message = WRONG[name]
    nets = made()
    given = {"networks": nets, "X": X, "y": Y, "epochs": 1} | changed
    with pytest.raises(ValueError, match=message):
        cr.fit_many(**given)
    for net, untouched in zip(nets, made(), strict=True):
        assert np.array_equal(net.w, untouched.w)


def test_runs_that_cannot_go_on():
    runs = cr.fit_many(made(), X, Y, epochs=1)
    with pytest.raises(ValueError, match="network 0: resume needs the data of the fit, 61"):
        cr.resume_many(runs, X[:60], Y[:60], epochs=1)
    with pytest.raises(ValueError, match="networks 0 and 1 share their parameters"):
        cr.resume_many([runs[0], runs[0]], X, Y, epochs=1)
    with pytest.raises(ValueError, match=r"at least one cr.Run, got <Network"):
        cr.resume_many([runs[0].network], X, Y, epochs=1)


def test_networks_whose_parameters_overlap_in_part():
    """As views of one buffer: neither may be trained beside the other."""
    spec = cr.NetworkSpec((4, 2), ("identity",))
    buffer = np.zeros(25, "float32")
    for start, apart in ((10, True), (9, False), (5, False), (1, False), (15, True)):
        nets = [
            cr.Network.from_parameters(cr.Parameters(spec, buffer[at : at + 10]))
            for at in (start, 0)
        ]
        if apart:
            assert len(cr.fit_many(nets, X, Y, epochs=1)) == 2
        else:
            with pytest.raises(ValueError, match="networks 0 and 1 share their parameters"):
                cr.fit_many(nets, X, Y, epochs=1)


def test_one_y_for_losses_that_read_it_differently():
    """Rounded probabilities are scaled for cross-entropy, and taken as they are elsewhere."""
    y = np.tile([[0.3337, 0.6667]], (61, 1))
    options = [{"loss": "cross_entropy"}, {"loss": "squared_error"}, {"loss": "huber"},
               {"loss": "squared_error", "dtype": "float64"}]  # fmt: skip
    for order in (options, options[::-1]):
        nets = [cr.Network([4, 2], **some) for some in order]
        alone = [cr.Network([4, 2], **some) for some in order]
        validation = (X, y)
        runs = cr.fit_many(nets, X, y, epochs=2, validation=validation)
        for run, other in zip(runs, alone, strict=True):
            expected = other.fit(X, y, epochs=2, validation=validation)
            assert np.array_equal(run.losses, expected.losses)
            assert np.array_equal(run.validation_losses, expected.validation_losses)
