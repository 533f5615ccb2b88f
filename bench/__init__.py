"""Measurements: figures are printed, and nothing is judged by the clock."""
