"""Transactions over REST: /mgmt/tm/transaction and the commands in them."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from bigipsim.exchange import Refused, Request, Response
from bigipsim.rest import errors
from bigipsim.rest.accounts import Caller
from bigipsim.rest.commands import body_of
from bigipsim.rest.routing import Route
from bigipsim.transaction import LINK, Transaction

if TYPE_CHECKING:
    from bigipsim.box import Box


def _open(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    if not request.body.strip():
        raise errors.invalid_json()
    return Response.json(200, box.transactions.open(body_of(request)).to_wire(box.version))


def _list(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    items = [one.to_wire(box.version) for one in box.transactions.items()]
    link = f"{LINK}?ver={box.version}"
    return Response.json(200, {"kind": "tm:transactioncollectionstate", "selfLink": link, "items": items})


def _one(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    return Response.json(200, box.transactions.need(match["id"]).to_wire(box.version))


def _commit(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    body = body_of(request)
    transaction = box.transactions.need(match["id"])
    if body.get("state") != "VALIDATING":
        raise errors.invalid_value("state", body.get("state"))
    transaction.validate_only = body.get("validateOnly") is True
    transaction.asynchronous = body.get("asyncExecution") is True
    refusal = box.faults.refused_commit(request)
    if not transaction.asynchronous:
        transaction.commit(box.tree, box.clock.now(), refusal)
        return Response.json(200, {**transaction.to_wire(box.version), "state": "COMPLETED"})
    _commit_unattended(box, transaction, refusal)
    return Response.json(202, {**transaction.to_wire(box.version), "state": "VALIDATING", "failureReason": ""})


def _commit_unattended(box: Box, transaction: Transaction, refusal: str | None) -> None:
    """Commits without anyone who waits for the outcome: a refusal is told by the state of the transaction."""
    try:
        transaction.commit(box.tree, box.clock.now(), refusal)
    except Refused:
        if transaction.state != "FAILED":
            raise


def _roll_back(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    box.transactions.remove(box.transactions.need(match["id"]))
    return Response(200)


def _commands(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    transaction = box.transactions.need(match["id"])
    items = [queued.to_wire(transaction.id, box.version) for queued in transaction.commands]
    link = f"{LINK}/{transaction.id}/commands?ver={box.version}"
    return Response.json(200, {"kind": "tm:transaction:commandscollectionstate", "selfLink": link, "items": items})


def _command(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    transaction = box.transactions.need(match["id"])
    return Response.json(200, transaction.find(int(match["number"])).to_wire(transaction.id, box.version))


def _move(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    transaction = box.transactions.need(match["id"])
    queued = transaction.find(int(match["number"]))
    order = body_of(request).get("evalOrder")
    if not isinstance(order, int) or isinstance(order, bool) or not 1 <= order <= len(transaction.commands):
        raise errors.invalid_value("evalOrder", order)
    transaction.move(queued, order)
    return Response.json(200, queued.to_wire(transaction.id, box.version))


def _drop(box: Box, caller: Caller, request: Request, match: re.Match[str]) -> Response:
    transaction = box.transactions.need(match["id"])
    transaction.drop(transaction.find(int(match["number"])))
    return Response(200)


_ONE = r"tm/transaction/(?P<id>\d+)"
_COMMAND = rf"{_ONE}/commands/(?P<number>\d+)"

ROUTES = (
    Route("POST", r"tm/transaction", _open),
    Route("GET", r"tm/transaction", _list),
    Route("GET", _ONE, _one),
    Route("PATCH", _ONE, _commit),
    Route("PUT", _ONE, _commit),
    Route("DELETE", _ONE, _roll_back),
    Route("GET", rf"{_ONE}/commands", _commands),
    Route("GET", _COMMAND, _command),
    Route("PATCH", _COMMAND, _move),
    Route("DELETE", _COMMAND, _drop),
)
