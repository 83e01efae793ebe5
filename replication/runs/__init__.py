"""Records: which are there, computing what is missing, reading them, one table of all."""
