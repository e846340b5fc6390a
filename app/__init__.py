"""Personalized Learning Plans: a REST backend."""

__version__ = "0.1.0"
