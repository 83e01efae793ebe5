"""What the pages of the book show, from records alone."""
