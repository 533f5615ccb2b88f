"""What happened: frozen events, and those who listen to them (log, metrics, audit)."""
