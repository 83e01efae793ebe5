"""The pages on BERT-base as its authors released it: its masks, its scores, and what is odd."""
