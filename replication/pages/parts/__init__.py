"""Sections of pages that are an idea of their own; the notebook of the page shows them, too."""
