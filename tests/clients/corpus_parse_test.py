"""The official SDK's own models take every answer that the corpus test encoded."""

import corpus_parse
import pytest


def test_the_sdk_takes_every_encoded_answer():
    path = corpus_parse.default_path()
    if not path.exists() or path.stat().st_size == 0:
        pytest.skip(f"{path} is missing or empty: run the corpus test with recordings first")
    assert corpus_parse.main(path) == 0
