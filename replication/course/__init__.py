"""The live exercises of the course session: a small lesson model, checks with hints, handouts."""
