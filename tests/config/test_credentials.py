"""User name and password from flags, environment and files, and that files are read again when they change."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from turnbuckle.config import CredentialSource, load, needs_device


def directory(tmp_path: Path, **files: str | bytes) -> Path:
    place = tmp_path / "credentials"
    place.mkdir(exist_ok=True)
    for name, text in files.items():
        (place / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return place


def test_the_files_of_a_directory_are_trimmed_and_fill_in_what_is_not_given(tmp_path: Path) -> None:
    place = directory(tmp_path, username="admin\n", password=" s3cret \n", url="192.0.2.1\n")
    loaded = load({"credentials-directory": [str(place)]}, {})
    assert loaded.config.bigip_url == "https://192.0.2.1"
    assert loaded.values["bigip-url"].origin == f"file {place}/url"
    assert loaded.values["bigip-password"].origin == f"file {place}/password"
    found = CredentialSource(loaded.config).credentials()
    assert (found.username, found.password) == ("admin", "s3cret")
    assert not list(needs_device(loaded))


def test_a_flag_and_the_environment_win_over_the_files(tmp_path: Path) -> None:
    place = directory(tmp_path, username="file", password="file", url="https://file")
    flags = {"credentials-directory": [str(place)], "bigip-url": ["https://flag"]}
    loaded = load(flags, {"BIGIP_USERNAME": "env"})
    assert loaded.config.bigip_url == "https://flag"
    found = CredentialSource(loaded.config).credentials()
    assert (found.username, found.password) == ("env", "file")


def test_a_password_file_that_changes_is_read_again(tmp_path: Path) -> None:
    place = directory(tmp_path, username="admin", password="old")
    source = CredentialSource(load({"credentials-directory": [str(place)]}, {}).config)
    assert source.credentials().password == "old"
    (place / "password").write_text("newer")
    assert source.credentials().password == "newer"


def test_a_mounted_secret_that_is_swapped_by_a_link_is_read_again(tmp_path: Path) -> None:
    place = tmp_path / "credentials"
    for version, password in (("v1", "old"), ("v2", "new")):
        (place / version).mkdir(parents=True)
        (place / version / "password").write_text(password)
        os.utime(place / version / "password", (1, 1))
    (place / "..data").symlink_to("v1")
    (place / "password").symlink_to("..data/password")
    (place / "username").write_text("admin")
    source = CredentialSource(load({"credentials-directory": [str(place)]}, {}).config)
    assert source.credentials().password == "old"
    (place / "next").symlink_to("v2")
    (place / "next").rename(place / "..data")
    assert source.credentials().password == "new"


def test_a_file_that_vanishes_or_is_emptied_leaves_the_last_password_in_force(tmp_path: Path) -> None:
    place = directory(tmp_path, username="admin", password="s3cret")
    source = CredentialSource(load({"credentials-directory": [str(place)]}, {}).config)
    assert source.credentials().password == "s3cret"
    (place / "password").write_text("")
    assert source.credentials().password == "s3cret"
    (place / "password").unlink()
    assert source.credentials().password == "s3cret"


@pytest.mark.parametrize(("content", "words"), [(b"\xff\xfe", "not UTF-8"), (b"x" * 100_000, "bytes")])
def test_a_credential_that_is_no_short_text_is_refused(tmp_path: Path, content: bytes, words: str) -> None:
    place = directory(tmp_path, username="admin", password=content)
    loaded = load({"credentials-directory": [str(place)]}, {})
    assert any(words in mistake.text for mistake in loaded.mistakes)


def test_a_url_file_is_checked_like_the_flag(tmp_path: Path) -> None:
    loaded = load({"credentials-directory": [str(directory(tmp_path, url="https://h/mgmt"))]}, {})
    assert any("without a path" in mistake.text for mistake in loaded.mistakes)


def test_a_directory_without_files_says_what_is_missing(tmp_path: Path) -> None:
    loaded = load({"credentials-directory": [str(directory(tmp_path))]}, {})
    texts = [mistake.text for mistake in needs_device(loaded)]
    assert len(texts) == 3
    assert all("--credentials-directory" in text for text in texts)


def test_printing_a_configuration_shows_no_password(tmp_path: Path) -> None:
    loaded = load({"bigip-password": ["s3cret"]}, {})
    assert "s3cret" not in repr(loaded)
    assert "s3cret" not in repr(CredentialSource(loaded.config).credentials())
