"""Uploads: files that come in chunks, each with its place in a Content-Range header, for other requests to use."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from bigipsim.exchange import Refused, Request, Response
from bigipsim.filestore import FOLDER, Upload
from bigipsim.rest import errors
from bigipsim.rest.accounts import Caller
from bigipsim.rest.routing import Route

if TYPE_CHECKING:
    from bigipsim.box import Box

_RANGE: Final = re.compile(r"(?P<start>\d+)-(?P<end>\d+)/(?P<total>\d+)")
"""Without the unit "bytes" that HTTP has there; the end is the last byte of the chunk."""


def _upload(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    if not any(caller.may_write(partition, "sys/file/ssl-cert") for partition in caller.roles):
        raise errors.role_denied(caller.name, request.method, request.path, request.peer)
    name, header = match["name"], request.headers.get("content-range", "")
    found = _RANGE.fullmatch(header.strip())
    if found is None:
        raise _refused(request, f'Content-Range header "{header}" is not of the form <start>-<end>/<total>')
    start, end, total = (int(found[part]) for part in ("start", "end", "total"))
    if end - start + 1 != len(request.body) or end >= total:
        raise _refused(
            request,
            f"Chunk byte count {end - start + 1} in Content-Range header: {header} "
            f"different from received buffer length {len(request.body)}",
        )
    uploads = box.tree.files.uploads
    if start == 0:
        uploads[name] = Upload(total)
    upload = uploads.get(name)
    if upload is None or (upload.total, len(upload.content)) != (total, start):
        raise _refused(request, f"Content-Range header {header} does not follow the chunks of {name} that came before")
    upload.add(request.body)
    return Response.json(200, _progress(box, name, upload))


def _progress(box: Box, name: str, upload: Upload) -> dict[str, object]:
    return {
        "remainingByteCount": upload.missing,
        "usedChunks": {str(start): length for start, length in upload.chunks.items()},
        "totalByteCount": upload.total,
        "localFilePath": f"{FOLDER}/{name}",
        "temporaryFilePath": f"{FOLDER}/tmp/{name}",
        "generation": 0,
        "lastUpdateMicros": int(box.clock.now() * 1_000_000),
    }


def _refused(request: Request, message: str) -> Refused:
    # The words but those about the length of a chunk are assumed.
    return errors.framework(400, message, request.peer)


ROUTES: Final = (Route("POST", r"shared/file-transfer/uploads/(?P<name>[A-Za-z0-9._-]+)", _upload),)
