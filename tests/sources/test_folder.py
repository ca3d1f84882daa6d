"""A folder of manifests read once: what it says, where it says it, and every sort of mistake."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from sources.collect import CONFIG_MAPS, NODES, SERVICES, PlainKind
from turnbuckle.engine.protocol import Resource
from turnbuckle.model.issue import Severity
from turnbuckle.model.ref import Flawed, Put, Ref
from turnbuckle.sources.files import FolderContent, read_folder
from turnbuckle.sources.files.folder import Folder

KINDS = (CONFIG_MAPS, SERVICES, NODES)
WEB = Ref("", "Service", "default", "web")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


def write(folder: Path, name: str, text: str | bytes) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else dedent(text).encode())


def refs(content: FolderContent) -> list[str]:
    return [str(event.obj.ref) for event in content.events if isinstance(event, Put)]


def said(content: FolderContent) -> list[str]:
    """Every issue as `file:line code message`."""
    issues = [*content.issues]
    issues += [one for event in content.events if isinstance(event, Flawed) for one in event.issues]
    lines = []
    for issue in issues:
        origin = content.origins.get(issue.about)
        where = f"{origin.file}:{origin.line_of(issue.field)}" if origin else issue.about.name
        lines.append(f"{where} {issue.code} {issue.message}")
    return lines


SERVICE = """\
    apiVersion: v1
    kind: Service
    metadata:
      name: web
"""


def test_yaml_and_json_files_of_all_folders_are_read_in_order_and_hidden_ones_are_not(folder):
    write(folder, "b.yaml", SERVICE)
    write(folder, "sub/c.yml", SERVICE.replace("web", "deep"))
    write(folder, "a.json", json.dumps({"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n"}}))
    write(folder, ".hidden.yaml", SERVICE.replace("web", "no"))
    write(folder, ".git/d.yaml", SERVICE.replace("web", "no"))
    write(folder, "readme.md", "kind: Service")
    content = read_folder(folder, KINDS)
    assert refs(content) == ["Node/n", "Service/default/web", "Service/default/deep"]
    assert said(content) == []


def test_documents_lists_and_unknown_kinds(folder):
    write(
        folder,
        "all.yaml",
        """\
        # nothing here
        ---
        apiVersion: v1
        kind: Service
        metadata: {name: one, namespace: shop}
        ---
        apiVersion: apps/v1
        kind: Deployment
        spec: {}
        ---
        apiVersion: serving.knative.dev/v1
        kind: Service
        metadata: {name: another-kind}
        ---
        apiVersion: v1
        kind: List
        items:
        - apiVersion: v1
          kind: Service
          metadata:
            name: two
        - apiVersion: v1
          kind: Node
          metadata:
            name: three
        """,
    )
    content = read_folder(folder, KINDS)
    assert refs(content) == ["Service/shop/one", "Service/default/two", "Node/three"]
    assert said(content) == []
    assert content.origins[Ref("", "Node", "", "three")].line_of("metadata.name") == 25


def test_a_folder_without_any_object_is_told_and_is_no_mistake_of_its_files(folder):
    nothing = f"{folder} TB1036 There was nothing to check in {folder}: "
    assert said(read_folder(folder, KINDS)) == [f"{nothing}no file in it ends with .yaml, .yml, .json."]
    write(folder, "a.yaml", "")
    write(folder, "b.yaml", "---\n---\n# only a comment\n")
    write(folder, "c.json", "\n")
    content = read_folder(folder, KINDS)
    assert said(content) == [f"{nothing}it holds no Kubernetes object."]
    assert (content.events, content.complete) == ((), True)
    assert {issue.severity for issue in content.issues} == {Severity.WARNING}
    write(folder, "d.yaml", "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n")
    assert said(read_folder(folder, KINDS)) == [f"{nothing}it holds 1 Kubernetes object, none of them for Turnbuckle."]
    write(folder, "e.yaml", SERVICE)
    assert said(read_folder(folder, KINDS)) == []


def test_every_field_has_its_line(folder):
    write(
        folder,
        "vs.yaml",
        """\
        apiVersion: v1
        kind: ConfigMap
        metadata:
          name: vs
          labels:
            f5type: virtual-server
          annotations:
            virtual-server.f5.com/ip: 198.51.100.1
        spec:
          ports:
          - port: 80
            name: a
          - port: 81
        data:
          schema: "f5schemadb://bigip-virtual-server_v0.1.7.json"
          data: |
            {
              "virtualServer": {
                "backend": {"servicePort": 80},

                "frontend": {
                  "list": [
                    1,
                    2
                  ],
                  "virtualAddress": {
                    "port": 70000
                  }
                }
              }
            }
        """,
    )
    content = read_folder(folder, KINDS)
    (event,) = content.events
    origin = event.obj.origin
    assert origin.file == "vs.yaml"
    assert {
        field: origin.line_of(field)
        for field in (
            "metadata.name",
            "metadata.annotations[virtual-server.f5.com/ip]",
            "metadata.labels[f5type]",
            "spec.ports[0].name",
            "spec.ports[1].port",
            "spec.ports[1].nothing",
            "data.schema",
            "data.data",
            "data.data.virtualServer.backend.servicePort",
            "data.data.virtualServer.frontend.list[1]",
            "data.data.virtualServer.frontend.virtualAddress.port",
            "data.data.virtualServer.frontend.virtualAddress.missing",
        )
    } == {
        "metadata.name": 4,
        "metadata.annotations[virtual-server.f5.com/ip]": 8,
        "metadata.labels[f5type]": 6,
        "spec.ports[0].name": 12,
        "spec.ports[1].port": 13,
        "spec.ports[1].nothing": 13,
        "data.schema": 15,
        "data.data": 16,
        "data.data.virtualServer.backend.servicePort": 19,
        "data.data.virtualServer.frontend.list[1]": 24,
        "data.data.virtualServer.frontend.virtualAddress.port": 27,
        "data.data.virtualServer.frontend.virtualAddress.missing": 26,
    }


def test_json_that_does_not_keep_its_lines_falls_back_to_its_key(folder):
    write(
        folder,
        "vs.yaml",
        """\
        apiVersion: v1
        kind: ConfigMap
        metadata: {name: vs, labels: {f5type: virtual-server}}
        data:
          data: "{\\"virtualServer\\":\\n{}}"
        """,
    )
    (event,) = read_folder(folder, KINDS).events
    assert event.obj.origin.line_of("data.data.virtualServer") == 5


def test_a_json_file_has_lines_too_and_may_be_indented_with_tabs(folder):
    write(folder, "n.json", '{\n\t"apiVersion": "v1",\n\t"kind": "Node",\n\t"metadata": {\n\t\t"name": "n"}}\n')
    (event,) = read_folder(folder, KINDS).events
    assert event.obj.origin.line_of("metadata.name") == 5


def test_the_selector_of_a_kind_counts_in_a_folder_too(folder):
    write(folder, "a.yaml", SERVICE.replace("Service", "ConfigMap"))
    assert refs(read_folder(folder, KINDS)) == []


def test_values_are_those_that_kubernetes_reads(folder):
    class Keeper(PlainKind):
        def decode(self, raw):
            event = super().decode(raw)
            seen.update(raw["values"])
            return event

    seen: dict[str, object] = {}
    write(
        folder,
        "a.yaml",
        SERVICE
        + """\
    values:
      date: 2026-01-02
      time: 12:30:45
      octal: 0644
      hex: 0x1F
      yes: yes
      nothing: ~
      quoted: "5"
      float: 1.5
      infinite: .inf
      8080: port
      base: &base {a: 1, b: 2}
      more: {<<: *base, b: 3}
      same: *base
""",
    )
    read_folder(folder, (Keeper("Service", Resource("", "v1", "services")),))
    assert seen == {
        "date": "2026-01-02",
        "time": "12:30:45",
        "octal": 420,
        "hex": 31,
        "yes": True,
        "nothing": None,
        "quoted": "5",
        "float": 1.5,
        "infinite": ".inf",
        "8080": "port",
        "base": {"a": 1, "b": 2},
        "more": {"a": 1, "b": 3},
        "same": {"a": 1, "b": 2},
    }


BOMB = "a: &a [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a},*{a}]\n"
    for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
MISTAKES: dict[str, tuple[str | bytes, str]] = {
    "not yaml": (
        "a: [1, 2\nb: 3\n",
        "TB1016 The file is not YAML: while parsing a flow sequence did not find expected ',' or ']' at line 2.",
    ),
    "a tab": (
        "a:\n\tb: 1\n",
        "TB1016 The file is not YAML: while scanning for the next token found character that cannot start any "
        "token at line 2, which is indented with a tab; use spaces.",
    ),
    "not utf-8": (
        b"a: 1\nb: \xe9\n",
        "TB1015 The file is not UTF-8: byte 0xe9 at line 2 cannot stand there.",
    ),
    "utf-16": (
        "a: 1\n".encode("utf-16"),
        "TB1015 The file is not UTF-8: byte 0xff at line 1 cannot stand there.",
    ),
    "a zero byte": (b"a: \x00\n", "TB1016 The file is not YAML: "),
    "a list": ("- a\n- b\n", "TB1017 This is no Kubernetes object: it is a list at line 1."),
    "a text": ("hello\n", 'TB1017 This is no Kubernetes object: it is the text "hello" at line 1.'),
    "no kind": ("\napiVersion: v1\n", "TB1017 This is no Kubernetes object: kind is missing at line 2."),
    "kind is a number": (
        "apiVersion: v1\nkind: 5\n",
        "TB1017 This is no Kubernetes object: kind is 5, not a text at line 1.",
    ),
    "no apiVersion": (
        "kind: Service\nmetadata: {name: a}\n",
        "TB1017 This is no Kubernetes object: apiVersion is missing.",
    ),
    "no metadata": (
        "apiVersion: v1\nkind: Service\n",
        "TB1017 This is no Kubernetes object: metadata is missing.",
    ),
    "no name": (
        "apiVersion: v1\nkind: Service\nmetadata: {}\n",
        "TB1017 This is no Kubernetes object: metadata.name is missing.",
    ),
    "name is a number": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: 12}\n",
        "TB1017 This is no Kubernetes object: metadata.name is 12, not a text.",
    ),
    "namespace is a list": (
        "apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: [b]}\n",
        "TB1017 This is no Kubernetes object: metadata.namespace is […], not a text.",
    ),
    "an anchor bomb": (BOMB, "TB1016 The file is not YAML: it unfolds to more than 200000 values at line 6."),
    "an anchor inside itself": (
        "a: &a [*a]\n",
        "TB1016 The file is not YAML: the alias *a at line 1 refers to nothing before it.",
    ),
    "too deep": (
        "[" * 100_000,
        "TB1016 The file is not YAML: it is nested more than 100 levels deep at line 1.",
    ),
    "a foreign tag": (
        "a: !!python/name:os.system x\n",
        "TB1016 The file is not YAML: the tag tag:yaml.org,2002:python/name:os.system at line 1 is not known.",
    ),
    "a mapping as key": ("? {a: 1}\n: 2\n", "TB1016 The file is not YAML: the key at line 1 is no text."),
    "huge": (
        b"#" * 5_000_001,
        "TB1026 a.yaml cannot be read: it has 5000001 bytes, and more than 5000000 are not read.",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_in_one_file_is_a_sentence_and_spares_the_other_files(folder, mistake):
    text, sentence = MISTAKES[mistake]
    (folder / "a.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    write(folder, "b.yaml", SERVICE)
    content = read_folder(folder, KINDS)
    assert refs(content) == ["Service/default/web"]
    (line,) = said(content)
    assert line.startswith("a.yaml:")
    assert line.split(" ", 1)[1].startswith(sentence)


def test_a_mistake_has_the_line_where_it_is(folder):
    write(folder, "a.yaml", "apiVersion: v1\nkind: Node\nmetadata: {name: n}\n---\n---\n\nkind: 7\n")
    assert said(read_folder(folder, KINDS)) == [
        "a.yaml:7 TB1017 This is no Kubernetes object: kind is 7, not a text at line 7."
    ]


def test_json_that_is_none_is_a_sentence(folder):
    write(folder, "a.json", '{\n "kind": "Service",\n}')
    assert said(read_folder(folder, KINDS)) == [
        "a.json:3 TB1026 a.json cannot be read: it is not JSON, expecting property name enclosed in double "
        "quotes at line 3, column 1."
    ]


def test_json_nested_too_deeply_is_a_sentence(folder):
    write(folder, "a.json", "[" * 100_000 + "]" * 100_000)
    (line,) = said(read_folder(folder, KINDS))
    assert "it is nested more than 100 levels deep" in line


def test_a_key_that_stands_twice_makes_its_object_flawed(folder):
    write(folder, "a.yaml", SERVICE + "    spec:\n      port: 1\n      other: 2\n      port: 3\n")
    write(folder, "b.json", '{"apiVersion": "v1", "kind": "Node",\n"metadata": {"name": "n"},\n"kind": "Node"}')
    assert said(read_folder(folder, KINDS)) == [
        "a.yaml:6 TB1027 spec.port stands on line 6 and again on line 8.",
        "b.json:1 TB1027 kind stands on line 1 and again on line 3.",
    ]


def test_of_an_object_that_stands_there_twice_the_first_counts(folder):
    write(folder, "a.yaml", SERVICE + "    data: first\n")
    write(folder, "b.yaml", "# comment\n---\n" + dedent(SERVICE) + "data: second\n")
    content = read_folder(folder, KINDS)
    assert [event.obj.spec for event in content.events] == ["first"]
    assert said(content) == [
        "a.yaml:4 TB1018 Service/default/web stands in this folder twice; it is also in b.yaml, line 3."
    ]


def test_a_decoder_that_fails_concerns_one_object(folder):
    write(folder, "a.yaml", SERVICE + "    data: crash\n")
    write(folder, "b.yaml", SERVICE.replace("web", "good"))
    content = read_folder(folder, KINDS)
    assert refs(content) == ["Service/default/good"]
    assert said(content) == ["a.yaml:1 TB9001 Turnbuckle failed on this object (KeyError: 'crash')."]


def test_a_folder_that_is_not_there_is_a_sentence(folder):
    content = read_folder(folder / "nowhere", KINDS)
    assert not content.complete
    assert said(content) == [f"{folder}/nowhere TB1026 {folder}/nowhere cannot be read: no such file or directory."]


def test_a_single_file_may_stand_for_a_folder(folder):
    write(folder, "a.yaml", SERVICE)
    write(folder, "b.yaml", SERVICE.replace("web", "other"))
    assert refs(read_folder(folder / "a.yaml", KINDS)) == ["Service/default/web"]


def test_a_link_to_nothing_and_a_pipe_are_sentences(folder):
    (folder / "a.yaml").symlink_to(folder / "nowhere")
    os.mkfifo(folder / "b.yaml")
    assert said(read_folder(folder, KINDS)) == [
        "a.yaml:1 TB1026 a.yaml cannot be read: it points to nothing.",
        "b.yaml:1 TB1026 b.yaml cannot be read: it is no file.",
    ]


@pytest.fixture
def unprivileged() -> Iterator[Path]:
    """A folder, read as a user who is not root."""
    place = Path(tempfile.mkdtemp())
    place.chmod(0o755)
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    yield place
    os.seteuid(user)
    shutil.rmtree(place)


def test_files_and_folders_that_may_not_be_read_are_sentences(unprivileged):
    privileged = os.geteuid()
    if os.getuid() == 0:
        os.seteuid(0)
    write(unprivileged, "a.yaml", SERVICE)
    write(unprivileged, "sub/b.yaml", SERVICE.replace("web", "other"))
    (unprivileged / "a.yaml").chmod(0)
    (unprivileged / "sub").chmod(0)
    os.seteuid(privileged)
    assert said(read_folder(unprivileged, KINDS)) == [
        "sub TB1026 sub cannot be read: permission denied.",
        "a.yaml:1 TB1026 a.yaml cannot be read: permission denied.",
    ]
    if os.getuid() != 0:
        (unprivileged / "sub").chmod(0o700)


def test_the_objects_that_a_broken_file_seems_to_hold_are_flawed_and_not_absent(folder):
    text = dedent(SERVICE) + "---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  labels: {}\n  name: vs\n"
    write(folder, "a.yaml", text + "  namespace: shop\ndata: {{\n")
    content = read_folder(folder, KINDS)
    assert [str(event.ref) for event in content.events if isinstance(event, Flawed)] == [
        "Service/default/web",
        "ConfigMap/shop/vs",
    ]
    assert said(content)[1].endswith(
        "TB1028 Service/default/web seems to stand in a.yaml, which cannot be read as it is now."
    )


def test_a_guess_from_a_broken_file_yields_to_an_object_in_a_good_one(folder):
    write(folder, "a.yaml", dedent(SERVICE) + "x: {{\n")
    write(folder, "b.yaml", SERVICE)
    content = read_folder(folder, KINDS)
    assert refs(content) == ["Service/default/web"]
    assert [one.code for one in content.issues] == ["TB1016"]


def test_what_a_vanished_folder_said_stays_and_only_the_folder_is_reported(folder):
    place = folder / "place"
    write(place, "a.yaml", SERVICE)
    reader = Folder(place, KINDS)
    reader.take(reader.look())
    write(place, "a.yaml", "a: [")
    assert [one.code for one in reader.take(reader.look()).issues] == ["TB1016"]
    place.rename(folder / "elsewhere")
    gone = reader.take(reader.look())
    assert (gone.events, gone.complete) == ((), False)
    assert [str(one.about) for one in gone.issues] == [f"File/{place}"]
    (folder / "elsewhere").rename(place)
    back = reader.take(reader.look())
    assert (back.events, [one.code for one in back.issues]) == ((), ["TB1016"])
