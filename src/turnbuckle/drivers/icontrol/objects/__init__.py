"""The types of LTM object that the driver knows, one file each."""

from __future__ import annotations

from turnbuckle.drivers.icontrol.codec import Codec
from turnbuckle.drivers.icontrol.objects.binding import BINDING
from turnbuckle.drivers.icontrol.objects.data_group import DATA_GROUP
from turnbuckle.drivers.icontrol.objects.iapp import IAPP
from turnbuckle.drivers.icontrol.objects.irule import IRULE
from turnbuckle.drivers.icontrol.objects.monitor import MONITORS
from turnbuckle.drivers.icontrol.objects.policy import POLICY
from turnbuckle.drivers.icontrol.objects.pool import POOL
from turnbuckle.drivers.icontrol.objects.rule import RULE
from turnbuckle.drivers.icontrol.objects.ssl_file import CERTIFICATE, KEY
from turnbuckle.drivers.icontrol.objects.ssl_profile import CLIENT_SSL, SERVER_SSL
from turnbuckle.drivers.icontrol.objects.virtual import VIRTUAL

CODECS: dict[str, Codec] = {
    codec.kind: codec
    for codec in (DATA_GROUP, CERTIFICATE, KEY, *MONITORS, CLIENT_SSL, SERVER_SSL, POOL, IRULE, POLICY, VIRTUAL, IAPP)
}
"""By collection, referenced types before those that refer to them."""

PARTS: dict[str, Codec] = {codec.kind: codec for codec in (RULE, BINDING)}
"""By subcollection: what is told with the object that it is a part of, and written by itself."""
