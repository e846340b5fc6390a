"""Use cases of sharing. They flush, never commit."""
