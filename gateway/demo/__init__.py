"""A world on loopback to try the gateway in: an identity provider, an application, a reverse proxy."""
