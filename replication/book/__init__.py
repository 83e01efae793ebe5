"""What turns a notebook into a page of the book: its look, its making, where it comes from."""
