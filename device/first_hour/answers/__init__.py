"""The functions that answer: each gets a `Run`, and returns a phrase or raises."""
