"""What follows from what: the inferences that the grammars of MNLI and RTE share.

Each phenomenon draws a few premises with hypotheses that they entail, leave open or
contradict. `operators` has words that affirm, deny or suspend a clause; `roles` has who did
what to whom; `quantities` has how many, what kind, and what is allowed.
"""
