"""What the pages of the book show, from records: `NAME.py`, here or in `released`, is what
notebooks/NAME.ipynb shows; `parts` has sections of some pages."""
