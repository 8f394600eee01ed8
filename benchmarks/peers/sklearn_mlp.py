"""scikit-learn: MLPRegressor and MLPClassifier, fitted as users fit them."""

import sklearn
from sklearn.neural_network import MLPClassifier, MLPRegressor

from benchmarks.peers.base import Peer, UnsupportedError

ACTIVATIONS = {"sigmoid": "logistic"}


class SklearnMLP(Peer):
    """The estimators, started from given weights through ``warm_start``."""

    def versions(self):
        """Return scikit-learn's version."""
        return {"scikit-learn": sklearn.__version__}

    def _estimator(self, task, optimizer="sgd", rate=0.001, batch=200, shuffle=False):
        cls = MLPRegressor if task.output == "identity" else MLPClassifier
        return cls(
            hidden_layer_sizes=task.layers[1:-1],
            activation=ACTIVATIONS.get(task.activation, task.activation),
            solver=optimizer, alpha=0.0, batch_size=batch, learning_rate_init=rate, max_iter=1,
            shuffle=shuffle, tol=0.0, momentum=0.0, nesterovs_momentum=False, warm_start=True,
            n_iter_no_change=10**9, random_state=0,
        )  # fmt: skip

    def start_training(self, task):
        """Make the estimator; one epoch makes it fitted, so that weights can be put into it."""
        X, y = task.data
        self.incomparable = ""
        if task.output == "sigmoid":
            self.incomparable = "sigmoid outputs come with log-loss only: same work, another loss"
        binary = task.output == "softmax" and task.layers[-1] == 2
        if task.output == "identity" and task.layers[-1] == 1:
            y = y.ravel()
        elif task.output == "softmax" and not binary:
            y = y.argmax(axis=1)
        self.task, self.X, self.y = task, X, y
        self.model = self._estimator(task, task.optimizer, task.rate, task.batch, task.shuffle)
        self._fit(1)
        if binary:  # given two classes it would compute one output; as labels, two
            self.model.out_activation_ = "softmax"
        self.reset()

    def _fit(self, epochs):
        self.model.max_iter = epochs
        self.model.fit(self.X, self.y)  # ConvergenceWarning is silenced for the process

    def reset(self):
        """Put the starting weights into the estimator; ``fit`` makes a new optimizer."""
        self.model.coefs_, self.model.intercepts_ = self.task.initial()

    def train(self, epochs):
        """Fit for so many ``max_iter``."""
        self._fit(epochs)

    def parameters(self):
        """Return coefs_ and intercepts_."""
        return self.model.coefs_, self.model.intercepts_

    def start_prediction(self, task):
        """Fit on a few rows, then put the weights in."""
        if task.output == "sigmoid":
            raise UnsupportedError("no prediction task has sigmoid outputs")
        self.task, self.X = task, task.data
        few = task.rows(200)
        y = few[:, 0] if task.output == "identity" else few[:, : task.layers[-1]].argmax(axis=1)
        self.model = self._estimator(task).fit(few, y)
        self.reset()

    def predict(self):
        """Return predictions, or probabilities."""
        if self.task.output == "identity":
            return self.model.predict(self.X).reshape(-1, 1)
        return self.model.predict_proba(self.X)
