"""Seeds a fault in each rule of access, one at a time, and shows that the tests find it: `python -m mutation`."""
