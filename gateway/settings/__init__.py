"""gateway.yaml, read into frozen settings; every fault at once, with its file, line and YAML path."""
