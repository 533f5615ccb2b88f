"""What people see: pages that need no script, and sentences that all stand in one catalogue."""
