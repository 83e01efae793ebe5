"""Section 5.2: five types of attention maps, by labelled examples and classifiers of them."""
