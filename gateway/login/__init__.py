"""Signing in by a redirect to an identity provider and back, and signing out again."""
