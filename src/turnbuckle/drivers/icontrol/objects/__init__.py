"""The types of LTM object that the driver knows, one file each."""

from __future__ import annotations

from turnbuckle.drivers.icontrol.codec import Codec
from turnbuckle.drivers.icontrol.objects.data_group import DATA_GROUP
from turnbuckle.drivers.icontrol.objects.iapp import IAPP
from turnbuckle.drivers.icontrol.objects.monitor import MONITORS
from turnbuckle.drivers.icontrol.objects.pool import POOL
from turnbuckle.drivers.icontrol.objects.virtual import VIRTUAL

CODECS: dict[str, Codec] = {codec.kind: codec for codec in (DATA_GROUP, *MONITORS, POOL, VIRTUAL, IAPP)}
"""By collection, referenced types before those that refer to them."""
