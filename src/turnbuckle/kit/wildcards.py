"""A wildcard in a host's name stands for one label, which the conditions of a policy cannot say.

They compare a name with texts, so that a rule for `*.example.com` holds for `a.b.example.com` as well. Such a rule
therefore puts the label that is too many into a variable, and an iRule, which runs after the policy, takes the request
to the pool for what no other rule is for, or resets it where there is none.

Source: BIG-IP, ltm policy, "tcl set-variable"; iRules, HTTP_REQUEST.
"""

from __future__ import annotations

from turnbuckle.model.policy import FORWARDING, Action

_BEYOND = "turnbuckle_beyond"


def text(pool: str) -> str:
    """The iRule. pool: the full path of the one that longer names go to; empty for none."""
    return f"""\
# A wildcard in a host's name stands for one label. A policy compares the end of a name, which longer names have too;
# its rules for wildcards put the label that is too many into a variable, which is empty when there is none.
when HTTP_REQUEST {{
    if {{ [info exists {_BEYOND}] }} {{
        if {{ ${_BEYOND} ne "" }} {{
            {f"pool {pool}" if pool else "reject"}
        }}
        unset {_BEYOND}
    }}
}}"""


def is_wildcard(host: str) -> bool:
    """Whether a host stands for many names."""
    return host.startswith("*.")


def watched(host: str, actions: tuple[Action, ...]) -> tuple[Action, ...]:
    """The actions of a rule for a host, with what the iRule needs to know where it can do something about it.

    It comes first, before anything changes the request. A redirect, or a reset, is done when the iRule runs.
    """
    if not is_wildcard(host) or not any(action.act in FORWARDING for action in actions):
        return actions
    too_many = len(host.split(".")) + 1
    return (Action("set-variable", f'tcl:[getfield [HTTP::host] "." {too_many}]', variable=_BEYOND), *actions)


def are_watched(actions: tuple[Action, ...]) -> bool:
    """Whether a rule with these actions needs the iRule."""
    return any(action.variable == _BEYOND for action in actions)
