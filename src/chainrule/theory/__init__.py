"""The mathematics as tables: one row each, formula, derivative, LaTeX and source."""
