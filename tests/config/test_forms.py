"""What each form of setting takes, and what is said of the rest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from turnbuckle.config import dns_forms, forms
from turnbuckle.config.forms import Flaw, Form, Sealed


def said(form: Form[Any], *texts: str) -> str:
    """The sentences about a text that is refused."""
    flaw = form.parse(texts)
    assert isinstance(flaw, Flaw), f"{texts} was taken as {flaw!r}"
    return f"{flaw.message} {flaw.hint}"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ("192.0.2.1", "https://192.0.2.1"),
        ("192.0.2.1:8443", "https://192.0.2.1:8443"),
        ("https://bigip.example.com", "https://bigip.example.com"),
        ("https://bigip.example.com/", "https://bigip.example.com"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443"),
        ("HTTPS://bigip", "https://bigip"),
    ],
)
def test_a_url_gets_https_and_loses_its_last_slash(given: str, url: str) -> None:
    assert forms.bigip_url(given) == url


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("http://192.0.2.1", "https"),
        ("https://192.0.2.1/mgmt", "without a path"),
        ("https://192.0.2.1?a=b", "without a path"),
        ("https://", "no host"),
        ("https://192.0.2.1:99999", "1 to 65535"),
        ("https://192.0.2.1:0", "1 to 65535"),
        ("https://192.0.2.1:web", "1 to 65535"),
        ("2001:db8::1", "brackets"),
        ("https://two words", "no host"),
    ],
)
def test_a_url_that_cannot_be_a_big_ip_is_refused(given: str, words: str) -> None:
    assert words in said(forms.url(), given)


def test_a_url_with_a_password_is_refused_without_repeating_it() -> None:
    sentence = said(forms.url(), "https://admin:s3cret@192.0.2.1")
    assert "--bigip-password" in sentence
    assert "s3cret" not in sentence


@pytest.mark.parametrize("given", ["true", "T", "1", "TRUE"])
def test_true_is_written_as_the_original_takes_it(given: str) -> None:
    assert forms.yes_no().parse([given]) is True


@pytest.mark.parametrize("given", ["yes", "on", "2", "tRUE", " true"])
def test_other_words_for_true_are_refused(given: str) -> None:
    assert "Write true or false." in said(forms.yes_no(), given)


def test_the_last_of_several_texts_counts_where_one_value_is_wanted() -> None:
    assert forms.yes_no().parse(["true", "false"]) is False


@pytest.mark.parametrize(
    ("given", "words"), [("many", "whole number"), ("1.5", "whole number"), ("-1", "outside 0 to 9")]
)
def test_a_number_is_whole_and_in_its_range(given: str, words: str) -> None:
    assert words in said(forms.whole_number(0, 9), given)


def test_a_number_of_a_thousand_digits_is_refused() -> None:
    assert "not a whole number" in said(forms.whole_number(0, 9), "9" * 1000)


def test_common_is_refused_as_a_partition() -> None:
    assert "belongs to the whole device" in said(forms.partition(), "Common")


@pytest.mark.parametrize(
    ("given", "words"), [("a,b", "on its own"), ("/k8s", "no name"), ("my part", "no name"), ("x" * 65, "no name")]
)
def test_a_partition_has_a_plain_name(given: str, words: str) -> None:
    assert words in said(forms.partition(), given)


def test_a_list_keeps_its_order_and_counts_what_is_twice_once() -> None:
    assert forms.many(forms.partition()).parse(["b", "a", "b"]) == ("b", "a")


def test_a_list_is_refused_for_one_wrong_item() -> None:
    assert "Common" in said(forms.many(forms.partition()), "k8s", "Common")


@pytest.mark.parametrize("given", ["Shop", "-a", "a_b", "a.b", "x" * 64])
def test_a_namespace_has_the_form_that_kubernetes_gives_it(given: str) -> None:
    assert "no name of a namespace" in said(forms.namespace(), given)


@pytest.mark.parametrize("given", ["app=web", "app in (a, b),!old", "a!=b,c", "f5.com/x=y"])
def test_a_label_selector_is_taken_as_kubernetes_takes_it(given: str) -> None:
    assert forms.label_selector().parse([given]) == given


@pytest.mark.parametrize("given", ["app=(", "=web", "a in", "a b"])
def test_what_is_no_label_selector_is_refused(given: str) -> None:
    assert "app=web" in said(forms.label_selector(), given)


@pytest.mark.parametrize("given", ["two words", "ü", "x" * 129])
def test_an_identity_has_no_blanks_for_it_stands_in_the_mark(given: str) -> None:
    assert "ownership mark" in said(forms.identifier(), given)


def test_a_snat_pool_is_a_full_path() -> None:
    assert forms.device_path().parse(["Common/egress"]) == "/Common/egress"
    assert "/Common/egress" in said(forms.device_path(), "egress")


@pytest.mark.parametrize(("given", "words"), [("8080", "HOST:PORT"), (":0", "1 to 65535"), ("::1:80", "brackets")])
def test_a_listen_address_is_a_host_and_a_port(given: str, words: str) -> None:
    assert words in said(forms.listen_address(), given)


def test_an_empty_host_listens_everywhere() -> None:
    assert forms.listen_address().parse([":8080"]) == ":8080"


def test_trusted_certificates_are_a_file_with_certificates(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("-----BEGIN PRIVATE KEY-----\n")
    assert "no certificate" in said(forms.certificates(), str(key))
    assert "not there" in said(forms.certificates(), str(tmp_path / "absent.pem"))
    assert "is a directory" in said(forms.certificates(), str(tmp_path))
    good = tmp_path / "ca.pem"
    good.write_text("-----BEGIN CERTIFICATE-----\n")
    assert forms.certificates().parse([str(good)]) == good


def test_a_path_that_is_not_utf8_is_refused() -> None:
    assert "UTF-8" in said(forms.path(), "a\udcffb")


def test_a_directory_is_there_and_is_one(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    assert "is a file" in said(forms.path("directory"), str(file))
    assert "not there" in said(forms.path("directory"), str(tmp_path / "absent"))


def test_a_megabyte_of_text_is_refused_without_repeating_it() -> None:
    sentence = said(forms.text(), "x" * 1_000_000)
    assert "1000000 characters" in sentence
    assert len(sentence) < 200


def test_control_characters_are_refused() -> None:
    assert "control characters" in said(forms.text(), "admin\n")


def test_a_secret_is_never_shown() -> None:
    secret = forms.secret().parse(["s3cret\n"])
    assert isinstance(secret, Sealed)
    assert secret.reveal() == "s3cret"
    assert "s3cret" not in f"{secret} {secret!r} {secret!s} {[secret]}"


@pytest.mark.parametrize(("given", "words"), [("cluter", 'Did you mean "cluster"?'), ("x", "nodeport, cluster")])
def test_a_word_that_is_not_in_the_list_is_refused_with_the_nearest(given: str, words: str) -> None:
    assert words in said(forms.one_of(("nodeport", "cluster")), given)


@pytest.mark.parametrize(
    ("given", "parts"),
    [
        ("192.0.2.53", ("192.0.2.53", 53)),
        ("192.0.2.53:5353", ("192.0.2.53", 5353)),
        ("dns.example.com:54", ("dns.example.com", 54)),
        ("2001:db8::53", ("2001:db8::53", 53)),
        ("[2001:db8::53]:54", ("2001:db8::53", 54)),
    ],
)
def test_a_server_for_names_may_have_a_port(given: str, parts: tuple[str, int]) -> None:
    assert dns_forms.name_server().parse([given]) == given
    assert dns_forms.split_name_server(given) == parts


@pytest.mark.parametrize("given", ["LOOKUP", "lookup", " Lookup "])
def test_the_look_up_of_the_machine_is_a_word(given: str) -> None:
    assert dns_forms.name_server().parse([given]) == "LOOKUP"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("two words", "no DNS server"),
        ("dns:", "no DNS server"),
        (":53", "no DNS server"),
        ("dns:domain", "no DNS server"),
        ("[2001:db8::53", "no DNS server"),
        ("udp://192.0.2.53", "no DNS server"),
        ("192.0.2.53:0", "1 to 65535"),
        ("192.0.2.53:65536", "1 to 65535"),
        ("x" * 5000, "no DNS server"),
    ],
)
def test_what_is_no_server_for_names_is_told(given: str, words: str) -> None:
    assert words in said(dns_forms.name_server(), given)
