"""A page from a notebook: `python -m replication.book NOTEBOOK PAGE [NAME=VALUE ...]`."""

import sys

from replication.book.build import main

sys.exit(main(sys.argv[1:]))
