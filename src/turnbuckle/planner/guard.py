"""What must not be touched: objects that are not ours, and anything on the grounds of half the knowledge."""

from __future__ import annotations

from turnbuckle.model import issue as issues_of
from turnbuckle.model.issue import Issue
from turnbuckle.model.ltm import DesignatedPool, LtmObject
from turnbuckle.model.plan import Operation, Verb
from turnbuckle.model.tls import CertificateFile, KeyFile
from turnbuckle.planner.diff import owner_of


def is_ours(obj: LtmObject, controller_id: str) -> bool:
    """Whether an object on the device bears this controller's mark."""
    return isinstance(obj, DesignatedPool) or (obj.mark is not None and obj.mark.controller_id == controller_id)


def refuse(operation: Operation, controller_id: str, adopt: bool, synced: bool) -> Issue | bool | None:
    """Why an operation must not be done: an issue, or True for no reason that concerns a user. None: it may be done.

    synced: until every source has told everything, nothing is deleted: unknown is not empty.
    """
    before, after = operation.before, operation.after
    if isinstance(after, DesignatedPool):
        return _refuse_designated(operation, after)
    if before is not None and not is_ours(before, controller_id):
        return _refuse_foreign(operation, before, adopt)
    if isinstance(after, CertificateFile | KeyFile) and not after.pem and operation.fields != {"metadata"}:
        return _refuse_empty(operation, after)
    return (operation.verb is Verb.DELETE and not synced) or None


def _refuse_foreign(operation: Operation, before: LtmObject, adopt: bool) -> Issue | bool | None:
    if operation.after is None or operation.after.mark is None:
        return True
    owner, path = owner_of(operation.after.mark), str(operation.path)
    if before.mark is not None:
        return issues_of.owned_by_other(owner, path, before.mark.controller_id, before.mark.owner)
    return None if adopt else issues_of.not_ours(owner, path)


def _refuse_designated(operation: Operation, after: DesignatedPool) -> Issue | None:
    if operation.before is None and after.mark is not None:
        return issues_of.designated_pool_missing(owner_of(after.mark), operation.path.name)
    return None


def _refuse_empty(operation: Operation, after: CertificateFile | KeyFile) -> Issue | bool:
    """Why a file is not made that nobody has the content of: what is on the device is not read back."""
    return issues_of.content_missing(owner_of(after.mark), str(operation.path)) if after.mark is not None else True
