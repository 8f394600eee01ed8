"""MultilayerPerceptron: a network that computes and shows its numbers; ``Network`` also learns."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from types import ModuleType
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from chainrule.engine import compiled, reference
from chainrule.engine.compiled import Threads
from chainrule.engine.parameters import Parameters
from chainrule.engine.spec import NetworkSpec
from chainrule.engine.trace import Gradient, Trace
from chainrule.theory.checks import field, require, require_name
from chainrule.training.history import array_of
from chainrule.training.inputs import features, samples, thread_choice

Array = NDArray[Any]

ENGINES = {engine.NAME: engine for engine in (compiled, reference)}
_FIXED = {
    "parameters": "write into net.w and net.b, or make a Network.from_parameters",
    "engine": "make a Network.from_parameters with the other engine",
}


class MultilayerPerceptron:
    """Parameters and the engine that computes with them.

    Attributes
    ----------
    parameters : Parameters
    engine : module
        ``chainrule.engine.compiled`` or ``reference``.
    """

    parameters: Parameters
    engine: ModuleType
    _forward_ready: Callable[[ArrayLike, Threads], Array | None]

    @classmethod
    def from_parameters(cls, parameters: Parameters, engine: str = "compiled") -> Self:
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
        require(
            engine == "reference" or isinstance(parameters.spec.loss, str),
            "a loss of one's own is Python code: it needs engine='reference'",
        )
        if engine == "compiled" and parameters.spec.precision is not None:
            _require_unit(parameters.spec)
        module = ENGINES[engine]
        self.__dict__.update(
            parameters=parameters, engine=module, _forward_ready=module.forward_ready(parameters)
        )

    def __setattr__(self, name: str, value: object) -> None:
        if name in _FIXED:
            raise AttributeError(f"a network's {name} can't be replaced: {_FIXED[name]}")
        super().__setattr__(name, value)

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

    def copy(self) -> Self:
        """Return an independent copy."""
        return deepcopy(self)

    __copy__ = copy

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__ | {"engine": self.engine.NAME}
        del state["_forward_ready"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._hold(state["parameters"], state["engine"])

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
        return f"<Network: {layers}; {spec.loss_row.name}; {count} parameters, {spec.dtype}>"

    # -- one step, quantity by quantity -------------------------------------------------

    def forward(self, X: ArrayLike, *, threads: int | None = None) -> Array:
        """Return the outputs a^L: the article's equation (1), layer after layer.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, inputs)
        threads : int, optional
            As many as prove fastest without it; no bit depends on it.

        Returns
        -------
        ndarray of shape (n, outputs), of the network's dtype
            In the compiled engine row i has the same bits alone and among others. A nan or
            an infinity goes through to the outputs of its row; ``loss`` and ``fit`` refuse it.
        """
        use = thread_choice(threads)
        outputs = self._forward_ready(X, use)
        if outputs is None:
            outputs = self.engine.forward(self.parameters, features(self.spec, X), use)
        return outputs

    def activations(self, X: ArrayLike) -> tuple[Array, ...]:
        """Return a of each layer, (n, units), from X itself to the outputs.

        Examples
        --------
        >>> import chainrule as cr
        >>> [a.shape for a in cr.Network([2, 3, 1]).activations([[0.0, 1.0]])]
        [(1, 2), (1, 3), (1, 1)]
        """
        rows = features(self.spec, X)
        nothing = np.ones((len(rows), self.spec.n_outputs), rows.dtype)  # in the place of y
        return tuple(self.engine.trace(self.parameters, rows, nothing, None).activations)

    def loss(self, X: ArrayLike, y: ArrayLike, *, sample_weight: ArrayLike | None = None) -> float:
        """Return L = Σ sᵢ ℓᵢ / Σ sᵢ (or the sum Σ sᵢ ℓᵢ) plus the penalty: equation (2).

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, inputs)
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

    # -- files --------------------------------------------------------------------------

    def describe(self) -> dict[str, Any]:
        """Return everything but the arrays, ready for JSON."""
        return {"spec": self.spec.to_dict(), "engine": self.engine.NAME}

    def arrays(self) -> dict[str, Array]:
        """Return the weights and biases by name."""
        named = {f"weights.{layer}": W for layer, W in enumerate(self.weights)}
        return named | {f"biases.{layer}": b for layer, b in enumerate(self.biases)}

    @classmethod
    def restore(cls, description: dict[str, Any], arrays: dict[str, Array]) -> Self:
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
            array = array_of(view.dtype, view.shape, arrays, name)
            require(np.isfinite(array).all(), f"array {name!r} has numbers that are not finite")
            view[:] = array
        return network


def _require_unit(spec: NetworkSpec) -> None:
    require(
        spec.dtype == "float32",
        f"precision={spec.precision!r} needs dtype='float32' in the compiled engine, got "
        f"{spec.dtype!r}",
    )
    require(
        compiled.bfloat16_unit() is not None,
        f"precision={spec.precision!r} needs AVX512_BF16 or AMX, and this process computes on "
        f"{compiled.cpu_level()}; without precision, products are in {spec.dtype}",
    )


def _vector(name: str, values: ArrayLike, like: Array) -> Array:
    array = np.asarray(values, dtype=like.dtype)
    require(array.shape == like.shape, f"{name} must have shape {like.shape}, got {array.shape}")
    return array
