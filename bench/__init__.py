"""Measures the served application: `make bench`. Linux only, since it reads CPU times from /proc."""
