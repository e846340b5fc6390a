"""The demo district: a deterministic world of schools, people and plans, and its twin, loaded in bulk."""
