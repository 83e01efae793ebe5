"""What a command line gives a notebook."""

from __future__ import annotations

import pytest

from lottery_utils.errors import UserError
from replication.book.build import about_data, parse_parameters


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


def test_a_page_of_several_studies_says_what_the_data_of_each_are() -> None:
    data, _ = about_data({"studies": ["minilm-glue", "mini-choices", "minilm-size"], "n": 3})
    assert "MiniLM-L6 on GLUE: CoLA" in data
    assert "MiniLM-L6 on made-up sentences: made-up sentences" in data
    assert "not counted" not in data, "minilm-size has no records, so the page shows none of it"
    assert about_data({"n": 3}) == ("", "")
