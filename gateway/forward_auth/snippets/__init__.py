"""The exact configuration of a proxy for one gateway.yaml: file names to texts, and nothing left to remember."""
