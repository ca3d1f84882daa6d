"""Decides which words an iRule may use, and where: a table of the device's events and commands.

What is listed here and missing in `functions` is a command that the device has and the simulator has not. The
commands
of Tcl that are disabled, and most of the events in which a command is valid, were measured on devices; where nothing
is
known, a command counts as valid.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple


def words(text: str) -> frozenset[str]:
    """The words of a text, for tables that read better without quotes and commas."""
    return frozenset(text.split())


FIRED: Final = words(
    "RULE_INIT CLIENT_ACCEPTED CLIENT_DATA CLIENTSSL_CLIENTHELLO CLIENTSSL_HANDSHAKE HTTP_REQUEST "
    "HTTP_REQUEST_DATA LB_SELECTED LB_FAILED HTTP_REQUEST_RELEASE SERVER_CONNECTED HTTP_RESPONSE "
    "HTTP_RESPONSE_DATA HTTP_RESPONSE_RELEASE CLIENT_CLOSED DNS_REQUEST DNS_RESPONSE"
)
"""Events that happen in the simulator; in these, and only in these, it is checked where a command is valid."""

_OTHER_EVENTS: Final = """
ACCESS_ACL_ALLOWED ACCESS_ACL_DENIED ACCESS_PER_REQUEST_AGENT_EVENT ACCESS_POLICY_AGENT_EVENT ACCESS_POLICY_COMPLETED
ACCESS_SAML_ASSERTION ACCESS_SAML_AUTHN ACCESS_SAML_SLO_REQ ACCESS_SAML_SLO_RESP ACCESS_SESSION_CLOSED
ACCESS_SESSION_STARTED ACCESS2_POLICY_EXPRESSION_EVAL ADAPT_REQUEST_HEADERS ADAPT_REQUEST_RESULT
ADAPT_RESPONSE_HEADERS
ADAPT_RESPONSE_RESULT ANTIFRAUD_ALERT ANTIFRAUD_LOGIN ASM_REQUEST_BLOCKING ASM_REQUEST_DONE ASM_REQUEST_VIOLATION
ASM_RESPONSE_LOGIN ASM_RESPONSE_VIOLATION AUTH_ERROR AUTH_FAILURE AUTH_RESULT AUTH_SUCCESS AUTH_WANTCREDENTIAL
AVR_CSPM_INJECTION BOTDEFENSE_ACTION BOTDEFENSE_REQUEST CACHE_REQUEST CACHE_RESPONSE CACHE_UPDATE CATEGORY_MATCHED
CLASSIFICATION_DETECTED CLIENTSSL_CLIENTCERT CLIENTSSL_DATA CLIENTSSL_PASSTHROUGH CLIENTSSL_SERVERHELLO_SEND
CONNECTOR_OPEN DIAMETER_EGRESS DIAMETER_INGRESS DIAMETER_RETRANSMISSION ECA_REQUEST_ALLOWED ECA_REQUEST_DENIED
EPI_NA_CHECK_HTTP_REQUEST FIX_HEADER FIX_MESSAGE FLOW_INIT GENERICMESSAGE_EGRESS GENERICMESSAGE_INGRESS
GTP_GPDU_EGRESS GTP_GPDU_INGRESS GTP_PRIME_EGRESS GTP_PRIME_INGRESS GTP_SIGNALLING_EGRESS GTP_SIGNALLING_INGRESS
HTML_COMMENT_MATCHED HTML_TAG_MATCHED HTTP_CLASS_FAILED HTTP_CLASS_SELECTED HTTP_DISABLED HTTP_PROXY_CONNECT
HTTP_PROXY_REQUEST HTTP_PROXY_RESPONSE HTTP_REJECT HTTP_REQUEST_SEND HTTP_RESPONSE_CONTINUE ICAP_REQUEST ICAP_RESPONSE
IN_DOSL7_ATTACK IVS_ENTRY_REQUEST IVS_ENTRY_RESPONSE JSON_REQUEST JSON_RESPONSE L7CHECK_CLIENT_DATA
L7CHECK_SERVER_DATA
LB_QUEUED MQTT_CLIENT_DATA MQTT_CLIENT_EGRESS MQTT_CLIENT_INGRESS MQTT_CLIENT_SHUTDOWN MQTT_SERVER_DATA
MQTT_SERVER_EGRESS MQTT_SERVER_INGRESS MR_DATA MR_EGRESS MR_FAILED MR_INGRESS NAME_RESOLVED PCP_REQUEST PCP_RESPONSE
PEM_POLICY PEM_SUBS_SESS_CREATED PEM_SUBS_SESS_DELETED PEM_SUBS_SESS_UPDATED PERSIST_DOWN PING_REQUEST_READY
PING_RESPONSE_READY PROTOCOL_INSPECTION_MATCH QOE_PARSE_DONE RADIUS_AAA_ACCT_REQUEST RADIUS_AAA_ACCT_RESPONSE
RADIUS_AAA_AUTH_REQUEST RADIUS_AAA_AUTH_RESPONSE REWRITE_REQUEST_DONE REWRITE_RESPONSE_DONE RTSP_REQUEST
RTSP_REQUEST_DATA RTSP_RESPONSE RTSP_RESPONSE_DATA SA_PICKED SERVER_CLOSED SERVER_DATA SERVER_INIT
SERVERSSL_CLIENTHELLO_SEND
SERVERSSL_DATA SERVERSSL_HANDSHAKE SERVERSSL_SERVERCERT SERVERSSL_SERVERHELLO SIP_REQUEST SIP_REQUEST_DONE
SIP_REQUEST_SEND SIP_RESPONSE SIP_RESPONSE_DONE SIP_RESPONSE_SEND SOCKS_REQUEST SSE_RESPONSE STREAM_MATCHED
TAP_REQUEST TDS_REQUEST TDS_RESPONSE USER_REQUEST USER_RESPONSE VDI_BLACKBOX WS_CLIENT_DATA WS_CLIENT_FRAME
WS_CLIENT_FRAME_DONE WS_REQUEST WS_RESPONSE WS_SERVER_DATA WS_SERVER_FRAME WS_SERVER_FRAME_DONE XML_BEGIN_DOCUMENT
XML_BEGIN_ELEMENT XML_CDATA XML_CONTENT_BASED_ROUTING XML_END_DOCUMENT XML_END_ELEMENT XML_EVENT
"""
EVENTS: Final = FIRED | words(_OTHER_EVENTS)

TCL: Final[Mapping[str, tuple[int, int | None]]] = {
    "after": (1, None), "append": (1, None), "array": (2, None), "binary": (2, None), "break": (0, 0),
    "case": (2, None), "catch": (1, 2), "clock": (1, None), "close": (1, 1), "concat": (0, None), "continue": (0, 0),
    "encoding": (1, None),
    "error": (1, 3), "eval": (1, None), "expr": (1, None), "fileevent": (2, 3), "for": (4, 4), "foreach": (3, None),
    "format": (1, None), "global": (1, None), "if": (1, None), "incr": (1, 2), "info": (1, None), "join": (1, 2),
    "lappend": (1, None), "lindex": (1, None), "linsert": (3, None), "list": (0, None), "llength": (1, 1),
    "lrange": (3, 3), "lreplace": (3, None), "lsearch": (2, None), "lset": (2, None), "lsort": (1, None),
    "puts": (1, 3), "read": (1, 2), "regexp": (2, None), "regsub": (3, None), "return": (0, None), "scan": (2, None),
    "set": (1, 2), "split": (1, 2), "string": (2, None), "subst": (1, None), "switch": (2, None), "trace": (2, None),
    "unset": (0, None), "uplevel": (1, None), "upvar": (2, None), "variable": (1, None), "while": (2, 2),
}  # fmt: skip
"""Commands of Tcl 8.4 that a rule may use, with the least and the greatest number of words behind the name."""

DISABLED: Final = words(
    "auto_execok auto_import auto_load auto_qualify cd eof exec exit fblocked fconfigure fcopy file flush gets glob "
    "interp load namespace open package pid pwd rename seek socket source tell time unknown update vwait"
)

SUBCOMMANDS: Final[Mapping[str, frozenset[str]]] = {
    "array": words("anymore donesearch exists get names nextelement set size startsearch statistics unset"),
    "clock": words("clicks format scan seconds"),
    "string": words(
        """
        bytelength compare equal first index is last length map match range repeat replace tolower totitle toupper trim
        trimleft trimright wordend wordstart
        """
    ),
}
"""Second words of Tcl 8.4; later versions have more."""

_REQUEST: Final = words(
    "RULE_INIT HTTP_REQUEST HTTP_REQUEST_DATA HTTP_REQUEST_RELEASE LB_SELECTED LB_FAILED SERVER_CONNECTED"
)
_RESPONSE: Final = words("RULE_INIT HTTP_RESPONSE HTTP_RESPONSE_DATA HTTP_RESPONSE_RELEASE LB_SELECTED")
_RESPOND: Final = words("RULE_INIT HTTP_REQUEST HTTP_REQUEST_DATA LB_FAILED HTTP_RESPONSE HTTP_RESPONSE_DATA")
_COLLECT: Final = words("RULE_INIT HTTP_REQUEST HTTP_REQUEST_DATA LB_SELECTED HTTP_RESPONSE HTTP_RESPONSE_DATA")
_CONNECTION: Final = FIRED - {"RULE_INIT"}
_TLS: Final = (words("CLIENTSSL_CLIENTHELLO CLIENTSSL_HANDSHAKE") | _REQUEST | _RESPONSE) - words(
    "RULE_INIT SERVER_CONNECTED"
)
_DNS: Final = frozenset({"DNS_REQUEST", "DNS_RESPONSE"})

_BY_EVENTS: Final[tuple[tuple[frozenset[str], str], ...]] = (
    (
        FIRED,
        """
        active_members active_nodes b64decode b64encode call class cpu crc32 decode_uri domain event findclass findstr
        getfield htonl htons ilx imid istats listen log matchclass md4 md5 members nodes nth_rand ntohl ntohs peer
        priority proc ran rc4 rsa serverside clientside session_timeout sha1 sha256 sha384 sha512 substr timing
        traffic_group whereis
        whoami ISTATS::get ISTATS::incr ISTATS::remove ISTATS::set STATS::get STATS::incr STATS::set STATS::setmax
        STATS::setmin TMM::cmp_count TMM::cmp_group TMM::cmp_groups TMM::cmp_primary_group TMM::cmp_unit
        TMM::cmp_units
        IP::addr URI::basename URI::compare URI::decode URI::encode URI::host URI::path URI::port URI::protocol
        URI::query TCP::collect TCP::payload UDP::payload HSL::open HSL::send PROFILE::exists PROFILE::list
        X509::cert_fields X509::extensions X509::hash X509::issuer X509::not_valid_after X509::not_valid_before
        X509::pem2der X509::serial_number X509::signature_algorithm X509::subject X509::subject_public_key
        X509::verify_cert_error_string X509::version X509::whole
        """,
    ),
    (
        _CONNECTION,
        """
        accumulate clone connect discard drop forward http_cookie http_header http_host http_method http_uri
        http_version
        client_addr client_port server_addr server_port local_addr local_port remote_addr remote_port ip_protocol
        ip_tos
        ip_ttl lasthop link_qos nexthop node persist pool rateclass recv redirect reject relate_client relate_server
        send
        session snat snatpool table translate urlcatblindquery urlcatquery use virtual vlan_id
        IP::client_addr IP::hops IP::idle_timeout IP::ingress_drop_rate IP::intelligence IP::local_addr IP::protocol
        IP::remote_addr IP::reputation IP::server_addr IP::stats IP::tos IP::ttl IP::version
        LB::bias LB::class LB::command LB::connect LB::connlimit LB::context_id LB::detach LB::down LB::dst_tag
        LB::enable_decisionlog LB::mode LB::persist LB::prime LB::queue LB::reselect LB::select LB::server LB::snat
        LB::src_tag LB::status LB::up
        LINK::lasthop LINK::nexthop LINK::qos LINK::vlan_id ONECONNECT::detach ONECONNECT::label ONECONNECT::reuse
        ONECONNECT::select ROUTE::age ROUTE::bandwidth ROUTE::domain ROUTE::rtt ROUTE::rttvar
        TCP::abc TCP::analytics TCP::autowin TCP::bandwidth TCP::client_port TCP::close TCP::congestion
        TCP::delayed_ack
        TCP::dsack TCP::earlyrxmit TCP::ecn TCP::enhanced_loss_recovery TCP::idletime TCP::keepalive TCP::limxmit
        TCP::local_port TCP::lossfilter TCP::lossfilterburst TCP::lossfilterrate TCP::mss TCP::nagle TCP::naglemode
        TCP::notify TCP::offset TCP::option TCP::pacing TCP::proxybuffer TCP::proxybufferhigh TCP::proxybufferlow
        TCP::push_flag TCP::rcv_scale TCP::rcv_size TCP::recvwnd TCP::release TCP::remote_port TCP::respond
        TCP::rexmt_thresh TCP::rt_metrics_timeout TCP::rto TCP::rtt TCP::rttvar TCP::sendbuf TCP::server_port
        TCP::setmss TCP::snd_cwnd TCP::snd_scale TCP::snd_ssthresh TCP::snd_wnd TCP::unused_port UDP::client_port
        UDP::drop UDP::hold UDP::local_port UDP::max_buf_pkts UDP::max_rate UDP::mss UDP::release UDP::remote_port
        UDP::respond UDP::sendbuffer UDP::server_port UDP::unused_port
        HTTP::disable HTTP::enable HTTP::fallback HTTP::proxy HTTP2::active HTTP2::concurrency HTTP2::disable
        HTTP2::disconnect HTTP2::enable HTTP2::header HTTP2::priority HTTP2::push HTTP2::requests HTTP2::stream
        HTTP2::version SSL::allow_nonssl SSL::alpn SSL::authenticate SSL::cert SSL::c3d SSL::clienthello SSL::collect
        SSL::disable SSL::enable SSL::extensions SSL::forward_proxy SSL::handshake SSL::is_renegotiation_secure
        SSL::mode SSL::modssl_sessionid_headers SSL::nextproto SSL::payload SSL::profile SSL::release SSL::renegotiate
        SSL::respond SSL::secure_renegotiation SSL::session SSL::sessionid SSL::sessionsecret SSL::sessionticket
        SSL::sni
        SSL::tls13_secret SSL::unclean_shutdown SSL::verify_result
        STREAM::disable STREAM::enable STREAM::encoding STREAM::expression STREAM::match STREAM::max_matchsize
        STREAM::replace RESOLV::lookup RESOLVER::name_lookup RESOLVER::summarize NAME::lookup NAME::response
        """,
    ),
    (_TLS, "SSL::cipher"),
    (
        _REQUEST,
        "HTTP::host HTTP::is_redirect HTTP::method HTTP::passthrough_reason HTTP::password HTTP::path HTTP::query "
        "HTTP::request_num HTTP::retry HTTP::uri HTTP::username",
    ),
    (_RESPONSE, "HTTP::status HTTP::has_responded"),
    (
        _REQUEST | _RESPONSE,
        """
        HTTP::class HTTP::close HTTP::cookie HTTP::header HTTP::hsts HTTP::is_keepalive HTTP::payload
        HTTP::reject_reason HTTP::release HTTP::request HTTP::response HTTP::version COMPRESS::buffer_size
        COMPRESS::disable COMPRESS::enable COMPRESS::gzip COMPRESS::method COMPRESS::nodelay
        """,
    ),
    (_RESPOND, "HTTP::redirect HTTP::respond"),
    (_COLLECT, "HTTP::collect"),
    (
        _DNS,
        """
        cname host DNS::additional DNS::answer DNS::authority DNS::class DNS::disable DNS::drop DNS::edns0 DNS::enable
        DNS::header DNS::is_wideip DNS::last_act DNS::len DNS::log DNS::name DNS::origin DNS::ptype DNS::query
        DNS::question
        DNS::rdata DNS::return DNS::rpz_policy DNS::rr DNS::rrname DNS::rrtype DNS::rtype DNS::scrape DNS::tsig
        DNS::ttl
        DNS::type DNS::wideip
        """,
    ),
)

FOREIGN: Final = words(
    """
    ACCESS ACCESS2 ACL ADAPT ADM AES AM ANTIFRAUD ASM ASN1 AUTH AVR BIGPROTO BIGTCP BOTDEFENSE BWC CACHE CATEGORY
    CLASSIFICATION CLASSIFY CONNECTOR COUNTER CRYPTO DATAGRAM DECOMPRESS DEMANGLE DHCP DHCPv4 DHCPv6 DIAMETER DNSMSG
    DOSL7
    DSLITE ECA FIX FLOW FLOWTABLE FTP GENERICMESSAGE GTP HA HTML ICAP IKE ILX IMAP IPFIX ISESSION IVS_ENTRY JSON
    L7CHECK
    LDAP LINE LSN MESSAGE MQTT MR NSH NTLM OFFBOX PCP PEM PLUGIN POLICY POP3 PROTOCOL_INSPECTION PSC PSM QOE RADIUS
    REST REWRITE RTSP SCTP SDP SIDEBAND SIP SIPALG SMTPS SOCKS SSE TAP TDR TDS VALIDATE VDI WAM WEBSSO WS XLAT XML
    """
)
"""Namespaces of modules that the simulator does not have; any command in them counts as known to the device."""

ARITY: Final[Mapping[str, tuple[int, int | None]]] = {
    "HTTP::respond": (1, None), "HTTP::redirect": (1, None), "HTTP::host": (0, 1), "HTTP::method": (0, 1),
    "HTTP::status": (0, 1), "HTTP::version": (0, 1), "HTTP::header": (1, None), "HTTP::cookie": (1, None),
    "IP::client_addr": (0, 0), "IP::remote_addr": (0, 1), "IP::addr": (1, None),
    "TCP::client_port": (0, 0), "getfield": (3, 3), "findstr": (2, 4), "substr": (2, 3), "domain": (2, 2),
    "class": (2, None), "table": (1, None), "node": (1, None), "event": (0, 2), "log": (1, None), "reject": (0, 1),
    "drop": (0, 0), "discard": (0, 0), "active_members": (1, None), "members": (1, None), "md5": (1, 1),
    "crc32": (1, 1), "b64encode": (1, 1), "b64decode": (1, 1), "sha1": (1, 1), "snatpool": (1, None), "snat": (1, None),
    "call": (1, None), "URI::decode": (1, 1), "URI::encode": (1, 1), "persist": (1, None), "DNS::return": (0, 0),
    "DNS::rr": (1, 5), "decode_uri": (1, 1), "sha256": (1, 1), "sha384": (1, 1), "sha512": (1, 1), "URI::path": (1, 3),
    "URI::query": (1, 2), "URI::basename": (1, 1), "URI::host": (1, 1), "URI::port": (1, 1), "URI::protocol": (1, 1),
    "matchclass": (3, 3), "findclass": (2, 3),
}  # fmt: skip
"""How many words may stand behind a name, where that is known."""


class Usage(NamedTuple):
    """In which of the FIRED events a command is valid, and how many words may follow it (None: any number)."""

    events: frozenset[str]
    least: int = 0
    most: int | None = None


COMMANDS: Final[Mapping[str, Usage]] = {
    name: Usage(events, *ARITY.get(name, (0, None))) for events, names in _BY_EVENTS for name in names.split()
}
"""F5's own commands, but for those in FOREIGN namespaces."""


class Reference(NamedTuple):
    """What a command names: the word that the device has for it, and which of its words that is (-1: the last)."""

    sort: str
    place: int


REFERENCES: Final[Mapping[str, Reference]] = {
    "pool": Reference("pool", 1),
    "active_members": Reference("pool", -1),
    "members": Reference("pool", -1),
    "snatpool": Reference("snatpool", 1),
    "virtual": Reference("virtual_server", 1),
    "matchclass": Reference("value_list", -1),
    "findclass": Reference("value_list", 2),
}
CLASS_WITH_NAME_LAST: Final = words("match lookup element startsearch size type")
"""Second words of `class` that end in the name of a data group; `search` has it before its operator."""

OPERATORS: Final = frozenset({"equals", "starts_with", "ends_with", "contains"})
