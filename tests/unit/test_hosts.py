"""Hosts and paths as conditions of rules, and their order: what Kubernetes says an Ingress means."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from turnbuckle.kit.hosts import BEHIND_ALL, Place, elements, networks_of, place
from turnbuckle.model.policy import Condition

HOSTS = ["", "a.example.com", "b.example.com", "*.example.com", "*.b.example.com", "*.org"]
PATHS = ["/", "/a", "/a/", "/a/b", "/ab", "/A", "/a/b/c", "/b"]
PLACES = st.builds(place, st.sampled_from(HOSTS), st.sampled_from(["Exact", "Prefix", None]), st.sampled_from(PATHS))
ASKED = st.tuples(
    st.sampled_from(["a.example.com", "b.example.com", "x.example.com", "x.b.example.com", "www.org", "localhost"]),
    st.sampled_from([*PATHS, "/a/b/", "/abc", "/a/x", "/x"]),
)


def holds(condition: Condition, host: str, path: str) -> bool:
    """As a BIG-IP evaluates it."""
    parts = path.split("/")
    segment = parts[condition.index] if 0 < condition.index < len(parts) else None
    found = {"http-host": host, "path": path, "path-segment": segment}[condition.operand]
    if found is None:
        return False
    match condition.match:
        case "equals":
            return found in condition.values
        case "ends-with":
            return found.endswith(condition.values)
        case _:
            raise AssertionError(condition.match)


def matches(rule: Place, host: str, path: str) -> bool:
    return all(holds(condition, host, path) for condition in rule.conditions)


# Source: Kubernetes, "Ingress", Examples of path types.
KUBERNETES = [
    ("Prefix", "/", "/any/path", True),
    ("Exact", "/foo", "/foo", True),
    ("Exact", "/foo", "/bar", False),
    ("Exact", "/foo", "/foo/", False),
    ("Exact", "/foo/", "/foo", False),
    ("Prefix", "/foo", "/foo", True),
    ("Prefix", "/foo", "/foo/", True),
    ("Prefix", "/foo/", "/foo", True),
    ("Prefix", "/foo/", "/foo/", True),
    ("Prefix", "/aaa/bb", "/aaa/bbb", False),
    ("Prefix", "/aaa/bbb", "/aaa/bbb", True),
    ("Prefix", "/aaa/bbb/", "/aaa/bbb", True),
    ("Prefix", "/aaa/bbb", "/aaa/bbb/", True),
    ("Prefix", "/aaa/bbb", "/aaa/bbb/ccc", True),
    ("Prefix", "/aaa/bbb", "/aaa/bbbxyz", False),
    ("Prefix", "/aaa", "/ccc", False),
    ("ImplementationSpecific", "/aaa", "/aaa/ccc", True),
    (None, "/aaa", "/aaa/ccc", True),
]


@pytest.mark.parametrize(("kind", "path", "asked", "expected"), KUBERNETES)
def test_a_path_type_means_what_kubernetes_says(kind, path, asked, expected):
    rule = place("www.example.com", kind, path)
    assert matches(rule, "www.example.com", asked) is expected
    assert not matches(rule, "other.example.com", asked)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (Place("a", "Exact", "/a"), Place("a", "Prefix", "/a/b")),
        (Place("a", "Prefix", "/a/b"), Place("a", "Prefix", "/longer-than-the-other")),
        (Place("a", "Prefix", "/a"), Place("a", "Prefix", "")),
        (Place("a.b", "Prefix", ""), Place("*.b", "Exact", "/a")),
        (Place("*.a.b", "Prefix", ""), Place("*.b", "Exact", "/a")),
        (Place("*.b", "Prefix", ""), Place("", "Exact", "/a")),
        (Place("", "Prefix", "/a"), Place("", "Prefix", "")),
        (Place("*.b", "Prefix", ""), Place("", "Prefix", "/x" * 5000)),
    ],
)
def test_what_says_more_comes_first(first, second):
    assert first.ordinal + 1 < second.ordinal
    assert second.ordinal + 1 < BEHIND_ALL


@given(PLACES, PLACES, ASKED)
def test_two_rules_with_one_ordinal_never_match_the_same_request(one, other, asked):
    if one != other and one.ordinal == other.ordinal:
        assert not (matches(one, *asked) and matches(other, *asked))


def test_slashes_more_or_less_make_no_other_prefix():
    assert place("a", "Prefix", "//a///b//") == place("a", "Prefix", "/a/b")
    assert elements("/") == ()


def test_networks_are_sorted_in_the_form_of_the_device():
    assert networks_of("192.0.2.9, 10.1.2.3/8,2001:DB8::/32, 10.0.0.0/8") == (
        ("10.0.0.0/8", "192.0.2.9/32", "2001:db8::/32"),
        (),
    )
    assert networks_of("10.0.0.0/8, x,") == (("10.0.0.0/8",), ("x", ""))
