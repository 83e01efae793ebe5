"""What the paper's authors published: numbers of the text, and the results that they released."""
