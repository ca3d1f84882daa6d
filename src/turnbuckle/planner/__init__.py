"""From two states to ordered operations: what to do, in which order, what not to do and why. Pure.

graft    what held owners have on the device becomes part of what is desired
diff     desired against observed, path by path
guard    what must not be touched
close    what needs something that is not there waits
order    referenced before referrer, deletes last
cut      into batches that travel together
render   as text or JSON
"""

from turnbuckle.planner.cut import cut
from turnbuckle.planner.make import make_plan

__all__ = ["cut", "make_plan"]
