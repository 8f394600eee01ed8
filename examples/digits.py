"""Classify handwritten digits: validation, early stopping, a schedule, and a plot of the losses.

python examples/digits.py losses.png
"""

import sys

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

import chainrule as cr

X, y = load_digits(return_X_y=True)
X_rest, X_test, y_rest, y_test = train_test_split(X / 16, y, test_size=0.2, random_state=0)
X_train, X_val, y_train, y_val = train_test_split(X_rest, y_rest, test_size=0.15, random_state=0)

net = cr.Network([64, 128, 10], loss="cross_entropy", dropout=0.2, seed=0)
run = net.fit(
    X_train,
    y_train,
    optimizer=cr.Adam(cr.Cosine(0.005)),
    epochs=100,
    validation=(X_val, y_val),
    early_stopping=cr.EarlyStopping(patience=15),
)
correct = net.forward(X_test).argmax(axis=1) == y_test
print(f"{run}: epoch {run.best_epoch} was the best")
print(f"{np.mean(correct):.1%} of {len(y_test)} digits that it never saw are right")

if len(sys.argv) > 1:
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    axes.semilogy(np.arange(1, run.step + 1) / run.steps_per_epoch, run.losses, lw=0.5, c="0.7")
    axes.semilogy(np.arange(1, run.epoch + 1), run.epoch_losses, label="training")
    axes.semilogy(np.arange(1, run.epoch + 1), run.validation_losses, label="validation")
    axes.axvline(run.best_epoch, ls=":", c="0.5")
    axes.set(xlabel="epoch", ylabel="loss in nats")
    axes.legend(frameon=False)
    figure.savefig(sys.argv[1], dpi=150)
