"""A page from a notebook: `python -m replication.book NOTEBOOK PAGE [NAME=VALUE ...]`."""

import sys

from lottery_utils.errors import in_one_sentence
from replication.book.build import main

with in_one_sentence():
    sys.exit(main(sys.argv[1:]))
