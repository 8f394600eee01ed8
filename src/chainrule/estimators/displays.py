"""What an estimator learned, as pictures: loss curves, weights, activations; by matplotlib.

As scikit-learn does them: a class method ``from_estimator`` computes and draws, ``plot`` draws
again, and the picture is in ``ax_`` (or ``axes_``) and ``figure_``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from chainrule.theory.checks import require

Array = NDArray[Any]

_BINS = 40


def pyplot() -> Any:
    """Return matplotlib.pyplot, or say what is missing."""
    try:
        from matplotlib import pyplot
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "plots need matplotlib: pip install 'chainrule[plot]'", name=error.name
        ) from error
    return pyplot


class LossCurveDisplay:
    """Loss by epoch: of training, of held-out samples where there are any, and their score.

    Parameters
    ----------
    training : array-like of shape (epochs,)
    validation : array-like of shape (epochs,), optional
    scores : array-like of shape (epochs,), optional
    best_epoch : int, optional
        From 1: whose weights the network has.
    name : str, optional
        Of the estimator.

    Attributes
    ----------
    ax_, figure_ : matplotlib's Axes and Figure
    score_ax_ : Axes or None
        The axis of the scores, on the right.

    Examples
    --------
    >>> import numpy as np
    >>> import chainrule as cr
    >>> X = np.linspace(0, 1, 50).reshape(-1, 1)
    >>> model = cr.MLPRegressor(max_iter=30, random_state=0, tol=0, learning_rate="cosine")
    >>> display = cr.LossCurveDisplay.from_estimator(model.fit(X, X.ravel()))
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    def __init__(
        self,
        training: ArrayLike,
        *,
        validation: ArrayLike | None = None,
        scores: ArrayLike | None = None,
        best_epoch: int | None = None,
        name: str | None = None,
    ) -> None:
        self.training, self.validation, self.scores = training, validation, scores
        self.best_epoch, self.name = best_epoch, name

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, ax: Any = None, log: bool = False, **line: Any
    ) -> Self:
        """Draw the curves of a fitted estimator.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        ax : matplotlib's Axes, optional
        log : bool
            Whether the loss has a logarithmic axis.
        **line
            Of matplotlib's ``plot``, for the curves.

        Returns
        -------
        LossCurveDisplay
        """
        check_is_fitted(estimator)
        best = None
        if estimator.early_stopping and hasattr(estimator, "run_"):
            best = estimator.run_.best_epoch or None
        display = cls(
            estimator.loss_curve_,
            validation=estimator.validation_loss_curve_ or None,
            scores=estimator.validation_scores_ or None,
            best_epoch=best,
            name=type(estimator).__name__,
        )
        return display.plot(ax=ax, log=log, **line)

    def plot(self, *, ax: Any = None, log: bool = False, **line: Any) -> Self:
        """Draw the curves."""
        self.ax_ = pyplot().subplots()[1] if ax is None else ax
        self.figure_ = self.ax_.figure
        curves = {"training": self.training, "held out": self.validation}
        for label, values in curves.items():
            if values is not None:
                numbers = np.asarray(values)
                self.ax_.plot(np.arange(1, len(numbers) + 1), numbers, label=label, **line)
        if self.best_epoch is not None:
            self.ax_.axvline(self.best_epoch, color="gray", linestyle=":", label="best epoch")
        self.ax_.set(xlabel="epoch", ylabel="loss", title=self.name or "")
        if log:
            self.ax_.set_yscale("log")
        self.score_ax_ = None if self.scores is None else self._score_axis()
        handles, labels = self.ax_.get_legend_handles_labels()
        if self.score_ax_ is not None:
            more = self.score_ax_.get_legend_handles_labels()
            handles, labels = handles + more[0], labels + more[1]
        if len(labels) > 1:
            self.ax_.legend(handles, labels, loc="center right")
        return self

    def _score_axis(self) -> Any:
        axis, scores = self.ax_.twinx(), np.asarray(self.scores)
        epochs = np.arange(1, len(scores) + 1)
        axis.plot(epochs, scores, color="tab:green", linestyle="--", label="score")
        axis.set_ylabel("score of held-out samples")
        return axis


class _Histograms:
    """One histogram a layer, below each other.

    Parameters
    ----------
    layers : sequence of ndarray
    titles : sequence of str
    label : str
        Of the numbers.
    """

    def __init__(self, layers: Sequence[Array], titles: Sequence[str], label: str) -> None:
        require(len(layers) > 0, "there is no layer to draw: the network has no hidden one")
        self.layers, self.titles, self.label = layers, titles, label

    def plot(self, *, bins: int | Sequence[float] = _BINS, **bars: Any) -> Self:
        """Draw the histograms.

        Parameters
        ----------
        bins, **bars
            Of matplotlib's ``hist``.
        """
        count = len(self.layers)
        self.figure_, axes = pyplot().subplots(
            count, 1, figsize=(6, 1.2 + 1.6 * count), sharex=True, squeeze=False,
            layout="constrained",
        )  # fmt: skip
        self.axes_ = axes[:, 0]
        for ax, values, title in zip(self.axes_, self.layers, self.titles, strict=True):
            ax.hist(values.ravel(), bins=bins, **bars)
            ax.set_title(title, fontsize="medium", loc="left")
            ax.set_yticks([])
        self.axes_[-1].set_xlabel(self.label)
        return self


class WeightsDisplay(_Histograms):
    """Histograms of the weights of each layer.

    Examples
    --------
    >>> import chainrule as cr
    >>> model = cr.MLPRegressor(max_iter=1, learning_rate="cosine").fit([[0], [1]], [0, 1])
    >>> len(cr.WeightsDisplay.from_estimator(model).axes_)
    2
    """

    @classmethod
    def from_estimator(cls, estimator: Any, **bars: Any) -> Self:
        """Draw the weights of a fitted estimator.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        **bars
            As for ``plot``.
        """
        check_is_fitted(estimator)
        titles = [
            f"W of layer {layer}: {W.shape[0]} × {W.shape[1]}, norm {np.linalg.norm(W):.3g}"
            for layer, W in enumerate(estimator.coefs_)
        ]
        return cls(estimator.coefs_, titles, "weight").plot(**bars)


class ActivationsDisplay(_Histograms):
    """Histograms of what the units of each hidden layer give, and how many are always the same.

    A unit that gives the same for every sample tells nothing of them: a rectifier that is always 0
    is dead, a sigmoid that is always 1 saturated.

    Examples
    --------
    >>> import chainrule as cr
    >>> model = cr.MLPRegressor(max_iter=1, learning_rate="cosine").fit([[0], [1]], [0, 1])
    >>> len(cr.ActivationsDisplay.from_estimator(model, [[0.0], [1.0]]).axes_)
    1
    """

    @classmethod
    def from_estimator(cls, estimator: Any, X: ArrayLike, **bars: Any) -> Self:
        """Draw the activations of a fitted estimator.

        Parameters
        ----------
        estimator : MLPClassifier or MLPRegressor
        X : array-like of shape (n_samples, n_features)
        **bars
            As for ``plot``.
        """
        check_is_fitted(estimator)
        layers = estimator.network_.activations(estimator._features(X))[1:-1]
        names = estimator.network_.spec.activations
        titles = []
        for layer, values in enumerate(layers):
            still = int((np.ptp(values, axis=0) == 0).sum())
            titles.append(
                f"a of layer {layer + 1}: {names[layer]}, {still} of {values.shape[1]} units are "
                "the same for every sample"
            )
        return cls(layers, titles, "activation").plot(**bars)
