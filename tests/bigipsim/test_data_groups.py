"""Data groups: records of each type, changes to single ones, tables in files, and who refers to them."""

from typing import Any
from urllib.parse import quote

import pytest
from caller import Client

from bigipsim.box import Box
from bigipsim.clock import ManualClock
from bigipsim.objects.data_group import records

INTERNAL, EXTERNAL = "tm/ltm/data-group/internal", "tm/ltm/data-group/external"
FILE = "tm/sys/file/data-group"


@pytest.fixture
def call() -> Client:
    client = Client(Box(ManualClock()))
    client("POST", "tm/auth/partition", {"name": "k8s"})
    return client


def group(call: Client, kind: str = "string", status: int = 200, **listed: str) -> Any:
    found = [{"name": key, "data": data} for key, data in listed.items()]
    return call("POST", INTERNAL, {"name": "g", "partition": "k8s", "type": kind, "records": found}, status=status)


def edit(call: Client, text: str, status: int = 200) -> Any:
    return call("PATCH", f"{INTERNAL}/~k8s~g?options={quote(text)}", {"name": "g"}, status=status)


def found(call: Client, path: str = "/k8s/g") -> dict[str, str]:
    table = records(call.box.tree, path)
    assert table is not None
    return dict(table)


@pytest.mark.parametrize(
    ("kind", "key"), [("ip", "10.0.0"), ("ip", "10.0.0.1/33"), ("integer", "ten"), ("integer", "1.5"), ("string", "")]
)
def test_a_key_of_another_type_is_refused(call: Client, kind: str, key: str) -> None:
    group(call, kind, 400, **{key: "x"})


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("ip", ["10.1.2.3", "10.0.0.0/8", "2001:DB8::1"], ["10.0.0.0/8", "10.1.2.3/32", "2001:db8::1/128"]),
        ("integer", ["10", "9", "007"], ["7", "9", "10"]),
        ("string", ["b", "a"], ["a", "b"]),
    ],
)
def test_keys_come_back_as_the_device_writes_them(call: Client, kind: str, given: list[str], kept: list[str]) -> None:
    made = group(call, kind, **dict.fromkeys(given, "x"))
    assert [one["name"] for one in made["records"]] == kept


def test_the_type_stays(call: Client) -> None:
    group(call)
    call("PATCH", f"{INTERNAL}/~k8s~g", {"type": "ip"}, status=400)
    call("POST", INTERNAL, {"name": "h", "partition": "k8s"}, status=400)


# Single records


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("records add { c { data 3 } }", {"a": "1", "b": "2", "c": "3"}),
        ('records add { "c d" { data "three \\" four" } e }', {"a": "1", "b": "2", "c d": 'three " four', "e": ""}),
        ("records modify { a { data one } }", {"a": "one", "b": "2"}),
        ("records delete { a b }", {}),
        ("records replace-all-with { z { data 26 } }", {"z": "26"}),
    ],
)
def test_single_records_are_changed(call: Client, text: str, after: dict[str, str]) -> None:
    group(call, a="1", b="2")
    edit(call, text)
    assert found(call) == after


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("records add { a { data 3 } }", "01020066:3: The requested class string item (/k8s/g a) already exists"),
        ("records modify { c { data 3 } }", "01020036:3: The requested class string item (/k8s/g c) was not found."),
        ("records delete { c }", "01020036:3: The requested class string item (/k8s/g c) was not found."),
        ("records append { c }", '"append" unexpected argument'),
        ("records add { c { value 3 } }", '"value" unexpected argument'),
        ("records add c", '"add" unexpected argument'),
    ],
)
def test_a_change_to_single_records_that_does_not_work_out_is_refused(call: Client, text: str, message: str) -> None:
    group(call, a="1", b="2")
    answer = call.send("PATCH", f"{INTERNAL}/~k8s~g?options={quote(text)}", {"name": "g"})
    assert answer.status in (400, 404, 409)
    assert message.encode().replace(b'"', b'\\"') in answer.body
    assert found(call) == {"a": "1", "b": "2"}


def test_another_option_is_not_implemented(call: Client) -> None:
    group(call)
    edit(call, "description none", status=501)


def test_single_records_are_changed_in_a_transaction(call: Client) -> None:
    group(call, a="1")
    number = str(call("POST", "tm/transaction", {})["transId"])
    for key in "bc":
        path = f"{INTERNAL}/~k8s~g?options=" + quote(f"records add {{ {key} }}")
        call("PATCH", path, {"name": "g"}, x_f5_rest_coordination_id=number)
    call("PATCH", f"tm/transaction/{number}", {"state": "VALIDATING"})
    assert found(call) == {"a": "1", "b": "", "c": ""}


# References


def test_a_data_group_that_an_irule_or_a_policy_uses_is_not_deleted(call: Client) -> None:
    group(call, a="1")
    text = "when HTTP_REQUEST {\n  if { [class match [HTTP::host] equals /k8s/g] } { reject }\n}"
    call("POST", "tm/ltm/rule", {"name": "r", "partition": "k8s", "apiAnonymous": text})
    answer = call("DELETE", f"{INTERNAL}/~k8s~g", status=400)
    assert answer["message"] == (
        "01070265:3: The value list (/k8s/g) cannot be deleted because it is in use by a rule (/k8s/r)."
    )
    call("DELETE", "tm/ltm/rule/~k8s~r")
    call("DELETE", f"{INTERNAL}/~k8s~g")
    assert records(call.box.tree, "/k8s/g") is None


# Tables in files


def table(call: Client, content: bytes, status: int = 200, **more: Any) -> Any:
    span = f"0-{len(content) - 1}/{len(content)}"
    call("POST", "shared/file-transfer/uploads/t", content, content_range=span)
    body = {"name": "t", "partition": "k8s", "sourcePath": "file:/var/config/rest/downloads/t", **more}
    return call("POST", FILE, body, status=status)


@pytest.mark.parametrize(
    ("kind", "content", "read"),
    [
        ("string", b'"b" := "2",\n"a" := "1",\nc,\n\n', {"a": "1", "b": "2", "c": ""}),
        ("ip", b'host 10.1.2.3 := "x",\nnetwork 10.0.0.0/8 := "y"\n', {"10.0.0.0/8": "y", "10.1.2.3/32": "x"}),
        ("integer", b"5 := five,\n", {"5": "five"}),
    ],
)
def test_an_external_data_group_reads_its_file(call: Client, kind: str, content: bytes, read: dict[str, str]) -> None:
    shown = table(call, content, type=kind)
    assert shown["checksum"].startswith(f"SHA1:{len(content)}:")
    made = call("POST", EXTERNAL, {"name": "g", "partition": "k8s", "externalFileName": "/k8s/t"})
    assert (made["type"], made["externalFileName"]) == (kind, "/k8s/t")
    assert found(call) == read


def test_a_file_with_a_key_of_another_type_is_refused(call: Client) -> None:
    table(call, b"nowhere := x,\n", 400, type="ip")
    table(call, b"a := x,\n", 400)


def test_a_file_in_use_is_not_deleted(call: Client) -> None:
    table(call, b"a := x,\n", type="string")
    call("POST", EXTERNAL, {"name": "g", "partition": "k8s", "externalFileName": "/k8s/t"})
    assert "in use by a value list (/k8s/g)" in call("DELETE", f"{FILE}/~k8s~t", status=400)["message"]
    call("POST", EXTERNAL, {"name": "h", "partition": "k8s"}, status=400)
