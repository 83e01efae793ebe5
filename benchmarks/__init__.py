"""The hot paths of this project against what people would use instead: `make bench`.

Each case runs both sides in one alternating run, with the same threads, precision, data and
weights, checks that they compute the same, and gives a row of a table. The rows are written
to benchmarks/<device>.json, which the book's page "What it costs" reads.
"""
