"""Two engines with one signature: ``reference`` (NumPy, float64) and ``compiled`` (C++)."""
