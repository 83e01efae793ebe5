"""This report's machinery: from a study to records, to claims, to the pages of the book."""
