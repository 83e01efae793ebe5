"""A page from a notebook: `python -m replication.pages NOTEBOOK PAGE [NAME=VALUE ...]`."""

import sys

from replication.pages.build import main

sys.exit(main(sys.argv[1:]))
