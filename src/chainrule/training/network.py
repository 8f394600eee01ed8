"""Network: a multilayer perceptron that computes, learns, and shows its numbers."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.engine import compiled, reference
from chainrule.engine.parameters import Parameters
from chainrule.engine.spec import NetworkSpec, Reduction, activation_names
from chainrule.engine.trace import Gradient, Trace
from chainrule.theory.checks import require, require_name
from chainrule.theory.initializers import INITIALIZERS, default_initializer
from chainrule.theory.optimizers import Adam, Optimizer
from chainrule.training.inputs import (
    Validation,
    features,
    sample_count,
    samples,
    thread_choice,
    whole_number,
    whole_numbers,
)
from chainrule.training.options import FitOptions
from chainrule.training.restoring import array_like, field
from chainrule.training.run import Run
from chainrule.training.stopping import Callback, EarlyStopping

Array = NDArray[Any]

ENGINES = {engine.NAME: engine for engine in (compiled, reference)}


class Network:
    """A fully connected network: a^l = φ(a^{l−1} W^l + b^l), layer after layer.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units of the input, of each hidden layer and of the output.
    activation : str or sequence of str
        φ of the hidden layers: one name, or one a hidden layer (``cr.ACTIVATIONS``).
    output : str
        φ of the output; "auto" is identity, sigmoid, softmax or exponential by the loss.
    loss : str
        ℓ (``cr.LOSSES``).
    init : str
        Starting weights (``cr.INITIALIZERS``); "auto" is He's for rectifiers, LeCun's for
        selu, Glorot's otherwise.
    seed : int
        Key of the starting weights.
    dtype : {"float32", "float64"}, optional
        Of parameters, data and results; float32, or float64 for the reference engine.
    reduction : {"mean", "sum"}
        Whether L is the (weighted) mean of the ℓᵢ, or the article's sum.
    l2, l1 : float
        L contains ½ l2 Σ w² + l1 Σ |w|, over the weights.
    dropout : float
        Share of each hidden layer's outputs that a step of ``fit`` sets to 0.
    engine : {"compiled", "reference"}

    Raises
    ------
    ValueError
        If a name is unknown or a number out of range.

    Examples
    --------
    >>> import chainrule as cr
    >>> net = cr.Network([2, 2, 1], activation="sigmoid", seed=1)
    >>> net.w.shape, net.b.shape
    ((6,), (3,))
    >>> net.forward([[0.0, 1.0]]).shape
    (1, 1)
    """

    def __init__(
        self,
        layer_sizes: Sequence[int],
        *,
        activation: str | Sequence[str] = "relu",
        output: str = "auto",
        loss: str = "squared_error",
        init: str = "auto",
        seed: int = 0,
        dtype: str | None = None,
        reduction: Reduction = "mean",
        l2: float = 0.0,
        l1: float = 0.0,
        dropout: float = 0.0,
        engine: Literal["compiled", "reference"] = "compiled",
    ) -> None:
        dtype = dtype or ("float64" if engine == "reference" else "float32")
        hidden = activation if isinstance(activation, str) else list(activation)
        sizes = whole_numbers("layer_sizes", layer_sizes)
        names = activation_names(max(len(sizes) - 2, 0), hidden, output, loss)
        spec = NetworkSpec(sizes, names, loss, reduction, l2, l1, dropout, dtype)
        require_name("initializer", init, ("auto", *INITIALIZERS))
        seed = whole_number("seed", seed, 0, 2**64 - 1)
        parameters = Parameters(spec)
        for layer, shape in enumerate(spec.shapes):
            row = INITIALIZERS[
                default_initializer(spec.activations[layer]) if init == "auto" else init
            ]
            parameters.weights[layer][:] = row.weights(seed, layer, shape)
            parameters.biases[layer][:] = row.biases(seed, layer, shape)
        self._hold(parameters, engine)

    @classmethod
    def from_parameters(cls, parameters: Parameters, engine: str = "compiled") -> "Network":
        """Return a network around existing parameters, which it shares."""
        network = cls.__new__(cls)
        network._hold(parameters, engine)
        return network

    def _hold(self, parameters: Parameters, engine: str) -> None:
        require_name("engine", engine, ENGINES)
        require(
            engine == "compiled" or parameters.spec.dtype == "float64",
            f"the reference engine computes in float64, got dtype {parameters.spec.dtype!r}",
        )
        self.parameters = parameters
        self.engine: ModuleType = ENGINES[engine]

    # -- parameters ---------------------------------------------------------------------

    @property
    def spec(self) -> NetworkSpec:
        """The shape and the mathematics of the network."""
        return self.parameters.spec

    @property
    def weights(self) -> tuple[Array, ...]:
        """W of each layer: writable views of shape (fan_in, fan_out)."""
        return self.parameters.weights

    @property
    def biases(self) -> tuple[Array, ...]:
        """b of each layer: writable views of shape (fan_out,)."""
        return self.parameters.biases

    @property
    def w(self) -> Array:
        """The article's **w**: every weight, layer after layer, each W row by row; writable.

        Rows of W are the inputs k, so a layer lists w_jk by k, then j; the article by j, then k.
        """
        return self.parameters.w

    @w.setter
    def w(self, values: ArrayLike) -> None:
        self.parameters.w[:] = _vector("w", values, self.parameters.w)

    @property
    def b(self) -> Array:
        """The article's **b**: every bias, layer after layer; writable."""
        return self.parameters.b

    @b.setter
    def b(self, values: ArrayLike) -> None:
        self.parameters.b[:] = _vector("b", values, self.parameters.b)

    def __reduce__(self) -> tuple[Any, ...]:
        return Network.from_parameters, (self.parameters, self.engine.NAME)

    def copy(self) -> "Network":
        """Return an independent copy."""
        return Network.from_parameters(self.parameters.copy(), self.engine.NAME)

    def __repr__(self) -> str:
        spec = self.spec
        layers = " → ".join(
            [str(spec.n_inputs)]
            + [
                f"{n} {name}"
                for n, name in zip(spec.layer_sizes[1:], spec.activations, strict=True)
            ]
        )
        count = spec.n_weights + spec.n_biases
        return f"<Network: {layers}; {spec.loss}; {count} parameters, {spec.dtype}>"

    # -- one step, quantity by quantity -------------------------------------------------

    def forward(self, X: ArrayLike, *, threads: int | None = None) -> Array:
        """Return the outputs a^L: the article's equation (1), layer after layer.

        Parameters
        ----------
        X : array-like of shape (n, inputs)
        threads : int, optional
            As many as prove fastest without it; no bit depends on it.

        Returns
        -------
        ndarray of shape (n, outputs), of the network's dtype
            In the compiled engine row i has the same bits alone and among others. A nan or
            an infinity goes through to the outputs of its row; ``loss`` and ``fit`` refuse it.
        """
        rows = features(self.spec, X)
        return self.engine.forward(self.parameters, rows, thread_choice(threads))

    def loss(self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """Return L = Σ sᵢ ℓᵢ / Σ sᵢ (or the sum Σ sᵢ ℓᵢ) plus the penalty: equation (2).

        Parameters
        ----------
        X : array-like of shape (n, inputs)
        y : array-like of shape (n, outputs) or (n,)
            Targets; for cross_entropy also class numbers.
        sample_weight : array-like of shape (n,), optional
            sᵢ; all 1 without it.

        Returns
        -------
        float
        """
        data = samples(self.spec, X, y, sample_weight)
        return float(self.engine.loss(self.parameters, *data, thread_choice(None)))

    def trace(self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> Trace:
        """Return every z, a, δ, loss and gradient of one step on these samples.

        Nothing is changed, and dropout is off. Parameters as for ``loss``.
        """
        data = samples(self.spec, X, y, sample_weight)
        result: Trace = self.engine.trace(self.parameters, *data, thread_choice(None))
        return result

    def gradient(
        self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None
    ) -> Gradient:
        """Return ∂L/∂w and ∂L/∂b, the derivative of what ``loss`` returns.

        Parameters as for ``loss``. The gradient has ``.w``, ``.b``, ``.weights``,
        ``.biases`` in the layout of the network's, and ``.loss``.
        """
        trace = self.trace(X, y, sample_weight=sample_weight)
        return Gradient(trace.loss, trace.gradient)

    def step(
        self,
        X: ArrayLike,
        y: ArrayLike,
        optimizer: Optimizer,
        *,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Take the optimizer's first step on these samples: equation (3) for plain SGD.

        Each call starts the optimizer anew, and dropout is off; for many steps, use ``fit``.

        Returns
        -------
        float
            L before the step.
        """
        n = sample_count("y", y)
        certain = Parameters(replace(self.spec, dropout=0.0), self.parameters.theta)
        network = Network.from_parameters(certain, self.engine.NAME)
        run = Run(network, optimizer, FitOptions(n, n, False, 0, False, None))
        run.resume(X, y, epochs=1, sample_weight=sample_weight)
        return float(run.losses[0])

    # -- many steps ---------------------------------------------------------------------

    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        optimizer: Optimizer | None = None,
        epochs: int = 10,
        batch_size: int | Literal["auto"] = "auto",
        shuffle: bool = True,
        seed: int = 0,
        sample_weight: ArrayLike | None = None,
        validation: Validation | None = None,
        early_stopping: EarlyStopping | None = None,
        callbacks: Sequence[Callable[[Run], Any] | Callback] = (),
        threads: int | None = None,
    ) -> Run:
        """Train on mini-batches, and return the record of it.

        Parameters
        ----------
        X : array-like of shape (n, inputs)
        y : array-like of shape (n, outputs) or (n,)
            Targets; for cross_entropy also class numbers.
        optimizer : Optimizer, optional
            ``Adam()`` without it.
        epochs : int
            Passes over the data.
        batch_size : int or "auto"
            Samples a step; "auto" is min(32, n).
        shuffle : bool
            Whether each epoch visits the samples in an order of its own.
        seed : int
            Key of the shuffles and of dropout.
        sample_weight : array-like of shape (n,), optional
        validation : (X, y) or (X, y, sample_weight), optional
            Held-out samples; their loss is taken after each epoch.
        early_stopping : EarlyStopping, optional
        callbacks : sequence of callable or Callback
            Called with the run after each epoch; ``Callback(f, every=n)`` after every n steps.
        threads : int, optional
            As many as prove fastest without it; no bit of the result depends on it.

        Returns
        -------
        Run

        Raises
        ------
        ValueError
            If data or options don't fit.
        FloatingPointError
            If the loss is no longer finite; the network keeps its last parameters.
        KeyboardInterrupt
            On Ctrl-C; the network is as after the last whole step.
        """
        n = sample_count("y", y)
        size = min(32, n) if batch_size == "auto" else batch_size
        options = FitOptions(n, size, shuffle, seed, validation is not None, early_stopping)
        run = Run(self, optimizer or Adam(), options)
        return run.resume(
            X, y, epochs=epochs, sample_weight=sample_weight,
            validation=validation, callbacks=callbacks, threads=threads,
        )  # fmt: skip

    # -- files --------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return everything but the arrays, ready for JSON."""
        return {"spec": self.spec.to_dict(), "engine": self.engine.NAME}

    def arrays(self) -> dict[str, Array]:
        """Return the weights and biases by name."""
        named = {f"weights.{layer}": W for layer, W in enumerate(self.weights)}
        return named | {f"biases.{layer}": b for layer, b in enumerate(self.biases)}

    @classmethod
    def restore(cls, description: dict[str, Any], arrays: dict[str, Array]) -> "Network":
        """Return the network that ``describe`` and ``arrays`` describe.

        Raises
        ------
        ValueError
            If a field is unknown or out of range, or an array is missing or has the
            wrong shape, dtype, or numbers that are not finite.
        """
        parameters = Parameters(NetworkSpec.from_dict(field(description, "spec")))
        network = cls.from_parameters(parameters, field(description, "engine"))
        for name, view in network.arrays().items():
            array = array_like(view, arrays, name)
            require(np.isfinite(array).all(), f"array {name!r} has numbers that are not finite")
            view[:] = array
        return network


def _vector(name: str, values: ArrayLike, like: Array) -> Array:
    array = np.asarray(values, dtype=like.dtype)
    require(array.shape == like.shape, f"{name} must have shape {like.shape}, got {array.shape}")
    return array
