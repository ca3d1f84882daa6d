"""What a client's first message says, however it comes."""

import ssl

import pytest

from bigipsim.dataplane.tls_hello import Hello, NotTls, read_hello
from bigipsim.dataplane.tls_spec import openssl_ciphers


def first_message(name: str | None, *alpn: str) -> bytes:
    """What the standard library's client sends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if alpn:
        context.set_alpn_protocols(list(alpn))
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


@pytest.mark.parametrize(
    "content",
    [
        b"GET / HTTP/1.1\r\n",
        b"\x80\x2e\x01\x03\x01",
        b"\x16\x02\x01",
        b"\x16\x03\x01\x00\x04\x02\x00\x00\x00",
        b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03",
        b"\x16\x03\x01\x00\x04\x01\x00\x00\x00",
        b"\x16\x03\x01\xff\xff\x01\xff\xff\xff" + bytes(65536),
    ],
)
def test_what_is_no_clienthello_is_told(content: bytes) -> None:
    with pytest.raises(NotTls):
        read_hello(content)


def test_name_and_protocols_are_read() -> None:
    assert read_hello(first_message("Shop.example.com", "h2", "http/1.1")) == Hello(
        "shop.example.com", ("h2", "http/1.1")
    )
    assert read_hello(first_message(None)) == Hello()


def test_every_beginning_of_a_message_asks_for_more() -> None:
    message = first_message("shop.example.com")
    assert {read_hello(message[:length]) for length in range(len(message))} == {None}


def test_a_message_in_many_records_is_one() -> None:
    message = first_message("shop.example.com", "h2")
    body = message[5:]
    parts = [body[at : at + 50] for at in range(0, len(body), 50)]
    records = b"".join(b"\x16\x03\x01" + len(part).to_bytes(2, "big") + part for part in parts)
    assert read_hello(records) == read_hello(message)


@pytest.mark.parametrize(
    ("device", "openssl"),
    [
        ("DEFAULT", "DEFAULT:!aNULL:!eNULL"),
        ("none", ""),
        ("", ""),
        ("TLSv1_2:!TLSv1_3", ""),
        ("ecdhe:rsa:!sslv3:!rc4:!exp:!des", "ECDHE:RSA:!RC4:!EXP:!DES:!aNULL:!eNULL"),
        ("!SSLv2:ALL:!DH:!ADH:!EDH:@SPEED", "ALL:!DH:!ADH:!EDH:!aNULL:!eNULL"),
        ("TLSv1_2+ECDHE+AES-GCM, ECDHE-RSA-AES128-CBC-SHA", "ECDHE+AESGCM:ECDHE-RSA-AES128-SHA:!aNULL:!eNULL"),
    ],
)
def test_ciphers_are_named_in_openssls_words(device: str, openssl: str) -> None:
    assert openssl_ciphers(device) == openssl
    if openssl:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).set_ciphers(openssl)
