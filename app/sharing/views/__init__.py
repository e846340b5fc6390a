"""Read side of sharing."""
