"""What a command line gives a notebook."""

from __future__ import annotations

import pytest

from lottery_utils.errors import UserError
from replication.book.build import parse_parameters


def test_names_stay_texts_and_lists_are_read() -> None:
    given = ["task=2024", "study=on", "results_dir=1e5", "data=None", "seeds=[1337, 42]", "n=3"]
    assert parse_parameters(given) == {
        "task": "2024",
        "study": "on",
        "results_dir": "1e5",
        "data": None,
        "seeds": [1337, 42],
        "n": 3,
    }
    for wrong in ("seeds=[1", "seeds=[012]", "seeds=1:30"):
        with pytest.raises(UserError):
            parse_parameters([wrong])
