"""Measurements: figures are printed, and nothing is judged by the clock.

`make bench` (or `python -m bench`) runs every row of `bench.groups` and writes `build/bench/<time>.json`;
docs/performance.md says how it is measured and how to read it.
"""
