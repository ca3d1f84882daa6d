"""A plan as an operator would type it."""

from __future__ import annotations

from dataclasses import replace

from device import OURS, create, delete, member, monitor, pool, update, virtual

from turnbuckle.drivers import tmsh
from turnbuckle.model.ltm import DesignatedPool, IAppService, IAppTable, LtmObject, Pool, ProfileUse
from turnbuckle.model.mark import Mark
from turnbuckle.model.plan import Operation, Plan, Verb

MARK = '"1 us cluster ConfigMap/default/web"'


def typed(*operations: Operation) -> list[str]:
    return tmsh.commands(Plan(operations)).splitlines()


def one(operation: Operation) -> str:
    begin, command, submit = typed(operation)
    assert (begin, submit) == ("create cli transaction", "submit cli transaction")
    return command


def test_a_plan_without_operations_is_no_command() -> None:
    assert tmsh.commands(Plan()) == ""


def test_a_published_application_is_one_transaction() -> None:
    probe = monitor()
    server = virtual(profiles=frozenset({ProfileUse("/Common/http"), ProfileUse("/Common/clientssl", "clientside")}))
    assert typed(create(probe), create(pool(monitors=(probe.path,))), create(server)) == [
        "create cli transaction",
        "create ltm monitor http /k8s/web_0_http { defaults-from /Common/http interval 5 timeout 16 "
        rf'send "GET / HTTP/1.0\r\n\r\n" recv "200 OK" description {MARK} }}',
        "create ltm pool /k8s/web { load-balancing-mode round-robin monitor /k8s/web_0_http "
        "members add { /k8s/10.0.0.1:80 { } /k8s/10.0.0.2:80 { } } "
        f"metadata add {{ turnbuckle {{ value {MARK} }} }} }}",
        "create ltm virtual /k8s/web { destination /k8s/203.0.113.7:80 mask 255.255.255.255 ip-protocol tcp "
        "profiles add { /Common/clientssl { context clientside } /Common/http { context all } } pool /k8s/web "
        f"source-address-translation {{ type automap pool none }} metadata add {{ turnbuckle {{ value {MARK} }} }} }}",
        "submit cli transaction",
    ]


def test_only_what_differs_is_modified() -> None:
    before = pool()
    assert one(update(before, replace(before, load_balancing="ratio-member"))) == (
        "modify ltm pool /k8s/web { load-balancing-mode ratio-member }"
    )
    server = virtual()
    assert one(update(server, replace(server, destination_address="2001:db8::7", port=443, pool=""))) == (
        "modify ltm virtual /k8s/web { destination /k8s/2001:db8::7.443 "
        "mask ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff destination /k8s/2001:db8::7.443 pool none }"
    )


def test_members_are_replaced_with_what_an_operator_disabled() -> None:
    before = Pool("/k8s/web", OURS, frozenset({member(1, admin_state="offline"), member(2)}))
    after = replace(before, members=frozenset({member(1), member(3, ratio=2)}))
    assert one(update(before, after)) == (
        "modify ltm pool /k8s/web { members replace-all-with "
        "{ /k8s/10.0.0.1:80 { session user-disabled state user-down } /k8s/10.0.0.3:80 { ratio 2 } } }"
    )
    assert one(update(before, replace(before, members=frozenset()))) == "modify ltm pool /k8s/web { members none }"


def test_in_a_pool_of_others_members_come_and_go_one_by_one() -> None:
    before = DesignatedPool("/Common/shop", None, frozenset({member(1), member(2)}))
    after = DesignatedPool("/Common/shop", OURS, frozenset({member(2, ratio=5), member(3)}))
    operation = Operation(Verb.UPDATE, after.path, before, after, frozenset({"members"}))
    assert typed(operation)[1:-1] == [
        "modify ltm pool /Common/shop { members delete { /k8s/10.0.0.1:80 } }",
        "modify ltm pool /Common/shop "
        "{ members modify { /k8s/10.0.0.2:80 { ratio 5 priority-group 0 connection-limit 0 } } }",
        "modify ltm pool /Common/shop "
        f"{{ members add {{ /k8s/10.0.0.3:80 {{ metadata add {{ turnbuckle {{ value {MARK} }} }} }} }} }}",
    ]


def test_deletes_are_deletes() -> None:
    assert typed(delete(virtual()), delete(monitor()))[1:-1] == [
        "delete ltm virtual /k8s/web",
        "delete ltm monitor http /k8s/web_0_http",
    ]


def test_application_services_stand_outside_the_transaction() -> None:
    before = IAppService(
        "/k8s/web.app/web",
        OURS,
        template="/Common/f5.http",
        options=(("trafficGroup", "/Common/traffic-group-1"),),
        variables=(("pool__port", "80"), ("title", 'the "shop"')),
        tables=(IAppTable("pool__members", ("addr", "port"), (("10.0.0.1", "80"),)),),
    )
    after: LtmObject = replace(before, tables=(IAppTable("pool__members", ("addr", "port"), ()),))
    gone = replace(before, name="/k8s/old.app/old")
    assert typed(create(before), create(pool("p", 0)), delete(gone)) == [
        "delete sys application service /k8s/old.app/old",
        "create cli transaction",
        "create ltm pool /k8s/p { load-balancing-mode round-robin "
        f"metadata add {{ turnbuckle {{ value {MARK} }} }} }}",
        "submit cli transaction",
        "create sys application service /k8s/web.app/web { template /Common/f5.http "
        "traffic-group /Common/traffic-group-1 "
        r'variables add { pool__port { value 80 } title { value "the \"shop\"" } } '
        f"tables add {{ pool__members {{ column-names {{ addr port }} rows {{ {{ row {{ 10.0.0.1 80 }} }} }} }} }} "
        f"description {MARK} }}",
    ]
    assert typed(update(before, after)) == [
        "modify sys application service /k8s/web.app/web "
        "{ tables replace-all-with { pool__members { column-names { addr port } rows {  } } } "
        "execute-action definition }"
    ]


def test_adopting_adds_the_mark_and_a_new_owner_changes_it() -> None:
    before = replace(pool(), mark=None)
    assert "metadata add {" in one(update(before, pool()))
    other = replace(pool(), mark=Mark("us", "cluster", "ConfigMap/default/a"))
    assert "metadata modify {" in one(update(other, pool()))


DRAINS = "metadata replace-all-with { turnbuckle-draining { value 1 } }"


def test_members_that_drain_are_disabled_and_say_who_did_it() -> None:
    before = pool()
    ends = replace(before, members=frozenset({member(1), member(2, draining=True)}))
    assert one(update(before, ends)) == (
        "modify ltm pool /k8s/web { members replace-all-with "
        f"{{ /k8s/10.0.0.1:80 {{ }} /k8s/10.0.0.2:80 {{ session user-disabled {DRAINS} }} }} }}"
    )
    assert one(update(ends, before)) == (
        "modify ltm pool /k8s/web { members replace-all-with "
        "{ /k8s/10.0.0.1:80 { } /k8s/10.0.0.2:80 { session user-enabled metadata none } } }"
    )


def test_a_member_that_drains_in_a_pool_of_others_keeps_our_mark_and_the_notes_of_others() -> None:
    noted = member(1, mark=OURS, notes=(("ticket", "4711", "true"),))
    before = DesignatedPool("/Common/shop", OURS, frozenset({noted}))
    members = frozenset({replace(noted, draining=True), member(2, mark=OURS, draining=True)})
    after = replace(before, members=members)
    operation = Operation(Verb.UPDATE, after.path, before, after, frozenset({"members"}))
    marks = f"turnbuckle {{ value {MARK} }} turnbuckle-draining {{ value 1 }}"
    assert typed(operation)[1:-1] == [
        "modify ltm pool /Common/shop { members modify { /k8s/10.0.0.1:80 { ratio 1 priority-group 0 connection-limit 0"
        f" session user-disabled metadata replace-all-with {{ ticket {{ value 4711 }} {marks} }} }} }} }}",
        "modify ltm pool /Common/shop { members add { /k8s/10.0.0.2:80 {"
        f" session user-disabled metadata replace-all-with {{ {marks} }} }} }} }}",
    ]
