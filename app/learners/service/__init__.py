"""Use cases of a learner's record. They flush, never commit."""
