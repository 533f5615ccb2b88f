"""A directory behind an HTTP API: what is sent, what the answers mean, and how long the token is good."""
