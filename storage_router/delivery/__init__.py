"""Private delivery: views that ask who may read a file, then redirect to it, stream it or let nginx send it."""
