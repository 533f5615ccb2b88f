"""The gateway's keys, and everything done with them: derivation, sealing, keyed hashes, signed tokens."""
