"""Models of tables beside their peers, on real tables: ``make bench-tables``."""
