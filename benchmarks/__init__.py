"""chainrule beside the libraries a user could pick instead, in one run: ``make bench``."""
