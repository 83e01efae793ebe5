"""What the pages of the book show: NAME.py is what notebooks/NAME.ipynb shows, from records."""
