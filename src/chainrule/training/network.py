"""Network: a multilayer perceptron that computes, learns, and shows its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from chainrule.engine.batches import Batches
from chainrule.engine.keyframes import MEMORY
from chainrule.engine.parameters import Parameters
from chainrule.engine.spec import NetworkSpec, Reduction, activation_names
from chainrule.theory.checks import require_name
from chainrule.theory.habits import hinting
from chainrule.theory.initializers import INITIALIZERS, default_initializer
from chainrule.theory.loss import Loss
from chainrule.theory.optimizer import Optimizer
from chainrule.theory.optimizers import Adam
from chainrule.theory.own_loss import Function, loss_of
from chainrule.training.continuation import Claim, Scoring, divergence
from chainrule.training.inputs import (
    Validation,
    sample_count,
    samples,
    thread_choice,
    whole_number,
    whole_numbers,
)
from chainrule.training.options import FitOptions, batch_rows
from chainrule.training.perceptron import MultilayerPerceptron
from chainrule.training.run import Callbacks, Run, chosen_optimizer, require_optimizer
from chainrule.training.stopping import EarlyStopping


class Network(MultilayerPerceptron):
    """A fully connected network: a^l = φ(a^{l−1} W^l + b^l), layer after layer.

    Parameters
    ----------
    layer_sizes : sequence of int
        Units of the input, of each hidden layer and of the output.
    activation : str or sequence of str
        φ of the hidden layers: one name, or one a hidden layer (``cr.ACTIVATIONS``).
    output : str
        φ of the output; "auto" is identity, sigmoid, softmax or exponential by the loss.
    loss : str or (value, derivative)
        ℓ: one of ``cr.LOSSES``, with options after a colon, as "huber:threshold=1.35"; or a pair
        of functions of (a, y), ℓ of each sample and ∂ℓ/∂a, for the reference engine: they are
        compared on the first batch of a fit.
    init : str
        Starting weights (``cr.INITIALIZERS``); "auto" is He's for rectifiers, LeCun's for
        selu, Glorot's otherwise.
    seed : int
        Key of the starting weights.
    dtype : {"float32", "float64"}, optional
        Of parameters, data and results; float32, or float64 for the reference engine.
    precision : {"bfloat16"}, optional
        Of the factors of every product of matrices, which then are rounded to 8 significant bits;
        sums, parameters and all else stay in ``dtype``. For large layers, on processors with
        AVX512_BF16 or AMX; results are about 2⁻⁸ off.
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

    @hinting
    def __init__(
        self,
        layer_sizes: Sequence[int],
        *,
        activation: str | Sequence[str] = "relu",
        output: str = "auto",
        loss: str | Loss | tuple[Function, Function] = "squared_error",
        init: str = "auto",
        seed: int = 0,
        dtype: str | None = None,
        precision: str | None = None,
        reduction: Reduction = "mean",
        l2: float = 0.0,
        l1: float = 0.0,
        dropout: float = 0.0,
        engine: Literal["compiled", "reference"] = "compiled",
    ) -> None:
        dtype = dtype or ("float64" if engine == "reference" else "float32")
        chosen = loss_of(loss)
        known = chosen.name if chosen.is_known else chosen
        hidden = activation if isinstance(activation, str) else list(activation)
        sizes = whole_numbers("layer_sizes", layer_sizes)
        names = activation_names(max(len(sizes) - 2, 0), hidden, output, known)
        spec = NetworkSpec(sizes, names, known, reduction, l2, l1, dropout, dtype, precision)
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

    def step(
        self,
        X: ArrayLike,
        y: ArrayLike,
        optimizer: Optimizer | str,
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
        data = samples(self.spec, X, y, sample_weight)
        optimizer = chosen_optimizer(optimizer)
        require_optimizer(optimizer, self.spec)
        certain = Parameters(replace(self.spec, dropout=0.0), self.parameters.theta)
        state = [optimizer.initial_slot(slot, certain.theta) for slot in optimizer.slots]
        rates = optimizer.over(1).rates(np.array([1]))
        with Claim(self.parameters):
            trainer = self.engine.Trainer(
                certain, optimizer, state, Batches.whole(*data), threads=thread_choice(None)
            )
            (loss,) = trainer.advance(rates)
        if trainer.step == 0:
            raise divergence(f"the loss became {loss}", 1, 1, rates[0])
        if not np.isfinite(certain.theta).all():
            raise divergence("the parameters became infinite", 1, 1, rates[0])
        return float(loss)

    # -- many steps ---------------------------------------------------------------------

    @hinting
    def fit(
        self,
        X: ArrayLike,
        y: ArrayLike,
        *,
        optimizer: Optimizer | str | None = None,
        epochs: int = 10,
        batch_size: int | Literal["auto"] = "auto",
        shuffle: bool = True,
        seed: int = 0,
        sample_weight: ArrayLike | None = None,
        validation: Validation | None = None,
        early_stopping: EarlyStopping | None = None,
        scoring: Scoring | None = None,
        callbacks: Callbacks = (),
        threads: int | None = None,
        progress: bool = False,
        keyframe_memory: int = MEMORY,
    ) -> Run:
        """Train on mini-batches, and return the record of it.

        It starts from the weights there are: a second ``fit`` goes on where the first ended, with
        the optimizer's state anew. ``run.resume`` goes on with it; a new network begins anew.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n, inputs)
        y : array-like of shape (n, outputs) or (n,)
            Targets; for cross_entropy also class numbers.
        optimizer : Optimizer or str, optional
            ``Adam()`` without it; or by name, as "adam" or "sgd:momentum=0.9".
        epochs : int
            Passes over the data.
        batch_size : int or "auto"
            Samples a step; "auto" is min(32, n), and more than n are n.
        shuffle : bool
            Whether each epoch visits the samples in an order of its own.
        seed : int
            Key of the shuffles and of dropout.
        sample_weight : array-like of shape (n,), optional
            sᵢ. In the loss of a batch B, sample i has the share sᵢ / (|B| · mean of s over all
            samples): for any batch size, what is minimised is what ``loss`` returns, and the
            mean of an epoch's losses at fixed θ, weighted by the batches, is the same.
            (scikit-learn 1.9 divides by the sum of the batch's own weights, so that they count
            nothing at a batch size of 1.)
        validation : (X, y) or (X, y, sample_weight), optional
            Held-out samples; their loss is taken after each epoch.
        early_stopping : EarlyStopping, optional
        scoring : callable, optional
            Called with the run after each epoch, while its network has the parameters that it
            would end with; early stopping watches the number that it returns, higher is better,
            and of epochs with the same score keeps the one with the least validation loss.
        callbacks : callable, Callback or sequence of them
            Called with the run after each epoch; ``Callback(f, every=n)`` after every n steps.
        threads : int, optional
            As many as prove fastest without it; no bit of the result depends on it.
        progress : bool
            Whether a bar shows the epochs, on stderr or in a notebook's cell; needs rich.
        keyframe_memory : int
            Bytes for the keyframes by which ``run.at`` reaches any step soon; with 0 it takes all
            steps before it again.

        Returns
        -------
        Run

        Raises
        ------
        ValueError
            If data or options don't fit.
        FloatingPointError
            If the loss is no longer finite; the network is as after the last step taken.
        KeyboardInterrupt
            On Ctrl-C; the network is as after the last whole step.

        Notes
        -----
        Whatever is raised on the way, by a callback too, the run is its ``run``:
        ``error.run.resume`` goes on. With early stopping, the network has its best epoch's
        parameters however the call ends.
        """
        n = sample_count("y", y)
        size = batch_rows(batch_size, n)
        options = FitOptions(
            n, size, shuffle, seed, validation is not None, early_stopping, scoring is not None,
            keyframe_memory=keyframe_memory,
        )  # fmt: skip
        run = Run(self, chosen_optimizer(Adam() if optimizer is None else optimizer), options)
        return run.resume(
            X, y, epochs=epochs, sample_weight=sample_weight,
            validation=validation, scoring=scoring, callbacks=callbacks, threads=threads,
            progress=progress,
        )  # fmt: skip
