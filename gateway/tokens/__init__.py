"""First-party tokens: for clients of the gateway's own that keep no cookie. A session stands behind each of them."""
