"""What follows from settings: identities, what the middle reads of them, and what may change while running."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from turnbuckle.config import Config, Reloader, Sealed, difference, folder_id, identities, load, settings_of


def test_a_folder_is_known_by_its_absolute_path(tmp_path: Path) -> None:
    expected = "files:" + hashlib.sha256(str(tmp_path).encode()).hexdigest()[:12]
    assert folder_id(tmp_path) == expected
    assert folder_id(tmp_path / "x" / "..") == expected


def test_identities_are_given_or_follow_from_the_source(tmp_path: Path) -> None:
    config = Config(folder=tmp_path)
    assert identities(config) == (folder_id(tmp_path), folder_id(tmp_path))
    assert identities(Config(), "uid-1") == ("uid-1", "uid-1")
    assert identities(Config(controller_id="mine"), "uid-1") == ("mine", "uid-1")


def test_the_middle_reads_the_settings_that_concern_it() -> None:
    config = Config(
        bigip_partition=("a", "b"),
        pool_member_type="cluster",
        use_node_internal=False,
        node_label_selector="x=y",
        vs_snat_pool_name="/Common/s",
        share_nodes=True,
        members_only=True,
    )
    found = settings_of(config, "me", "here")
    assert (found.controller_id, found.cluster_id) == ("me", "here")
    assert (found.partitions, found.pool_member_type, found.use_node_internal) == (("a", "b"), "cluster", False)
    assert (found.node_label_selector, found.snat_pool) == ("x=y", "/Common/s")
    assert found.share_nodes
    assert found.members_only


def test_a_password_takes_effect_at_once_and_a_partition_needs_a_restart() -> None:
    old = Config(bigip_partition=("a",), bigip_password=Sealed("old"))
    found = difference(old, replace(old, bigip_partition=("b",), bigip_password=Sealed("new")))
    assert found.live == ("bigip-password",)
    assert found.restart == ("bigip-partition",)


FULL = "bigip-url: bigip\nbigip-username: admin\nbigip-password: {}\nbigip-partition: {}\nfolder: {}\n"


def test_a_changed_file_takes_effect_as_far_as_it_can(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(FULL.format("old", "k8s", tmp_path))
    flags = {"config": [str(file)]}
    reloader = Reloader(flags, {}, load(flags, {}))
    assert reloader.look() is None
    file.write_text(FULL.format("newer", "other", tmp_path))
    reloaded = reloader.look()
    assert reloaded is not None
    assert reloaded.live == ("bigip-password",)
    assert reloaded.restart == ("bigip-partition",)
    assert reloaded.config.bigip_password.reveal() == "newer"
    assert reloaded.config.bigip_partition == ("k8s",)
    assert reloader.look() is None


def test_a_file_with_a_mistake_changes_nothing_and_is_told(tmp_path: Path) -> None:
    file = tmp_path / "c.yaml"
    file.write_text(FULL.format("old", "k8s", tmp_path))
    flags = {"config": [str(file)]}
    reloader = Reloader(flags, {}, load(flags, {}))
    file.write_text(FULL.format("newer", "Common", tmp_path))
    reloaded = reloader.look()
    assert reloaded is not None
    assert [mistake.setting for mistake in reloaded.mistakes] == ["bigip-partition"]
    assert reloaded.config.bigip_password.reveal() == "old"
    file.unlink()
    assert reloader.look() is None
