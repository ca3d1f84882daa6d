"""Planning alone, in a process of its own: objects as the API server sends them -> desired state -> plan -> batches.

python -m benchmarks.planning SERVERS    prints JSON.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping

from benchmarks.objects import ENDPOINTS, PARTITION, endpoint_slice, everything
from turnbuckle import registry
from turnbuckle.engine.engine import Engine
from turnbuckle.engine.protocol import Kind
from turnbuckle.model.plan import Outcome, Result, with_outcomes
from turnbuckle.model.ref import Put, SourceObject
from turnbuckle.model.settings import SETTINGS, Settings
from turnbuckle.model.state import State
from turnbuckle.planner import cut, make_plan

CHANGES = 500


def measure(servers: int) -> dict[str, object]:
    """Everything once, and then one endpoint after the other."""
    settings = Settings("bench", "bench", (PARTITION,), pool_member_type="cluster")
    kinds = {kind.name: kind for kind in registry.kinds()}
    raws = list(everything(servers))
    engine = Engine(kinds.values(), registry.composers())
    began, cpu_from = time.perf_counter(), time.process_time()
    events = [Put(SourceObject(SETTINGS, settings)), *(kinds[raw["kind"]].decode(raw) for raw in raws)]
    decoded = time.perf_counter()
    snapshot = engine.ingest(events)
    ingested = time.perf_counter()
    plan = make_plan(State(), snapshot.desired, controller_id="bench", held=snapshot.held)
    batches = cut(plan)
    planned, cpu_to = time.perf_counter(), time.process_time()
    observed = with_outcomes(State(), (Outcome(op, Result.DONE) for op in plan.operations))
    compared_from = time.perf_counter()
    again = make_plan(observed, snapshot.desired, controller_id="bench")
    compared = time.perf_counter()
    # A pool and a virtual server for each, and the claim on the partition.
    assert len(plan.operations) == 2 * servers + 1 and not plan.refusals, "the plan is not what the objects ask for"
    assert not again.operations, "a second plan has to be empty"
    return {
        "virtual_servers": servers,
        "operations": len(plan.operations),
        "batches": len(batches),
        "decode_s": decoded - began,
        "translate_and_compose_s": ingested - decoded,
        "plan_and_cut_s": planned - ingested,
        "whole_s": planned - began,
        "whole_cpu_s": cpu_to - cpu_from,
        "compare_all_again_s": compared - compared_from,
        **one_endpoint(engine, kinds, observed, servers),
    }


def one_endpoint(engine: Engine, kinds: Mapping[str, Kind], observed: State, servers: int) -> dict[str, float]:
    """The mean of changes of one endpoint each, in the pools of different servers in turn."""
    engine_s = plan_s = 0.0
    for number in range(CHANGES):
        server, turn = number % servers, number // servers
        event = kinds["EndpointSlice"].decode(endpoint_slice(server, ENDPOINTS - (turn + 1) % 2))
        began = time.perf_counter()
        after = engine.ingest([event])
        computed = time.perf_counter()
        one = make_plan(observed, after.desired, controller_id="bench", paths=after.changed, causes=after.causes)
        observed = with_outcomes(observed, (Outcome(op, Result.DONE) for op in one.operations))
        planned = time.perf_counter()
        assert len(one.operations) == 1, "one endpoint is one operation"
        engine_s, plan_s = engine_s + computed - began, plan_s + planned - computed
    return {"one_endpoint_engine_ms": 1000 * engine_s / CHANGES, "one_endpoint_plan_ms": 1000 * plan_s / CHANGES}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
