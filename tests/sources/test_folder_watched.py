"""A folder of manifests that changes while it is read."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from sources.collect import CONFIG_MAPS, SERVICES, Reader, reading
from turnbuckle.model.issue import Issue
from turnbuckle.model.ref import Synced
from turnbuckle.sources.files import FolderSource

KINDS = (SERVICES, CONFIG_MAPS)


def manifest(name: str, data: str = "1") -> str:
    return f"apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\ndata: '{data}'\n"


class Reports:
    """The issues of the folder as they were reported."""

    def __init__(self) -> None:
        self.all: list[list[str]] = []

    def __call__(self, issues: Sequence[Issue]) -> None:
        self.all.append([f"{issue.about.name} {issue.code}" for issue in issues])

    @property
    def last(self) -> list[str]:
        return self.all[-1] if self.all else []


@asynccontextmanager
async def watching(folder: Path) -> AsyncIterator[tuple[Reader, Reports]]:
    reports = Reports()
    async with reading(FolderSource(folder, KINDS, reports)) as reader:
        yield reader, reports


async def test_what_is_there_is_told_before_synced_and_changes_after(tmp_path):
    (tmp_path / "a.yaml").write_text(manifest("a"))
    async with watching(tmp_path) as (reader, reports):
        await reader.until(lambda: reader.synced)
        assert reader.objects == {"Service/default/a": "1"}
        assert reader.events[-1] == Synced("files")
        (tmp_path / "a.yaml").write_text(manifest("a", "2"))
        (tmp_path / "sub").mkdir()
        (tmp_path / "sub" / "b.yaml").write_text(manifest("b"))
        await reader.until(lambda: reader.objects == {"Service/default/a": "2", "Service/default/b": "1"})
        (tmp_path / "a.yaml").unlink()
        await reader.until(lambda: reader.objects == {"Service/default/b": "1"})
        assert reader.synced == 1
        assert reports.all == []


async def test_only_a_file_that_changed_is_told_again(tmp_path):
    for name in ("a", "b", "c"):
        (tmp_path / f"{name}.yaml").write_text(manifest(name))
    async with watching(tmp_path) as (reader, _):
        await reader.until(lambda: reader.synced)
        (tmp_path / "b.yaml").write_text(manifest("b", "2"))
        await reader.until(lambda: reader.objects["Service/default/b"] == "2")
        assert [len(batch) for batch in reader.batches] == [4, 1]


async def test_a_file_that_is_broken_now_keeps_what_it_said_until_it_is_mended(tmp_path):
    (tmp_path / "a.yaml").write_text(manifest("a"))
    async with watching(tmp_path) as (reader, reports):
        await reader.until(lambda: reader.synced)
        (tmp_path / "a.yaml").write_text(manifest("a") + "x: {{\n")
        await reader.until(lambda: reports.last == ["a.yaml TB1016"])
        assert reader.objects == {"Service/default/a": "1"}
        (tmp_path / "a.yaml").write_text(manifest("a", "3"))
        await reader.until(lambda: reports.last == [] and reader.objects == {"Service/default/a": "3"})
        assert reader.gone == []


async def test_a_document_that_loses_its_name_does_not_delete_its_object_and_its_neighbours_go_on(tmp_path):
    (tmp_path / "a.yaml").write_text(manifest("a") + "---\n" + manifest("b"))
    async with watching(tmp_path) as (reader, reports):
        await reader.until(lambda: reader.synced)
        (tmp_path / "a.yaml").write_text(manifest("a", "2") + "---\n" + manifest("").replace("name: ", "nam: x"))
        await reader.until(lambda: reader.objects == {"Service/default/a": "2", "Service/default/b": "1"})
        assert reports.last == ["a.yaml TB1017"]
        (tmp_path / "a.yaml").write_text(manifest("a", "2"))
        await reader.until(lambda: reader.objects == {"Service/default/a": "2"})


async def test_a_file_that_is_written_anew_never_seems_empty(tmp_path):
    (tmp_path / "a.yaml").write_text(manifest("a"))
    async with watching(tmp_path) as (reader, _):
        await reader.until(lambda: reader.synced)
        for number in range(10):
            with (tmp_path / "a.yaml").open("w") as file:
                file.flush()
                await asyncio.sleep(0.05)
                file.write(manifest("a", f"new{number}"))
        await reader.until(lambda: reader.objects == {"Service/default/a": "new9"})
        assert reader.gone == []


async def test_a_file_replaced_by_a_rename_is_followed(tmp_path):
    (tmp_path / "a.yaml").write_text(manifest("a"))
    async with watching(tmp_path / "a.yaml") as (reader, _):
        await reader.until(lambda: reader.synced)
        (tmp_path / "new").write_text(manifest("a", "2"))
        (tmp_path / "new").rename(tmp_path / "a.yaml")
        await reader.until(lambda: reader.objects == {"Service/default/a": "2"})


async def test_a_mounted_config_map_is_followed_through_its_links(tmp_path):
    def version(number: str) -> None:
        (tmp_path / f"..{number}").mkdir()
        (tmp_path / f"..{number}" / "a.yaml").write_text(manifest("a", number))
        (tmp_path / "..tmp").symlink_to(f"..{number}")
        (tmp_path / "..tmp").rename(tmp_path / "..data")

    version("1")
    (tmp_path / "a.yaml").symlink_to("..data/a.yaml")
    async with watching(tmp_path) as (reader, _):
        await reader.until(lambda: reader.synced)
        assert reader.objects == {"Service/default/a": "1"}
        version("2")
        await reader.until(lambda: reader.objects == {"Service/default/a": "2"})


async def test_a_folder_that_is_not_there_yet_is_not_an_empty_one(tmp_path):
    async with watching(tmp_path / "later") as (reader, reports):
        await reader.until(lambda: reports.last)
        assert reader.events == []
        (tmp_path / "later").mkdir()
        (tmp_path / "later" / "a.yaml").write_text(manifest("a"))
        await reader.until(lambda: reader.synced, 20)
        assert reader.objects == {"Service/default/a": "1"}
        assert reports.last == []


async def test_a_folder_that_vanishes_keeps_what_it_said(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.yaml").write_text(manifest("a"))
    async with watching(folder) as (reader, reports):
        await reader.until(lambda: reader.synced)
        shutil.move(folder, tmp_path / "elsewhere")
        await reader.until(lambda: reports.last == [f"{folder} TB1026"], 20)
        assert reader.objects == {"Service/default/a": "1"}
        folder.mkdir()
        (folder / "a.yaml").write_text(manifest("a", "back"))
        await reader.until(lambda: reader.objects == {"Service/default/a": "back"}, 20)
        assert reader.gone == []


async def test_an_object_that_moves_to_another_file_is_never_gone(tmp_path):
    (tmp_path / "a.yaml").write_text(manifest("a"))
    async with watching(tmp_path) as (reader, _):
        await reader.until(lambda: reader.synced)
        (tmp_path / "a.yaml").unlink()
        await asyncio.sleep(0.05)
        (tmp_path / "b.yaml").write_text(manifest("a", "moved"))
        await reader.until(lambda: reader.objects == {"Service/default/a": "moved"})
        assert reader.gone == []
