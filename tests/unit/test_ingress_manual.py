"""The manual's table of annotations has those that the program reads."""

from __future__ import annotations

import re
from pathlib import Path

from turnbuckle.kinds.ingress_options import OPTIONS

PAGE = Path(__file__).parents[2] / "docs" / "ingress.md"


def test_the_manual_has_a_row_for_each_annotation_in_the_order_of_the_table() -> None:
    table = PAGE.read_text(encoding="utf-8").split("<!-- annotations:")[1].split("## ")[0]
    assert re.findall(r"^\| `([^`]+)` \|", table, re.MULTILINE) == list(OPTIONS)
