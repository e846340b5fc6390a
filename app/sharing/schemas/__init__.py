"""Sharing on the wire."""
