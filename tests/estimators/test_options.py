"""Each option does what it says, and refuses what is out of range."""

import numpy as np
import pytest
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import balanced_accuracy_score, log_loss

import chainrule as cr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 4))
Y = np.sin(2 * X[:, 0]) + 0.1 * RNG.normal(size=120)
CLASSES = np.array(["no", "yes", "maybe"])[(X[:, 0] > 0).astype(int) + (X[:, 1] > 0.5)]
OF_BOTH = [(cr.MLPClassifier, CLASSES), (cr.MLPRegressor, Y)]


def regressor(*args, **options):
    return cr.MLPRegressor(*args, **{"random_state": 0, "max_iter": 10} | options).fit(X, Y)


def classifier(y=CLASSES, **options):
    return cr.MLPClassifier(**{"random_state": 0, "max_iter": 10} | options).fit(X, y)


class TestNetwork:
    @pytest.mark.parametrize(("Estimator", "y"), OF_BOTH)
    def test_activations_as_a_list(self, Estimator, y):
        model = Estimator((5, 3), max_iter=2) if Estimator is cr.MLPClassifier else None
        model = model or Estimator(hidden_layer_sizes=(5, 3), max_iter=2)
        model.set_params(activation=["logistic", "mish"]).fit(X, y)
        assert model.network_.spec.activations[:2] == ("sigmoid", "mish")

    @pytest.mark.parametrize("activation", cr.ACTIVATIONS)
    def test_every_activation(self, activation):
        model = regressor(activation=activation)
        assert model.network_.spec.activations[0] == activation
        assert np.isfinite(model.predict(X)).all()

    def test_output_activation(self):
        model = regressor(output_activation="softplus")
        assert model.out_activation_ == "softplus"
        assert (model.predict(X) > 0).all()

    @pytest.mark.parametrize(("given", "name"), [
        (regressor, "identity"), (lambda: regressor("poisson_of"), None),
        (classifier, "softmax"), (lambda: classifier(CLASSES == "no"), "logistic"),
    ])  # fmt: skip
    def test_names_of_outputs_are_scikit_learns(self, given, name):
        if name is None:
            model = cr.MLPRegressor("poisson", max_iter=2).fit(X, np.round(np.exp(Y)))
            assert model.out_activation_ == "exp"
        else:
            assert given().out_activation_ == name

    def test_starting_weights(self):
        """Glorot's, as scikit-learn's; or He's for rectifiers."""
        spread = {
            init: regressor(init=init, hidden_layer_sizes=5000, max_iter=1, learning_rate_init=1e-9)
            .coefs_[0].std()
            for init in ("glorot_uniform", "auto")
        }  # fmt: skip
        assert spread["glorot_uniform"] == pytest.approx(np.sqrt(2 / 5004), rel=0.02)
        assert spread["auto"] == pytest.approx(np.sqrt(2 / 4), rel=0.02)

    def test_alpha_is_divided_by_the_samples_of_a_batch(self):
        """½ α/n Σ w², as scikit-learn's loss; the weighted batch's n is its weight."""
        assert regressor(alpha=3.0, batch_size=30).network_.spec.l2 == 0.1
        model = cr.MLPRegressor(alpha=3.0, max_iter=1, batch_size=30)
        assert model.fit(X, Y, np.full(120, 2.0)).network_.spec.l2 == pytest.approx(0.05)

    def test_l1_makes_weights_small(self):
        sizes = [np.abs(regressor(l1=l1, max_iter=200).network_.w).sum() for l1 in (0, 0.05)]
        assert sizes[1] < 0.5 * sizes[0]

    def test_dropout_is_of_training_alone(self):
        model = regressor(dropout=0.5)
        assert model.network_.spec.dropout == 0.5
        np.testing.assert_array_equal(model.predict(X), model.predict(X))
        assert not np.array_equal(model.coefs_[0], regressor().coefs_[0])

    def test_a_linear_model(self):
        model = regressor(hidden_layer_sizes=())
        assert model.n_layers_ == 2
        np.testing.assert_allclose(
            model.predict(X), X @ model.coefs_[0].ravel() + model.intercepts_[0], rtol=1e-12
        )


class TestOptimizer:
    @pytest.mark.parametrize("name", cr.OPTIMIZERS)
    def test_every_optimizer_by_name(self, name):
        model = regressor(solver=name, learning_rate_init=0.003)
        assert model.run_.optimizer.name == name
        assert model.run_.optimizer.learning_rate == 0.003
        assert model.loss_curve_[-1] < model.loss_curve_[0]

    def test_one_made_by_hand(self):
        optimizer = cr.RMSprop(cr.Exponential(0.01, decay=0.5, steps=3), decay=0.5)
        model = regressor(solver=optimizer)
        assert model.run_.optimizer == optimizer

    def test_scikit_learns_names_of_options(self):
        adam = regressor(beta_1=0.8, beta_2=0.9, epsilon=1e-3).run_.optimizer
        assert adam == cr.Adam(0.001, 0.8, 0.9, 1e-3)
        sgd = regressor(solver="sgd", momentum=0.5, nesterovs_momentum=False).run_.optimizer
        assert sgd == cr.SGD(0.001, momentum=0.5)
        assert regressor(solver="sgd", momentum=0).run_.optimizer == cr.SGD(0.001)

    @pytest.mark.parametrize("option", [
        {"clip_norm": 0.1}, {"max_norm": 0.5}, {"weight_decay": 0.3}, {"averaging": 0.9},
    ], ids=str)  # fmt: skip
    @pytest.mark.parametrize("solver", ["adam", "sgd", cr.RMSprop(0.01)], ids=str)
    def test_what_every_optimizer_has(self, option, solver):
        model, plain = regressor(solver=solver, **option), regressor(solver=solver)
        ((name, value),) = option.items()
        assert getattr(model.run_.optimizer, name) == value
        assert not np.array_equal(model.coefs_[0], plain.coefs_[0])

    def test_max_norm_is_kept(self):
        model = regressor(max_norm=0.5)
        assert all((np.linalg.norm(W, axis=0) < 0.5 + 1e-12).all() for W in model.coefs_)

    def test_averaging_gives_the_network_the_mean(self):
        model = regressor(averaging=0.9)
        assert not np.array_equal(model.network_.parameters.theta, model.run_.last.theta)

    @pytest.mark.parametrize("name", cr.SCHEDULES)
    def test_every_schedule_by_name(self, name):
        model = regressor(learning_rate=name, learning_rate_init=0.02)
        rate = model.run_.optimizer.learning_rate
        assert rate == 0.02 if name == "constant" else rate.name == name
        assert (
            name == "constant"
            or not (model.run_.rates == model.run_.rates[0]).all()
            or (name in ("exponential", "staircase"))
        )

    def test_a_schedule_lasts_for_the_fit_and_says_nothing_of_convergence(self, recwarn):
        model = regressor(learning_rate="cosine", learning_rate_init=0.02, batch_size=40)
        assert model.run_.optimizer.learning_rate == cr.Cosine(0.02, steps=30)
        assert not [w for w in recwarn if w.category is ConvergenceWarning]

    def test_the_schedules_of_sgd_are_none_of_adam(self):
        """As in scikit-learn."""
        for name in ("invscaling", "adaptive"):
            assert (regressor(learning_rate=name).run_.rates == 0.001).all()


class TestWeights:
    def test_class_weights_move_the_border(self):
        X, y = make_classification(600, weights=[0.9], class_sep=0.4, random_state=0)
        fits = {
            weight: cr.MLPClassifier((8,), random_state=0, class_weight=weight).fit(X, y)
            for weight in (None, "balanced")
        }
        recall = {weight: model.predict(X)[y == 1].mean() for weight, model in fits.items()}
        assert recall["balanced"] > recall[None] + 0.1

    @pytest.mark.parametrize("weight", [{"no": 3, "yes": 1, "maybe": 0.5}, "balanced"], ids=str)
    def test_class_weights_multiply_sample_weights(self, weight):
        sample_weight = RNG.uniform(0.5, 2, size=120)
        if weight == "balanced":
            mass = {c: sample_weight[c == CLASSES].sum() for c in np.unique(CLASSES)}
            of_each = {c: sample_weight.sum() / (3 * m) for c, m in mass.items()}
        else:
            of_each = weight
        product = sample_weight * [of_each[c] for c in CLASSES]
        options = {"max_iter": 3, "random_state": 0}
        one = cr.MLPClassifier(class_weight=weight, **options).fit(X, CLASSES, sample_weight)
        two = cr.MLPClassifier(**options).fit(X, CLASSES, product)
        np.testing.assert_allclose(one.coefs_[0], two.coefs_[0], rtol=1e-9, atol=1e-12)

    def test_balanced_needs_all_samples(self):
        model = cr.MLPClassifier(class_weight="balanced")
        with pytest.raises(ValueError, match="partial_fit, which doesn't see all samples, does no"):
            model.partial_fit(X, CLASSES, classes=np.unique(CLASSES))

    @pytest.mark.parametrize("dtype", ["float32", "float64"])
    @pytest.mark.parametrize("solver", ["adam", "lbfgs"])
    def test_a_weight_of_2_is_two_samples(self, dtype, solver):
        """In one batch: the same sums, added up in another order."""
        copies = RNG.integers(0, 3, size=120)
        repeated = X.repeat(copies, axis=0).astype(dtype), Y.repeat(copies).astype(dtype)
        options = {"solver": solver, "max_iter": 20, "random_state": 0}  # of at most 200 samples
        one = cr.MLPRegressor(**options).fit(X.astype(dtype), Y.astype(dtype), copies)
        two = cr.MLPRegressor(**options).fit(*repeated)
        loose = 1e-4 if dtype == "float32" else 1e-7  # what 20 epochs make of one rounding
        found, expected = one.predict(X.astype(dtype)), two.predict(X.astype(dtype))
        np.testing.assert_allclose(found, expected, rtol=loose, atol=loose)


class TestHeldOut:
    def test_the_best_weights_are_kept(self):
        held_out = RNG.normal(size=(50, 4)), RNG.normal(size=50)
        model = cr.MLPRegressor(early_stopping=True, random_state=0, learning_rate_init=0.01)
        model.fit(X, Y, eval_X=held_out[0], eval_y=held_out[1])
        assert model.score(*held_out) == pytest.approx(model.best_validation_score_, rel=1e-12)
        assert model.best_validation_score_ == max(model.validation_scores_)
        assert model.best_loss_ is None

    def test_curves_without_stopping(self):
        model = cr.MLPClassifier(max_iter=7, random_state=0)
        model.fit(X, CLASSES, eval_X=X[:30], eval_y=CLASSES[:30])
        assert len(model.validation_scores_) == len(model.validation_loss_curve_) == 7
        assert model.score(X[:30], CLASSES[:30]) == model.validation_scores_[-1]
        loss = log_loss(CLASSES[:30], model.predict_proba(X[:30]), labels=model.classes_)
        assert model.validation_loss_curve_[-1] == pytest.approx(loss, rel=1e-12)

    @pytest.mark.parametrize("scoring", ["neg_log_loss", "f1_macro", "roc_auc_ovr"])
    def test_any_scorer(self, scoring):
        from sklearn.metrics import get_scorer

        model = cr.MLPClassifier(early_stopping=True, scoring=scoring, random_state=0, max_iter=30)
        model.fit(X, CLASSES, eval_X=X[:40], eval_y=CLASSES[:40])
        score = get_scorer(scoring)(model, X[:40], CLASSES[:40])
        assert model.best_validation_score_ == pytest.approx(score, rel=1e-12)

    def test_a_scorer_of_ones_own(self):
        seen = []

        def scorer(model, X, y):
            seen.append(len(X))
            return balanced_accuracy_score(y, model.predict(X))

        model = cr.MLPClassifier(early_stopping=True, scoring=scorer, max_iter=20).fit(X, CLASSES)
        assert seen == [12] * model.n_iter_

    def test_the_loss(self):
        model = cr.MLPRegressor(early_stopping=True, scoring="loss", max_iter=20).fit(X, Y)
        assert model.validation_scores_ == [-loss for loss in model.validation_loss_curve_]

    def test_weights_count_in_the_score(self):
        """Of two held-out halves, one has all the weight."""
        weight = np.r_[np.ones(20), np.zeros(20)]
        one, two = (cr.MLPRegressor(max_iter=5, random_state=0) for _ in range(2))
        one.fit(X, Y, eval_X=X[:40], eval_y=Y[:40], eval_sample_weight=weight)
        two.fit(X, Y, eval_X=X[:20], eval_y=Y[:20])
        np.testing.assert_allclose(one.validation_scores_, two.validation_scores_, rtol=1e-12)
        np.testing.assert_allclose(
            one.validation_loss_curve_, two.validation_loss_curve_, rtol=1e-12
        )

    def test_class_weights_count_in_the_score(self):
        weights = {"no": 1, "yes": 5, "maybe": 2}
        model = cr.MLPClassifier(class_weight=weights, max_iter=5, random_state=0)
        model.fit(X, CLASSES, eval_X=X[:40], eval_y=CLASSES[:40])
        right = model.predict(X[:40]) == CLASSES[:40]
        expected = np.average(right, weights=[weights[c] for c in CLASSES[:40]])
        assert model.validation_scores_[-1] == pytest.approx(expected, rel=1e-12)

    @pytest.mark.parametrize(("given", "message"), [
        ({"eval_X": X}, "eval_X was given without eval_y"),
        ({"eval_y": CLASSES}, "eval_y and eval_sample_weight need eval_X"),
        ({"eval_X": X[:, :2], "eval_y": CLASSES}, "X has 2 features, but MLPClassifier is expect"),
        ({"eval_X": X[:2], "eval_y": ["no", "never"]}, "`y` has classes not in `self.classes_`"),
    ])  # fmt: skip
    def test_wrong_held_out_samples(self, given, message):
        with pytest.raises(ValueError, match=message):
            cr.MLPClassifier().fit(X, CLASSES, **given)

    def test_a_part_of_the_classes_is_held_out_in_a_warm_start(self):
        model = cr.MLPClassifier(warm_start=True, max_iter=3)
        for _ in range(2):
            one = CLASSES == "no"
            model.fit(X, CLASSES, eval_X=X[one], eval_y=CLASSES[one])
        assert len(model.validation_scores_) == 6

    def test_a_diverging_fit_keeps_the_best_weights(self):
        model = cr.MLPRegressor(
            solver="sgd", activation="identity", learning_rate_init=1, early_stopping=True,
            random_state=0,
        )  # fmt: skip
        with pytest.warns(ConvergenceWarning, match="the best weights so far are kept"):
            model.fit(X, Y)
        assert np.isfinite(model.predict(X)).all()
        assert np.isnan(model.validation_scores_[-1])


def test_a_batch_that_is_too_large_is_said_once():
    message = "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped"
    with pytest.warns(UserWarning, match=message) as told:
        cr.MLPRegressor(batch_size=1000, max_iter=1, learning_rate="cosine").fit(X, Y)
    assert len(told) == 1
    assert told[0].filename == __file__


class TestLookingOn:
    def test_callbacks_each_epoch_and_each_n_steps(self):
        epochs, steps = [], []
        model = regressor(
            batch_size=40,
            callbacks=[lambda run: epochs.append(run.epoch),
                       cr.Callback(lambda run: steps.append(run.step), every=7)],
        )  # fmt: skip
        assert epochs == list(range(1, 11))
        assert steps == [7, 14, 21, 28]
        assert model.run_.step == 30

    def test_a_callback_stops_it(self):
        model = regressor(callbacks=lambda run: run.stop() if run.epoch == 4 else None)
        assert model.n_iter_ == 4

    def test_a_callback_may_use_the_model(self):
        scores = []
        model = cr.MLPRegressor(max_iter=3, callbacks=lambda _: scores.append(model.score(X, Y)))
        model.fit(X, Y)
        assert len(scores) == 3
        assert scores[-1] == model.score(X, Y)

    def test_verbose_as_scikit_learn_prints(self, capsys):
        model = cr.MLPRegressor(
            early_stopping=True, verbose=True, n_iter_no_change=2, random_state=0, tol=10.0
        ).fit(X, Y)
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == f"Iteration 1, loss = {model.loss_curve_[0]:.8f}"
        assert lines[1] == f"Validation score: {model.validation_scores_[0]:.6f}"
        assert lines[-1] == (
            "Validation score did not improve more than tol=10.000000 for 2 consecutive epochs. "
            "Stopping."
        )

    def test_a_bar(self, capsys):
        regressor(verbose="bar")
        assert not capsys.readouterr().out

    @pytest.mark.parametrize("n_jobs", [1, 2, -1, None])
    def test_threads(self, n_jobs):
        model = regressor(n_jobs=n_jobs)
        assert n_jobs in (None, -1) or model.run_.threads == n_jobs
        assert model.run_.threads >= 1


REFUSED = [
    ({"dropout": 0.1, "hidden_layer_sizes": ()}, "dropout sets outputs of hidden layers to 0, and"),
    ({"activation": "rectifier"}, "'activation' parameter of MLPRegressor must be"),
    ({"activation": ["relu", "tanh"]}, r"one name, or one a hidden layer \(1\), got 2"),
    ({"activation": ["relux"]}, "unknown activation 'relux': did you mean 'relu'"),
    ({"output_activation": "none"}, "'output_activation' parameter of MLPRegressor must be"),
    ({"init": "random"}, "'init' parameter of MLPRegressor must be"),
    ({"solver": "adm"}, "unknown solver 'adm': did you mean 'adam'"),
    ({"solver": 3}, "'solver' parameter of MLPRegressor must be"),
    ({"learning_rate": "cosin"}, "unknown learning_rate 'cosin': did you mean 'cosine'"),
    ({"loss": "mse"}, "unknown loss 'mse': did you mean 'squared_error'"),
    ({"loss": "huber:threshold=0"}, "threshold must be a number > 0, got 0"),
    ({"loss": "quantile:levels=0.9 0.1"}, "levels must increase"),
    ({"loss": (abs,)}, "loss must be a name or a pair of functions"),
    ({"loss": "cross_entropy"}, "loss 'cross_entropy' is of classes; use MLPClassifier"),
    ({"l1": -1}, "'l1' parameter of MLPRegressor must be"),
    ({"dropout": 1.0}, "'dropout' parameter of MLPRegressor must be"),
    ({"weight_decay": -1}, "'weight_decay' parameter of MLPRegressor must be"),
    ({"clip_norm": 0}, "'clip_norm' parameter of MLPRegressor must be"),
    ({"max_norm": 0.0}, "'max_norm' parameter of MLPRegressor must be"),
    ({"averaging": 1}, "'averaging' parameter of MLPRegressor must be"),
    ({"scoring": "accuracyy", "early_stopping": True}, "'accuracyy'"),
    ({"callbacks": 3}, "'callbacks' parameter of MLPRegressor must be"),
    ({"callbacks": [3]}, "a callback must be callable, got 3"),
    ({"n_jobs": 0}, "n_jobs must not be 0; None is as many as prove fastest, -1 every core"),
    ({"n_jobs": 1.5}, "'n_jobs' parameter of MLPRegressor must be"),
    ({"hidden_layer_sizes": (5, 0)}, r"hidden_layer_sizes must be > 0, got \[5, 0\]."),
    ({"hidden_layer_sizes": (5.5,)}, r"hidden_layer_sizes must be > 0, got \[5.5\]."),
    ({"verbose": "line"}, "'verbose' parameter of MLPRegressor must be"),
    ({"momentum": 1.0}, "'momentum' parameter of MLPRegressor must be"),
]


@pytest.mark.parametrize(("option", "message"), REFUSED, ids=lambda v: str(v)[:40])
def test_out_of_range(option, message):
    with pytest.raises(ValueError, match=message):
        cr.MLPRegressor(**option).fit(X, Y)


def test_every_option_is_in_the_docstring_with_a_hint():
    for Estimator in (cr.MLPClassifier, cr.MLPRegressor):
        text = Estimator.__doc__
        for name in Estimator().get_params():
            assert f"\n{name} : " in text, name
            assert set(Estimator._parameter_constraints) == set(Estimator().get_params())
