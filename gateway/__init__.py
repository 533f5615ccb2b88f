"""Login, sessions, identity and policy in front of any web application."""
