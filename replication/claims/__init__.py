"""The paper's claims: the rules that they are judged by, the evidence, and the verdicts."""
