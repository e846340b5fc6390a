"""Use cases of plans, goals and the work on them. They flush, never commit."""
