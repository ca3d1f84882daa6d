"""What somebody changes by hand on objects of ours is found by a light scan, told, and mended or left."""

from __future__ import annotations

import asyncio

from scenarios.loop import World, endpoints, f5_resource, service, world

WEB = (f5_resource(), service(), endpoints(2))
POOL = "/k8s/cfgmap_default_web_web"
VIRTUAL = "/k8s/default_web"


def somebody_changes_it(w: World) -> None:
    w.device.box.tree.modify("ltm/virtual", VIRTUAL, {"sourceAddressTranslation": {"type": "none"}})


def translation(w: World) -> str:
    found = w.get("ltm/virtual", VIRTUAL)
    return str(found and found["sourceAddressTranslation"]["type"])


async def test_a_virtual_server_that_somebody_changed_is_told_and_put_right() -> None:
    async with world(*WEB, verify_s=0.5) as w:
        said: list[str] = []
        w.report.changed = lambda: said.extend(issue.text for issue in w.issues("TB3022"))
        somebody_changes_it(w)
        await w.until(lambda: translation(w) == "automap")
        await w.in_sync()
        await w.until(lambda: w.issues() == [])
        assert any("snat: automap -> none" in text for text in said)


async def test_with_report_it_is_told_and_left_until_the_cluster_wants_something_else() -> None:
    async with world(*WEB, verify_s=0.3, drift="report") as w:
        somebody_changes_it(w)
        await w.until(lambda: bool(w.issues("TB3022")))
        (told,) = w.issues("TB3022")
        assert str(told.about) == "ConfigMap/default/web"
        assert "snat: automap -> none" in told.text
        writes = w.mark()
        await asyncio.sleep(0.7)
        w.cluster.tell(endpoints(3))
        await w.until(lambda: len(w.members()) == 3)
        assert not [write for write in writes() if "virtual" in write]
        assert translation(w) == "none"
        w.cluster.tell(f5_resource(frontend={"balance": "least-connections-member"}, port=8081))
        await w.until(lambda: translation(w) == "automap")
        await w.until(lambda: w.issues("TB3022") == [])


async def test_an_object_that_somebody_deleted_is_made_again() -> None:
    async with world(*WEB, verify_s=0.3) as w:
        w.device.box.tree.delete("ltm/virtual", VIRTUAL)
        await w.until(lambda: VIRTUAL in w.virtuals())


async def test_a_member_that_somebody_removed_comes_back() -> None:
    async with world(*WEB, verify_s=0.3) as w:
        tree = w.device.box.tree
        tree.delete_child("ltm/pool", POOL, "members", "/k8s/198.51.100.1:8080")
        await w.until(lambda: len(w.members()) == 2)


async def test_what_an_operator_disabled_is_no_drift() -> None:
    async with world(*WEB, verify_s=0.3) as w:
        writes = w.mark()
        w.device.box.tree.modify_child(
            "ltm/pool", POOL, "members", "/k8s/198.51.100.1:8080", {"session": "user-disabled"}
        )
        await asyncio.sleep(1.0)
        assert writes() == []
        assert w.issues() == []


async def test_a_scan_that_finds_nothing_reads_no_object_in_full() -> None:
    async with world(*WEB, verify_s=0.2) as w:
        writes = w.mark()
        # The first scan reads in full, and once, what was written before it.
        await w.until(lambda: full_reads(w)[-2:] == [0, 0])
        seen = len(full_reads(w))
        await w.until(lambda: len(full_reads(w)) >= seen + 2)
        assert full_reads(w)[-2:] == [0, 0]
        assert writes() == []


def full_reads(w: World) -> list[int]:
    """How many reads of each scan that has ended brought more than names and generations."""
    scans: list[int] = []
    for entry in w.device.journal.since(0):
        light = "$select=fullPath,generation" in entry.query
        if light and entry.path.endswith("/ltm/data-group/internal"):
            scans.append(0)
        elif scans and not light:
            scans[-1] += 1
    return scans[:-1]
