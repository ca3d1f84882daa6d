"""Whatever the text: settings and command lines answer sentences, never exceptions, and never show a secret."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnbuckle.cli.flags import _read
from turnbuckle.config import file as config_file
from turnbuckle.config import load
from turnbuckle.config.originals import KNOWN
from turnbuckle.config.show import as_json, as_text, as_yaml

TEXTS = st.one_of(st.text(max_size=60), st.text(alphabet="ab/:.-_=,()[]{}%@ 01", max_size=40))


@given(name=st.sampled_from(sorted(KNOWN)), texts=st.lists(TEXTS, min_size=1, max_size=3))
def test_any_text_of_a_flag_is_a_value_or_a_sentence(name: str, texts: list[str]) -> None:
    loaded = load({name: texts}, {})
    for mistake in loaded.mistakes:
        assert mistake.message
        assert mistake.hint
        assert all(c.isprintable() for c in mistake.text)
    assert as_text(loaded)
    assert as_json(loaded, loaded.mistakes)
    assert as_yaml(loaded)


@given(text=st.one_of(st.text(max_size=200), st.text(alphabet="ab:-[]{}&*!|>'\"\n\t #?", max_size=80)))
def test_any_text_of_a_file_is_entries_or_sentences(text: str) -> None:
    content = config_file.parse(text)
    for mistake in content.mistakes:
        assert mistake.flaw.message
        assert mistake.line >= 0


@given(words=st.lists(st.one_of(TEXTS, st.sampled_from([f"--{name}" for name in KNOWN] + ["-f", "-o", "--"]))))
def test_any_command_line_is_read_or_refused_in_sentences(words: list[str]) -> None:
    flags = {f"--{name}": setting.form.bare or None for name, setting in KNOWN.items()}
    reading = _read({**flags, "-f": None, "-o": None, "--strict": ""}, words, takes_words=False)
    assert all(sentence for sentence in reading.wrong)


SECRET = st.text(alphabet="qzxj0189", min_size=8, max_size=20)


@given(secret=SECRET)
def test_a_password_is_shown_nowhere(secret: str) -> None:
    flags = {"bigip-password": [secret], "gtm-bigip-password": [secret], "bigip-url": [f"https://u:{secret}@h"]}
    loaded = load(flags, {})
    shown = [as_text(loaded), as_json(loaded, loaded.mistakes), as_yaml(loaded), repr(loaded)]
    shown += [mistake.text for mistake in loaded.mistakes]
    assert not any(secret in text for text in shown)


@pytest.mark.parametrize("anchors", ["a: &a [x]\nb: *a\n", "a: &a [*a]\n", "<<: {insecure: true}\n"])
def test_anchors_and_merges_are_no_way_round_the_schema(anchors: str) -> None:
    assert config_file.parse(anchors).mistakes
