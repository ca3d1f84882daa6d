"""iRules: texts whose marks are rows of the ledger. The texts of others' are none of our business."""

from __future__ import annotations

from turnbuckle.drivers.icontrol import values
from turnbuckle.drivers.icontrol.codec import Codec, Field, Scene, in_ledger
from turnbuckle.drivers.icontrol.values import Wire
from turnbuckle.model.ledger import Row
from turnbuckle.model.ltm import IRule, LtmObject
from turnbuckle.model.state import Path


def _text(raw: Wire, scene: Scene) -> str:
    ours = scene.row_of(Path(IRule.KIND, values.full_path(raw))) is not None
    return str(raw.get("apiAnonymous") or "").strip() if ours else ""


def row_for(rule: LtmObject) -> Row | None:
    """What the ledger says of an iRule; None for what has no row."""
    if not isinstance(rule, IRule) or rule.mark is None:
        return None
    return Row(rule.mark, rule.digest)


IRULE = Codec(
    kind=IRule.KIND,
    type=IRule,
    fields=(
        in_ledger(IRule.KIND),
        Field("text", ("apiAnonymous",), _text, lambda rule, _: {"apiAnonymous": rule.text}),
    ),
)
