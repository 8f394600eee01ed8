"""What a fit ends with: the best epoch by a loss or a score, the moving average, more patience."""

import numpy as np
import pytest

import chainrule as cr
from chainrule.training.options import FitOptions

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 3))
Y = np.sin(X[:, :1]) + 0.1 * RNG.normal(size=(60, 1))
HELD_OUT = (RNG.normal(size=(30, 3)), RNG.normal(size=(30, 1)))


def network(engine="compiled", **options):
    options = {"activation": "tanh", "dtype": "float64", "seed": 1} | options
    return cr.Network([3, 8, 1], engine=engine, **options)


class TestScoring:
    def test_the_epoch_of_the_highest_score_is_kept(self):
        given = [0.1, 0.5, 0.3, 0.7, 0.6, 0.2]
        seen = []

        def score(run):
            seen.append(run.network.w.copy())
            return given[len(seen) - 1]

        net = network()
        run = net.fit(X, Y, epochs=6, scoring=score, early_stopping=cr.EarlyStopping(9))
        assert run.validation_scores.tolist() == given
        assert run.best_epoch == 4
        np.testing.assert_array_equal(net.w, seen[3])

    def test_it_stops_when_no_score_was_better(self):
        scores = iter([0.5, 0.6, 0.6, 0.4, 0.9])
        run = network().fit(
            X, Y, epochs=9, scoring=lambda _: next(scores), early_stopping=cr.EarlyStopping(2)
        )
        assert (run.epoch, run.best_epoch, run.stopped) == (4, 2, "early_stopping")

    def test_the_validation_loss_is_taken_beside_it(self):
        net = network()
        run = net.fit(X, Y, epochs=3, scoring=lambda run: -run.network.loss(*HELD_OUT),
                      validation=HELD_OUT)  # fmt: skip
        np.testing.assert_array_equal(run.validation_losses, -run.validation_scores)

    def test_of_epochs_with_the_same_score_the_least_loss_is_kept(self, tmp_path):
        """An accuracy on few samples is the same for many epochs."""
        options = {"validation": HELD_OUT, "scoring": lambda _: 0.5}
        run = network().fit(X, Y, epochs=30, early_stopping=cr.EarlyStopping(99), **options)
        assert run.best_epoch == int(np.argmin(run.validation_losses)) + 1 > 1
        cr.save(run, tmp_path / "run")
        assert cr.load(tmp_path / "run").best_epoch == run.best_epoch

    def test_going_on_needs_it(self, tmp_path):
        run = network().fit(X, Y, epochs=2, scoring=lambda run: run.epoch)
        with pytest.raises(ValueError, match="resume needs scoring if the fit had it"):
            run.resume(X, Y, epochs=1)
        cr.save(run, tmp_path / "run")
        again = cr.load(tmp_path / "run")
        again.resume(X, Y, epochs=2, scoring=lambda run: run.epoch)
        assert again.validation_scores.tolist() == [1, 2, 3, 4]


class TestFromLowest:
    """scikit-learn's rule, restated: count epochs whose loss > best - tol; best is the lowest."""

    @staticmethod
    def stops_after(losses, patience, tol):
        best, count = np.inf, 0
        for epoch, loss in enumerate(losses, start=1):
            count = count + 1 if loss > best - tol else 0
            best = min(best, loss)
            if count >= patience:
                return epoch
        return len(losses)

    @pytest.mark.parametrize("seed", range(40))
    def test_as_the_rule_says(self, seed):
        rng = np.random.default_rng(seed)
        losses = np.cumsum(rng.choice([-0.02, -0.01, 0.0, 0.01], size=50)) + 1
        rule = cr.EarlyStopping(3, min_delta=0.01, from_lowest=True)
        expected = self.stops_after(losses, 3, 0.01)
        epoch = next(
            (e for e in range(1, 51) if rule.is_over(rule.after_all(losses[:e]))), len(losses)
        )
        assert epoch == expected
        assert rule.best_epoch(losses) == int(np.argmin(losses)) + 1

    def test_slow_progress_uses_up_patience(self):
        slow = 1 - 0.0025 * np.arange(30)
        given = {"patience": 5, "min_delta": 0.01}
        own, theirs = cr.EarlyStopping(**given), cr.EarlyStopping(**given, from_lowest=True)
        assert not own.is_over(own.after_all(slow[:11]))
        assert theirs.is_over(theirs.after_all(slow[:6]))

    @pytest.mark.parametrize("name", ["from_lowest", "restore_best", "of_training"])
    def test_neither_true_nor_false(self, name):
        with pytest.raises(ValueError, match=f"{name} must be True or False, got 'yes'"):
            cr.EarlyStopping(**{name: "yes"})


class TestWithoutRestoring:
    """Only the loss of training is watched: many epochs are one call, and the bits are the same."""

    def fit(self, calls=(), **options):
        rule = cr.EarlyStopping(4, min_delta=0.002, restore_best=False)
        return network(**options).fit(X, Y, epochs=300, early_stopping=rule, callbacks=calls)

    @pytest.mark.parametrize("engine", ["compiled", "reference"])
    def test_it_stops_where_each_epoch_is_looked_at(self, engine):
        run = self.fit(engine=engine)
        seen = self.fit(engine=engine, calls=[lambda _: None])  # one call an epoch
        assert run.stopped == seen.stopped == "early_stopping"
        assert 4 < run.epoch == seen.epoch < 300
        np.testing.assert_array_equal(run.network.w, seen.network.w)
        rule = cr.EarlyStopping(4, min_delta=0.002)
        assert rule.is_over(rule.after_all(run.epoch_losses))
        assert not rule.is_over(rule.after_all(run.epoch_losses[:-1]))

    def test_of_training_alone(self):
        """Held-out samples are looked at, but don't say when to stop."""
        rule = cr.EarlyStopping(4, min_delta=0.002, restore_best=False, of_training=True)
        options = {"validation": HELD_OUT, "scoring": lambda run: -run.epoch}
        run = network().fit(X, Y, epochs=300, early_stopping=rule, **options)
        assert run.epoch == self.fit().epoch == len(run.validation_losses)

    def test_the_network_is_at_the_last_step(self):
        run = self.fit()
        assert run.best is None
        np.testing.assert_array_equal(run.network.w, run.last.theta[: run.network.w.size])

    def test_gone_on_with_it_is_patient_anew(self, tmp_path):
        run = self.fit()
        before = run.epoch
        cr.save(run, tmp_path / "run")
        for one in (run, cr.load(tmp_path / "run")):
            one.resume(X, Y, epochs=100)
            assert one.epoch >= before + 4
        assert run.epoch == one.epoch


class TestAveraging:
    BETA = 0.9

    def fit(self, epochs, engine="compiled", **options):
        optimizer = cr.Adam(0.01, averaging=self.BETA)
        return network(engine).fit(X, Y, optimizer=optimizer, epochs=epochs, **options)

    @pytest.mark.parametrize("engine", ["compiled", "reference"])
    def test_it_is_the_weighted_mean_of_the_parameters_after_each_step(self, engine):
        """Kingma, Ba 2015, section 7.2: Σ β^(t-k) θ_k (1 - β) / (1 - β^t)."""
        thetas = []
        watch = cr.Callback(lambda run: thetas.append(run.last.theta.copy()), every=1)
        run = self.fit(5, engine, callbacks=[watch])
        t = len(thetas)
        shares = self.BETA ** np.arange(t - 1, -1, -1) * (1 - self.BETA) / (1 - self.BETA**t)
        expected = shares @ np.array(thetas)
        np.testing.assert_allclose(run.network.parameters.theta, expected, rtol=1e-12, atol=1e-15)
        assert shares.sum() == pytest.approx(1)

    def test_the_path_of_the_parameters_is_that_without(self):
        run, plain = self.fit(5), network().fit(X, Y, optimizer=cr.Adam(0.01), epochs=5)
        np.testing.assert_array_equal(run.last.theta, plain.last.theta)
        assert not np.array_equal(run.network.w, plain.network.w)

    def test_cut_into_calls_and_through_a_file(self, tmp_path):
        whole, cut = self.fit(7), self.fit(3)
        cr.save(cut, tmp_path / "run")
        for run in (cut, cr.load(tmp_path / "run")):
            run.resume(X, Y, epochs=4)
            np.testing.assert_array_equal(run.network.w, whole.network.w)
            np.testing.assert_array_equal(run.losses, whole.losses)

    def test_validation_and_score_are_of_the_average(self):
        def score(run):
            return -run.network.loss(*HELD_OUT)

        run = self.fit(4, validation=HELD_OUT, scoring=score, early_stopping=cr.EarlyStopping(9))
        np.testing.assert_array_equal(run.validation_losses, -run.validation_scores)
        best = run.best_epoch
        assert run.network.loss(*HELD_OUT) == run.validation_losses[best - 1]
        plain = network().fit(X, Y, optimizer=cr.Adam(0.01), epochs=4, validation=HELD_OUT)
        assert not np.array_equal(plain.validation_losses, run.validation_losses)

    def test_an_interruption_leaves_the_average(self):
        def stop(run):
            if run.epoch == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt) as caught:
            self.fit(5, callbacks=[stop])
        run = caught.value.run
        np.testing.assert_array_equal(run.network.w, self.fit(2).network.w)
        run.resume(X, Y, epochs=3)
        np.testing.assert_array_equal(run.network.w, self.fit(5).network.w)


class TestMaxNorm:
    def test_no_unit_has_weights_of_a_larger_norm(self):
        net = network()
        net.fit(X, 50 * Y, optimizer=cr.SGD(0.01, max_norm=0.7), epochs=5)
        norms = np.concatenate([np.linalg.norm(W, axis=0) for W in net.weights])
        assert norms.max() == pytest.approx(0.7)
        assert norms.max() <= 0.7 * (1 + 1e-12)

    def test_the_bias_is_free(self):
        net = network()
        net.fit(X, Y + 9, optimizer=cr.SGD(0.05, max_norm=0.1), epochs=20)
        assert abs(net.biases[-1][0]) > 1


def test_decay_beside_the_gradient():
    """Where the gradient is 0, θ is multiplied by 1 - η λ a step, biases too; for any optimizer."""
    for optimizer in (cr.SGD(0.1, weight_decay=0.5), cr.RMSprop(0.1, weight_decay=0.5)):
        net = cr.Network([1, 1], dtype="float64")
        net.w, net.b = [0.0], [2.0]
        net.step([[0.0]], [2.0], optimizer)
        assert net.b[0] == pytest.approx(2 * (1 - 0.1 * 0.5))


class TestStepsBefore:
    """The optimizer's state and step go on where other data follow."""

    def test_adams_step_counts_on(self):
        first = network().fit(X, Y, optimizer=cr.Adam(0.01), epochs=3, shuffle=False, batch_size=60)
        options = FitOptions(60, 60, False, 0, False, None, steps_before=first.step)
        net = first.network.copy()
        second = cr.Run(net, cr.Adam(0.01), options, first.optimizer_state)
        second.resume(X, Y, epochs=2)
        whole = network().fit(X, Y, optimizer=cr.Adam(0.01), epochs=5, shuffle=False, batch_size=60)
        np.testing.assert_array_equal(net.w, whole.network.w)

    def test_dropout_draws_other_masks(self):
        traces = []
        for before in (0, 5):
            options = FitOptions(60, 60, False, 0, False, None, steps_before=before)
            run = cr.Run(network(dropout=0.5), cr.SGD(0.01), options)
            run.resume(X, Y, epochs=1, callbacks=lambda run: traces.append(run.trace().masks[0]))
        assert not np.array_equal(*traces)

    def test_a_schedule_goes_on(self):
        options = FitOptions(60, 60, False, 0, False, None, steps_before=10)
        run = cr.Run(network(), cr.SGD(cr.Staircase(0.1, factor=0.5, every=11)), options)
        run.resume(X, Y, epochs=3)
        assert run.rates.tolist() == [0.1, 0.05, 0.05]

    def test_through_a_file(self, tmp_path):
        first = network().fit(X, Y, optimizer=cr.Adam(0.01), epochs=3)
        options = FitOptions(60, 32, True, 0, False, None, steps_before=first.step)
        run = cr.Run(first.network.copy(), cr.Adam(0.01), options, first.optimizer_state)
        run.resume(X, Y, epochs=2)
        cr.save(run, tmp_path / "run")
        again = cr.load(tmp_path / "run")
        assert all(
            np.array_equal(one, other)
            for one, other in zip(
                run.start.optimizer_state, again.start.optimizer_state, strict=True
            )
        )
        for one in (run, again):
            one.resume(X, Y, epochs=2)
        np.testing.assert_array_equal(run.network.w, again.network.w)


class TestGradientAlone:
    @pytest.mark.parametrize("engine", ["compiled", "reference"])
    def test_it_is_the_traces(self, engine):
        net = network(engine, l2=0.1)
        gradient, trace = net.gradient(X, Y), net.trace(X, Y)
        assert gradient.loss == trace.loss
        np.testing.assert_array_equal(gradient.parameters.theta, trace.gradient.theta)
