"""What a folder says that nobody would look at: labels, kinds and versions that are nearly right, names, odd labels."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from turnbuckle import registry
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Flawed, Put
from turnbuckle.sources.files import FolderContent, read_folder
from turnbuckle.sources.files.folder import Folder

SCHEMA = "f5schemadb://bigip-virtual-server_v0.1.7.json"


def manifest(**change: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": {"schema": SCHEMA}, **change}


def read(folder: Path, *objects: dict[str, Any]) -> FolderContent:
    (folder / "all.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))
    return read_folder(folder, registry.kinds())


def told(content: FolderContent) -> list[Issue]:
    flawed = [issue for event in content.events if isinstance(event, Flawed) for issue in event.issues]
    return [*content.issues, *flawed]


def one(content: FolderContent) -> tuple[str, str, str]:
    (issue,) = [issue for issue in told(content) if issue.code != "TB1036"]
    return issue.severity, issue.field, issue.text


@pytest.mark.parametrize(
    ("labels", "field", "clause"),
    [
        (None, "metadata.labels", "the label f5type is missing"),
        ({"app": "web", "type": "x"}, "metadata.labels", "the label f5type is missing"),
        ({"f5Type": "virtual-server"}, "metadata.labels[f5Type]", "the label f5type is written f5Type"),
        ({"f5tpye": "virtual-server"}, "metadata.labels[f5tpye]", "the label f5type is written f5tpye"),
        ({"f5type": "virtualserver"}, "metadata.labels[f5type]", 'the label f5type is "virtualserver"'),
        ({"f5type": True}, "metadata.labels[f5type]", "the label f5type is true"),
    ],
)
def test_an_f5_resource_without_the_label_is_told_and_not_published(tmp_path, labels, field, clause):
    content = read(tmp_path, manifest(metadata={"name": "web", "labels": labels}))
    assert one(content) == (
        "WARNING",
        field,
        f"data.schema names an F5 resource, but {clause}: nothing is published."
        " Write the label f5type: virtual-server.",
    )
    assert not [event for event in content.events if isinstance(event, Put)]


def test_labels_that_are_a_list_are_told_and_other_config_maps_are_none_of_our_business(tmp_path):
    content = read(tmp_path, manifest(metadata={"name": "web", "labels": ["f5type"]}))
    assert one(content) == (
        "WARNING",
        "metadata.labels",
        'metadata.labels is […], which Kubernetes does not take. Write texts there, in quotes: name: "text".',
    )
    other = manifest(metadata={"name": "Odd_Name", "labels": {"tier": 1}}, data={"key": "value"})
    assert [issue.code for issue in told(read(tmp_path, other))] == ["TB1036"]


def test_a_label_or_annotation_that_is_no_text_is_told(tmp_path):
    metadata = {"name": "web", "labels": {"tier": 1, "empty": None}, "annotations": {"on": True, "a": "b"}}
    content = read(tmp_path, {"apiVersion": "v1", "kind": "Service", "metadata": metadata})
    assert [(issue.severity, issue.field, issue.message) for issue in told(content)] == [
        ("WARNING", "metadata.labels[tier]", "metadata.labels[tier] is 1, which Kubernetes does not take."),
        ("WARNING", "metadata.annotations[on]", "metadata.annotations[on] is true, which Kubernetes does not take."),
    ]
    assert len(content.events) == 1


@pytest.mark.parametrize(
    ("version", "kind", "field", "text"),
    [
        ("v1", "ConfigMapp", "kind", 'kind "ConfigMapp" is not read. Did you mean "ConfigMap"?'),
        ("v1", "configmap", "kind", 'kind "configmap" is not read. Did you mean "ConfigMap"?'),
        ("v1", "Endpoint", "kind", 'kind "Endpoint" is not read. Did you mean "Endpoints"?'),
        ("v2", "ConfigMap", "apiVersion", 'A ConfigMap of apiVersion "v2" is not read. Write apiVersion: v1.'),
        (
            "discovery.k8s.io/v1beta1",
            "EndpointSlice",
            "apiVersion",
            'An EndpointSlice of apiVersion "discovery.k8s.io/v1beta1" is not read.'
            " Write apiVersion: discovery.k8s.io/v1.",
        ),
    ],
)
def test_a_kind_or_version_that_is_nearly_one_of_ours_is_told_with_its_line(tmp_path, version, kind, field, text):
    lines = f"apiVersion: {version}\nkind: {kind}\nmetadata:\n  name: web\n"
    (tmp_path / "a.yaml").write_text(lines)
    content = read_folder(tmp_path, registry.kinds())
    assert one(content) == ("WARNING", field, text)
    (issue,) = content.issues
    assert content.origins[issue.about].line_of(issue.field) == (1 if field == "apiVersion" else 2)


@pytest.mark.parametrize(
    ("version", "kind"),
    [("v1", "ServiceAccount"), ("serving.knative.dev/v1", "Service"), ("apps/v1", "Deployment"), ("v1", "Pod")],
)
def test_kinds_of_others_are_left_alone(tmp_path, version, kind):
    content = read(tmp_path, {"apiVersion": version, "kind": kind, "metadata": {"name": "web"}})
    assert [issue.code for issue in told(content)] == ["TB1036"]


@pytest.mark.parametrize("name", ["A_B!", "a/b", "-a", "a.", "a" * 254])
def test_a_name_that_kubernetes_does_not_take_is_refused_with_what_is_allowed(tmp_path, name):
    labels = {"f5type": "virtual-server"}
    severity, field, text = one(read(tmp_path, manifest(metadata={"name": name, "labels": labels})))
    assert (severity, field) == ("ERROR", "metadata.name")
    assert text.endswith("Use small letters, digits, hyphens and dots, up to 253, with a letter or digit at both ends.")
    good = {"name": "web.7-a", "namespace": "Shop", "labels": labels}
    assert one(read(tmp_path, manifest(metadata=good)))[:2] == ("ERROR", "metadata.namespace")


def test_the_size_of_a_huge_file_is_the_size_on_the_disk(tmp_path):
    (tmp_path / "a.yaml").write_bytes(b"#" * 7_654_321)
    (issue,) = told(read_folder(tmp_path, registry.kinds()))
    assert "has 7654321 bytes" in issue.message


def test_a_warning_about_a_file_does_not_keep_what_it_held_before(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: web}\n")
    folder = Folder(tmp_path, registry.kinds())
    assert len(folder.take(folder.look()).events) == 1
    path.write_text("apiVersion: v1\nkind: Servicee\nmetadata: {name: web}\n")
    content = folder.take(folder.look())
    assert [str(event.ref) for event in content.events] == ["Service/default/web"]
