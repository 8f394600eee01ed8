"""Inside scikit-learn: searches, pipelines, ensembles, callbacks, tables, persistence."""

import subprocess
import sys

import joblib
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.callback import ProgressBar, ScoringMonitor
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.datasets import load_diabetes, load_iris, make_multilabel_classification
from sklearn.ensemble import StackingClassifier, VotingRegressor
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.multioutput import ClassifierChain
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import chainrule as cr

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
X = StandardScaler().fit_transform(X)
NUMBERS = load_diabetes(return_X_y=True)


def classifier(**options):
    return cr.MLPClassifier(**{"random_state": 0, "max_iter": 30} | options)


class TestMetaEstimators:
    @pytest.mark.parametrize("n_jobs", [None, 2])
    def test_grid_search(self, n_jobs):
        grid = {
            "hidden_layer_sizes": [(5,), (20, 10)],
            "solver": ["lbfgs", cr.RMSprop(0.01)],
            "loss": ["log_loss", "focal:gamma=1"],
        }
        search = GridSearchCV(classifier(max_iter=200), grid, cv=3, n_jobs=n_jobs).fit(X, Y)
        assert len(search.cv_results_["params"]) == 8
        assert search.best_score_ > 0.9
        assert search.predict_proba(X).shape == (150, 3)

    def test_pipeline_of_columns(self):
        table = pd.DataFrame(X, columns=list("abcd")).assign(kind=np.where(X[:, 0] > 0, "u", "v"))
        encode = ColumnTransformer(
            [("numbers", StandardScaler(), list("abcd")), ("kinds", OneHotEncoder(), ["kind"])]
        )
        model = make_pipeline(encode, classifier(max_iter=300)).fit(table, Y)
        assert model.score(table, Y) > 0.9

    def test_calibrated(self):
        model = CalibratedClassifierCV(classifier(), cv=3).fit(X, Y)
        np.testing.assert_allclose(model.predict_proba(X).sum(axis=1), 1)

    def test_stacking(self):
        model = StackingClassifier(
            [("network", classifier()), ("line", LogisticRegression())], cv=3
        ).fit(X, Y)
        assert model.score(X, Y) > 0.9

    def test_voting_and_a_scaled_target(self):
        one = TransformedTargetRegressor(
            cr.MLPRegressor(max_iter=300), transformer=StandardScaler()
        )
        model = VotingRegressor([("one", one), ("two", clone(one))]).fit(*NUMBERS)
        assert model.score(*NUMBERS) > 0.3

    def test_cross_validation(self):
        assert cross_val_predict(classifier(), X, Y, method="predict_proba").shape == (150, 3)
        assert cross_val_score(classifier(max_iter=300), X, Y, n_jobs=2).mean() > 0.9

    def test_permutation_importance(self):
        found = permutation_importance(classifier(max_iter=200).fit(X, Y), X, Y, random_state=0)
        assert found.importances_mean.argmax() in (2, 3)  # the petals

    def test_chain(self):
        samples, labels = make_multilabel_classification(100, n_classes=3, random_state=0)
        assert ClassifierChain(classifier()).fit(samples, labels).predict(samples).shape == (100, 3)

    def test_metadata_routing(self):
        weight = np.linspace(0.1, 2, 150)
        with sklearn.config_context(enable_metadata_routing=True):
            network = classifier().set_fit_request(sample_weight=True, eval_X=True, eval_y=True)
            model = make_pipeline(FunctionTransformer(), network)
            model.fit(X, Y, sample_weight=weight, eval_X=X[:9], eval_y=Y[:9])
        alone = classifier().fit(X, Y, weight)
        np.testing.assert_allclose(model[-1].coefs_[0], alone.coefs_[0], rtol=1e-12)
        assert len(model[-1].validation_scores_) == 30


class TestCallbacks:
    def test_progress_bar(self, capsys):
        classifier(max_iter=4).set_callbacks(ProgressBar()).fit(X, Y)
        told = "".join(capsys.readouterr())
        assert "MLPClassifier" in told
        assert "100%" in told

    def test_scoring_monitor_sees_a_fitted_estimator_each_epoch(self):
        monitor = ScoringMonitor(scoring="accuracy")
        model = classifier(max_iter=5).set_callbacks(monitor).fit(X, Y)
        log = monitor.get_logs()
        scores = [row["accuracy"] for row in log.data if row["task_name"] == "epoch"]
        assert len(scores) == 5
        assert scores[-1] == model.score(X, Y)

    @pytest.mark.parametrize("solver", ["adam", "lbfgs"])
    def test_hooks_in_their_order_and_a_stop(self, solver):
        hooks = Hooks(stop_after=3)
        model = classifier(max_iter=9, solver=solver).set_callbacks(hooks).fit(X, Y)
        assert model.n_iter_ == 3
        epochs = ["begin epoch", "end epoch"] * 3
        assert hooks.seen == ["setup", "begin fit", *epochs, "end fit", "teardown"]

    def test_torn_down_after_an_error(self):
        def fail(_):
            raise RuntimeError("no more")

        hooks = Hooks()
        model = classifier(callbacks=fail).set_callbacks(hooks)
        with pytest.raises(RuntimeError, match="no more"):
            model.fit(X, Y)
        assert hooks.seen[-1] == "teardown"

    def test_propagated_by_a_search(self, capsys):
        search = GridSearchCV(classifier(max_iter=3), {"alpha": [0.1, 1]}, cv=2)
        search.set_callbacks(ProgressBar()).fit(X, Y)
        assert "100%" in "".join(capsys.readouterr())


class Hooks:
    """A callback of scikit-learn's protocol that writes down what it is called for."""

    def __init__(self, stop_after=None):
        self.seen, self._stop_after = [], stop_after

    def setup(self, estimator, context):  # noqa: ARG002
        self.seen.append("setup")

    def teardown(self, estimator, context):  # noqa: ARG002
        self.seen.append("teardown")

    def on_fit_task_begin(self, estimator, context):  # noqa: ARG002
        self.seen.append(f"begin {context.task_name}")

    def on_fit_task_end(self, estimator, context, *, fitted_estimator=None):  # noqa: ARG002
        self.seen.append(f"end {context.task_name}")
        assert fitted_estimator.predict(X).shape == (150,)
        return self.seen.count("end epoch") == self._stop_after


class TestTables:
    COLUMNS = ("one", "two", "three", "four")

    @pytest.mark.parametrize("make", [
        lambda: pd.DataFrame(X, columns=TestTables.COLUMNS),
        lambda: pl.DataFrame(X, schema=list(TestTables.COLUMNS)),
    ], ids=["pandas", "polars"])  # fmt: skip
    def test_names_are_kept_and_compared(self, make):
        table, model = make(), classifier()
        model.fit(table, Y)
        assert model.feature_names_in_.tolist() == list(self.COLUMNS)
        np.testing.assert_array_equal(model.predict(table), classifier().fit(X, Y).predict(X))
        with pytest.warns(UserWarning, match="X does not have valid feature names, but MLPClassif"):
            model.predict(X)
        with pytest.raises(ValueError, match="The feature names should match"):
            model.predict(pd.DataFrame(X, columns=[*"abcd"]))

    def test_arrow(self):
        table = pa.table(dict(zip(self.COLUMNS, X.T, strict=True)))
        model = classifier().fit(table, pa.array(Y))
        np.testing.assert_array_equal(model.predict(table), classifier().fit(X, Y).predict(X))

    def test_a_frame_of_the_right_dtype_is_not_copied(self):
        frame = pd.DataFrame(np.ascontiguousarray(X), copy=False)
        model = cr.MLPRegressor()
        seen, _ = model._checked(frame, Y.astype(float), True)
        assert np.shares_memory(seen, frame.to_numpy())

    def test_outputs_as_pandas_names_them(self):
        frame = pd.DataFrame(X)
        labels = pd.Series(np.array(["a", "b", "c"])[Y])
        assert set(classifier().fit(frame, labels).predict(frame)) <= {"a", "b", "c"}


class TestSparse:
    @pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_array, sparse.coo_array])
    def test_as_dense(self, make):
        thin = np.where(np.abs(X) > 0.5, X, 0)
        dense, found = classifier().fit(thin, Y), classifier().fit(make(thin), Y)
        np.testing.assert_array_equal(found.coefs_[0], dense.coefs_[0])
        np.testing.assert_array_equal(found.predict_proba(make(thin)), dense.predict_proba(thin))
        held_out = {"eval_X": make(thin[:20]), "eval_y": Y[:20]}
        assert len(classifier().fit(make(thin), Y, **held_out).validation_scores_) == 30
        classifier().partial_fit(make(thin), Y, classes=[0, 1, 2])

    @pytest.mark.parametrize("solver", ["adam", "lbfgs"])
    def test_of_float32(self, solver):
        thin = np.where(np.abs(X) > 0.5, X, 0).astype(np.float32)
        models = [
            classifier(solver=solver).fit(make(thin), Y) for make in (np.array, sparse.csr_array)
        ]
        assert models[1].coefs_[0].dtype == np.float32
        np.testing.assert_array_equal(models[0].coefs_[0], models[1].coefs_[0])

    def test_labels(self):
        samples, labels = make_multilabel_classification(80, n_classes=4, random_state=0)
        one = classifier().fit(samples, labels)
        two = classifier().fit(samples, sparse.csr_matrix(labels))
        np.testing.assert_array_equal(one.predict(samples), two.predict(samples))


class TestKept:
    def test_joblib(self, tmp_path):
        model = classifier().fit(X, Y)
        joblib.dump(model, tmp_path / "m.joblib")
        again = joblib.load(tmp_path / "m.joblib")
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
        assert again.run_.network is again.network_
        mapped = joblib.load(tmp_path / "m.joblib", mmap_mode="r")
        np.testing.assert_array_equal(mapped.predict_proba(X), model.predict_proba(X))

    def test_html(self):
        page = classifier(alpha=0.5).fit(X, Y)._repr_html_()
        assert "MLPClassifier" in page
        assert "alpha" in page
        assert "sklearn.neural_network.MLPClassifier.html" in page  # whose contract it is
        assert "Share of each hidden layer" in page  # from the docstring, beside the parameter

    def test_not_fitted(self):
        for call in ("predict", "predict_proba", "predict_log_proba"):
            with pytest.raises(NotFittedError, match="This MLPClassifier instance is not fitted"):
                getattr(classifier(), call)(X)
        assert not hasattr(classifier(), "coefs_")
        with pytest.raises(AttributeError, match="no attribute 'n_layers_'"):
            _ = classifier().n_layers_

    def test_a_fit_that_failed_is_none(self):
        model = classifier(activation=["relu", "relu"])
        with pytest.raises(ValueError, match="one a hidden layer"):
            model.fit(X, Y)
        with pytest.raises(NotFittedError):
            model.predict(X)
        with pytest.raises(NotFittedError):
            cr.save(model, "nowhere")

    def test_weights_are_the_networks(self):
        model = classifier().fit(X, Y)
        model.coefs_[0][:] = 0
        model.intercepts_[0] = np.ones(100)
        model.coefs_[1] = np.zeros((100, 3))
        model.intercepts_ = [np.ones(100), [0, 9, 0]]
        assert not model.network_.weights[0].any()
        assert (model.predict(X) == 1).all()
        with pytest.raises(ValueError, match="shape"):
            model.coefs_[0] = np.zeros((3, 3))

    @pytest.mark.parametrize("options", [
        {}, {"solver": "lbfgs"}, {"early_stopping": True}, {"solver": cr.SGD(cr.Cosine(0.1))},
        {"activation": ["tanh"], "hidden_layer_sizes": np.array([7]), "n_iter_no_change": np.inf},
        {"class_weight": {"a": 2.0, "b": 1, "c": 0.5}, "loss": "focal:gamma=1"},
        {"scoring": "f1_macro", "early_stopping": True, "validation_fraction": 0.2},
    ], ids=str)  # fmt: skip
    def test_files(self, tmp_path, options):
        frame, labels = pd.DataFrame(X, columns=[*"pqrs"]), np.array(["a", "b", "c"])[Y]
        model = classifier(**options).fit(frame, labels)
        cr.save(model, tmp_path / "model.safetensors")
        again = cr.load(tmp_path / "model.safetensors")
        assert type(again) is cr.MLPClassifier
        assert repr(again) == repr(model)
        np.testing.assert_array_equal(again.predict_proba(frame), model.predict_proba(frame))
        np.testing.assert_array_equal(again.predict(frame), model.predict(frame))
        names = [n for n in vars(model) if n.endswith("_")]
        for name in sorted({*names, "coefs_", "n_layers_"} - {"run_", "network_"}):
            np.testing.assert_equal(getattr(again, name), getattr(model, name), err_msg=name)

    @pytest.mark.parametrize("labels", [
        Y > 0, Y.astype(float), Y + 5, np.array(["x", "y", "z"], dtype=object)[Y], np.eye(3)[Y],
        np.zeros(150),
    ], ids=["bool", "float", "int", "object", "labels", "one class"])  # fmt: skip
    def test_classes_in_files(self, tmp_path, labels):
        model = classifier().fit(X, labels)
        cr.save(model, tmp_path / "m")
        again = cr.load(tmp_path / "m")
        assert again.predict(X).dtype == model.predict(X).dtype
        np.testing.assert_array_equal(again.predict(X), model.predict(X))

    @pytest.mark.parametrize(
        "options", [{"callbacks": [print]}, {"random_state": np.random.RandomState(0)}]
    )
    def test_code_is_not_saved(self, tmp_path, options):
        (name,) = options
        with pytest.raises(ValueError, match=rf"{name} is a .*, which is code and isn't written"):
            cr.save(classifier(max_iter=1, verbose=0, **options).fit(X, Y), tmp_path / "m")


def test_scikit_learn_is_imported_when_it_is_needed():
    program = (
        "import sys, chainrule as cr; early = 'sklearn' in sys.modules; cr.MLPClassifier; "
        "print(early, 'sklearn' in sys.modules, 'MLPRegressor' in dir(cr))"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.split() == ["False", "True", "True"]
    with pytest.raises(AttributeError, match="module 'chainrule' has no attribute 'MLP'"):
        _ = cr.MLP
