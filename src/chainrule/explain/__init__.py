"""A step of training as equations: what a trace holds, in symbols and with its numbers."""
