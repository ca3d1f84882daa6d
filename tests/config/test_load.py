"""Who wins, what excludes what, and that every mistake is told at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from turnbuckle.config import Config, Loaded, load, needs_folder, needs_of_run
from turnbuckle.config.originals import KNOWN, ORIGINALS
from turnbuckle.config.settings import SETTINGS, Setting

NOTHING: Mapping[str, Sequence[str]] = {}


def in_file(tmp_path: Path, text: str | bytes, **flags: str) -> Loaded:
    """The settings with a configuration file of this text."""
    file = tmp_path / "turnbuckle.yaml"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    given = {name.replace("_", "-"): [value] for name, value in flags.items()}
    return load({"config": [str(file)], **given}, {})


def sentences(loaded: Loaded) -> str:
    return "\n".join(mistake.text for mistake in loaded.mistakes)


def test_without_anything_given_the_defaults_are_in_force() -> None:
    loaded = load(NOTHING, {})
    assert loaded.config == Config()
    assert not loaded.mistakes
    assert not loaded.notes
    assert all(value.origin == "default" for value in loaded.values.values())


def test_a_flag_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("bigip-url: https://file\nbigip-username: file\nbigip-partition: file\n")
    flags = {"config": [str(file)], "bigip-url": ["https://flag"]}
    loaded = load(flags, {"BIGIP_URL": "https://env", "BIGIP_USERNAME": "env"})
    assert loaded.config.bigip_url == "https://flag"
    assert loaded.config.bigip_username == "env"
    assert loaded.config.bigip_partition == ("file",)
    assert loaded.values["bigip-url"].origin == "flag"
    assert loaded.values["bigip-username"].origin == "environment BIGIP_USERNAME"
    assert loaded.values["bigip-partition"].origin == f"file {file}:3"


@pytest.mark.parametrize("unset", ["", "  ", "$(BIGIP_USERNAME)"])
def test_a_value_that_a_variable_left_empty_counts_as_not_given(unset: str) -> None:
    loaded = load({"bigip-username": [unset]}, {"BIGIP_USERNAME": "env"})
    assert loaded.config.bigip_username == "env"
    assert not loaded.mistakes


def test_the_last_of_a_repeated_flag_counts_and_a_list_takes_all() -> None:
    loaded = load({"save": ["batch", "never"], "namespace": ["a", "b"]}, {})
    assert loaded.config.save == "never"
    assert loaded.config.namespace == ("a", "b")


def test_every_mistake_of_flags_environment_and_file_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text("bigip-partition: Common\nnamespce: shop\ninsecure: maybe\n")
    loaded = load({"config": [str(file)], "pool-member-type": ["x"]}, {"BIGIP_URL": "https://h/p"})
    text = sentences(loaded)
    assert f"{file}:1: bigip-partition is Common" in text
    assert f'{file}:2: namespce is no setting. Did you mean "namespace"?' in text
    assert f"{file}:3: insecure is" in text
    assert "--pool-member-type is" in text
    assert "BIGIP_URL is" in text
    assert len(loaded.mistakes) == 5


def test_namespaces_by_name_and_by_label_exclude_each_other() -> None:
    loaded = load({"namespace": ["a"], "namespace-label": ["team=a"]}, {})
    assert "exclude each other" in sentences(loaded)


@pytest.mark.parametrize("word", ["auto", "nodeportlocal"])
def test_member_types_of_the_original_that_are_not_here_are_refused_with_a_sentence(word: str) -> None:
    assert f"is {word}, which" in sentences(load({"pool-member-type": [word]}, {}))


def test_the_agent_answers_to_its_old_name_and_refuses_as3() -> None:
    assert load({"agent": ["cccl"]}, {}).config.agent == "icontrol"
    assert "not built yet" in sentences(load({"agent": ["as3"]}, {}))


def test_the_log_level_may_be_written_in_small_letters() -> None:
    assert load({"log-level": ["as3debug"]}, {}).config.log_level == "AS3DEBUG"


def test_a_kubeconfig_that_is_given_is_used() -> None:
    assert load(NOTHING, {}).config.running_in_cluster
    assert not load({"kubeconfig": ["/x"]}, {}).config.running_in_cluster
    both = load({"kubeconfig": ["/x"], "running-in-cluster": ["true"]}, {})
    assert not both.config.running_in_cluster
    assert any("--kubeconfig is given" in note for note in both.notes)


@pytest.mark.parametrize("setting", ORIGINALS, ids=lambda setting: setting.name)
def test_a_flag_of_the_original_without_effect_is_accepted_and_said_once(setting: Setting) -> None:
    name = setting.name
    for text in ("true", "7", "standalone", "openshift", "https://x"):
        loaded = load({name: [text, text]}, {})
        if not loaded.mistakes:
            assert [note for note in loaded.notes if f"--{name} has no meaning here" in note] == list(loaded.notes)
            assert len(loaded.notes) == 1
            return
    pytest.fail(f"no text was accepted for {name}")


def test_a_flag_of_the_original_keeps_its_type() -> None:
    assert "whole number" in sentences(load({"verify-interval": ["soon"]}, {}))
    assert "neither true nor false" in sentences(load({"ipam": ["maybe"]}, {}))


FLAGS_OF_THE_ORIGINAL = [
    "python-basedir",
    "log-level",
    "cccl-log-level",
    "log-file",
    "verify-interval",
    "refresh-token-interval",
    "node-poll-interval",
    "periodic-sync-interval",
    "http-listen-address",
    "https-listen-address",
    "disable-teems",
    "static-routing-mode",
    "orchestration-cni",
    "shared-static-routes",
    "static-route-node-cidr",
    "enable-ipv6",
    "custom-resource-mode",
    "controller-mode",
    "default-route-domain",
    "shared-default-route-domain",
    "route-spec-configmap",
    "extended-spec-configmap",
    "bigip-url",
    "bigip-username",
    "bigip-password",
    "credentials-directory",
    "bigip-partition",
    "allowed-partitions",
    "denied-partitions",
    "as3-validation",
    "insecure",
    "as3-post-delay",
    "log-as3-response",
    "share-nodes",
    "tls-version",
    "cipher-group",
    "ciphers",
    "trusted-certs-cfgmap",
    "agent",
    "cccl-gtm-agent",
    "override-as3-declaration",
    "filter-tenants",
    "http-client-metrics",
    "namespace",
    "namespace-label",
    "use-node-internal",
    "pool-member-type",
    "running-in-cluster",
    "kubeconfig",
    "manage-routes",
    "manage-ingress",
    "manage-configmaps",
    "hubmode",
    "pod-graceful-shutdown",
    "node-label-selector",
    "resolve-ingress-names",
    "default-ingress-ip",
    "vs-snat-pool-name",
    "use-secrets",
    "schema-db-base-dir",
    "manage-ingress-class-only",
    "ingress-class",
    "ipam",
    "ipam-cluster-label",
    "ipam-namespace",
    "load-balancer-class",
    "manage-load-balancer-class-only",
    "custom-resource-label",
    "openshift-sdn-name",
    "flannel-name",
    "cilium-name",
    "route-vserver-addr",
    "route-label",
    "route-http-vserver",
    "route-https-vserver",
    "default-client-ssl",
    "default-server-ssl",
    "gtm-bigip-url",
    "gtm-bigip-username",
    "gtm-bigip-password",
    "gtm-credentials-directory",
    "multi-cluster-mode",
    "local-cluster-name",
]


def test_every_flag_of_the_original_is_known() -> None:
    assert not set(FLAGS_OF_THE_ORIGINAL) - set(KNOWN)
    assert {s.name for s in SETTINGS if s.original} | {s.name for s in ORIGINALS} == set(FLAGS_OF_THE_ORIGINAL)


# ---- the file


def test_a_file_holds_texts_lists_and_switches(tmp_path: Path) -> None:
    loaded = in_file(
        tmp_path,
        "bigip-url: bigip.example.com\nbigip-partition: [k8s, dev]\nnamespace: shop\ninsecure: true\n"
        "bigip-password: 0123\nlog-level:\nuse-node-internal: false\n",
    )
    assert not loaded.mistakes
    assert loaded.config.bigip_partition == ("k8s", "dev")
    assert loaded.config.namespace == ("shop",)
    assert loaded.config.insecure
    assert not loaded.config.use_node_internal
    assert loaded.config.bigip_password.reveal() == "0123"
    assert loaded.config.log_level == "INFO"


def test_a_namespace_called_no_needs_no_quotes(tmp_path: Path) -> None:
    assert in_file(tmp_path, "namespace: no").config.namespace == ("no",)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("- a\n", "is no mapping"),
        ("just text", "is no mapping"),
        ("a: b: c\n", "is not YAML"),
        ("\tinsecure: true\n", "is not YAML"),
        ("insecure: true\n---\ninsecure: false\n", "more than one document"),
        ("insecure: true\ninsecure: false\n", ":1: insecure stands there 2 times: on lines 1 and 2."),
        ("namespace: {a: b}\n", "is a mapping"),
        ("log-level: [INFO]\n", "is a list"),
        ("namespace: [[a]]\n", "more than texts"),
        ("bigip_url: x\n", 'Did you mean "bigip-url"?'),
        ("? [a]\n: b\n", "is no setting"),
        ("config: other.yaml\n", "cannot stand in a configuration file"),
        (b"bigip-url: \xff\xfe\n", "is not UTF-8"),
        ("[" * 5000, "is"),
    ],
)
def test_a_file_that_is_no_configuration_is_refused_in_a_sentence(
    tmp_path: Path, text: str | bytes, words: str
) -> None:
    loaded = in_file(tmp_path, text)
    assert words in sentences(loaded)
    assert str(tmp_path) in sentences(loaded)


def test_an_empty_file_says_nothing(tmp_path: Path) -> None:
    assert in_file(tmp_path, "").config == in_file(tmp_path, "# nothing\n").config
    assert not in_file(tmp_path, "").mistakes


def test_a_huge_file_is_refused(tmp_path: Path) -> None:
    assert "more than" in sentences(in_file(tmp_path, "x" * 1_000_000))


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path) -> None:
    assert "cannot be read" in sentences(load({"config": [str(tmp_path / "absent.yaml")]}, {}))


def test_a_directory_as_the_file_is_a_mistake(tmp_path: Path) -> None:
    assert "cannot be read" in sentences(load({"config": [str(tmp_path)]}, {}))


# ---- what run needs


def test_run_names_everything_that_it_lacks() -> None:
    text = "\n".join(mistake.text for mistake in needs_of_run(load(NOTHING, {})))
    for name in ("--bigip-url", "--bigip-username", "--bigip-password", "--bigip-partition"):
        assert f"{name} is not given" in text


def test_run_does_not_ask_for_what_is_given_wrong() -> None:
    loaded = load({"bigip-partition": ["Common"], "bigip-url": ["https://h/x"]}, {})
    names = {mistake.setting for mistake in needs_of_run(loaded)}
    assert names == {"bigip-username", "bigip-password"}


def test_run_takes_a_folder_or_a_cluster(tmp_path: Path) -> None:
    kubeconfig = tmp_path / "config"
    kubeconfig.touch()
    loaded = load({"folder": [str(tmp_path)], "kubeconfig": [str(kubeconfig)]}, {})
    assert any("exclude each other" in mistake.text for mistake in needs_of_run(loaded))


def test_members_only_needs_no_partition() -> None:
    names = {mistake.setting for mistake in needs_of_run(load({"members-only": ["true"]}, {}))}
    assert "bigip-partition" not in names


def test_a_setting_that_stands_there_thrice_is_one_mistake_with_every_line(tmp_path: Path) -> None:
    loaded = in_file(tmp_path, "log-level: FOO\nsave: batch\nlog-level: INFO\nlog-level: DEBUG\n")
    first, second = loaded.mistakes
    assert first.message == "log-level stands there 3 times: on lines 1, 3 and 4."
    assert "FOO" in second.message
    assert (first.line, second.line) == (1, 1)


def test_a_mistake_between_settings_is_told_with_its_place_in_the_file(tmp_path: Path) -> None:
    loaded = in_file(tmp_path, "save: batch\nfolder: not-there\nnamespace: [a]\nnamespace-label: b=c\n")
    places = {m.setting: (Path(m.file).name, m.line) for m in (*loaded.mistakes, *needs_folder(loaded))}
    assert places == {"folder": ("turnbuckle.yaml", 2), "namespace-label": ("turnbuckle.yaml", 4)}


def test_a_label_of_namespaces_is_refused_for_a_folder(tmp_path: Path) -> None:
    loaded = load({"folder": (str(tmp_path),), "namespace-label": ("a=b",)}, {})
    assert [m.message for m in needs_folder(loaded)] == [
        "--namespace-label has no effect on a folder of manifests, which has no labels of namespaces."
    ]
