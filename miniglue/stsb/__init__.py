"""STS-B: how much two sentences have in common, from 0 (nothing) to 5 (they mean the same).

The task is that of Cer et al. (2017). Every part of a scene has a weight, and a grade is
the weight of the parts that the second sentence keeps: who, did what, to whom or what, and
when. What is kept is said in other words the more often, the more there is of it, so that
counting common words says little about common meaning.
"""

from __future__ import annotations

from miniglue.grammar import Grammar
from miniglue.stsb.scenes import SCENES

# Equal shares of the grades from 0 to below 1, from 1 to below 2 and so on, and of 5.
GRAMMAR = Grammar(phenomena=SCENES, label_shares=(1 / 6,) * 6)
