"""How sure is it? Twenty networks, each on a sample of the rows, all in one call.

python examples/uncertainty.py
"""

import numpy as np

import chainrule as cr

rng = np.random.default_rng(0)
X = rng.uniform(-1, 1, (200, 1))
y = np.sin(3 * X) + rng.normal(0, 0.1, X.shape)

counts = rng.multinomial(len(X), np.full(len(X), 1 / len(X)), size=20)  # bootstrap samples
nets = [cr.Network([1, 32, 1], activation="tanh", seed=seed) for seed in range(20)]
runs = cr.fit_many(nets, X, y, sample_weight=counts, optimizer=cr.Adam(0.01), epochs=200)

places = np.array([[-1.0], [0.0], [1.0], [2.0], [3.0]])
answers = np.stack([net.forward(places)[:, 0] for net in nets])
print("    x  sin 3x    mean  spread of 20 networks")
for x, mean, spread in zip(places[:, 0], answers.mean(axis=0), answers.std(axis=0), strict=True):
    note = "" if abs(x) <= 1 else "   no data here"
    print(f"{x:5.1f}  {np.sin(3 * x):6.2f}  {mean:6.2f}  {spread:6.3f}{note}")
