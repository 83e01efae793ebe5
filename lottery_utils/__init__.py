"""Pruning, importance scores and re-fine-tuning, for the book on BERT lottery tickets."""

__version__ = "0.1.0"
