"""One module per contract between a proxy and the verify endpoints; none reads another's headers."""
