"""Training: networks, runs, callbacks, stopping and the check of the gradient."""
