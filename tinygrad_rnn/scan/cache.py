"""The plans of cells that ran before."""

import os
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from types import FunctionType, MethodType
from typing import Any

from tinygrad_rnn.scan.batches import DiffersError, Resized, batch_of, common, family
from tinygrad_rnn.scan.closure import Closure
from tinygrad_rnn.scan.plan import Plan
from tinygrad_rnn.scan.trace import Signature

_KINDS_KEPT = 64  # codes of cells, with the shapes of their inputs
_PLANS_KEPT = (
    32  # of each: cells of the same code with different parameters, as in layers, trained and not
)
_plans: OrderedDict[Any, list[Plan]] = OrderedDict()  # by code and signature
_families: OrderedDict[Any, list[Plan]] = (
    OrderedDict()
)  # by code and family: for plans of other batch sizes
_lock = Lock()


def _unlocked() -> None:
    """A new lock for the child of a fork: a thread that held the old one is not there to give it back."""
    global _lock
    _lock = Lock()


if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(after_in_child=_unlocked)


def plan_for(
    cell: Callable[[Any, Any], Any],
    signature: Signature,
    wanted_x: list[bool],
    wanted_state: list[bool],
) -> Plan:
    """The plan of this cell, made now if there is none that fits."""
    kind = _kind(cell)
    closure: list[Closure] = []  # looked for only if it is another cell of the same code
    with _lock:
        for plan in _plans.get((kind, signature), ()):
            if plan.fits(cell, closure, wanted_x, wanted_state):
                _plans.move_to_end((kind, signature))
                return plan
        kin = _families.get((kind, family(signature)), ()) if batch_of(signature) else ()
        kin = [plan for plan in kin if plan.fits(cell, closure, wanted_x, wanted_state)]
    plan = _made(cell, signature, wanted_x, wanted_state, kin)
    with _lock:
        _keep(_plans, (kind, signature), plan)
        if batch_of(signature) and not isinstance(plan, Resized):
            _keep(_families, (kind, family(signature)), plan)
    return plan


def _made(
    cell: Any, signature: Signature, wanted_x: list[bool], wanted_state: list[bool], kin: list[Plan]
) -> Plan:
    if len(kin) > 1:
        try:
            return Resized(cell, signature, *kin[:2])
        except DiffersError:
            pass
    return Plan(cell, signature, wanted_x, wanted_state)


def _keep(kept: "OrderedDict[Any, list[Plan]]", key: Any, plan: Plan) -> None:
    of_key = kept.setdefault(key, [])
    of_key.insert(0, plan)
    del of_key[_PLANS_KEPT:]
    kept.move_to_end(key)
    while len(kept) > _KINDS_KEPT:
        kept.popitem(last=False)


def forget() -> None:
    """Drop all plans."""
    with _lock:
        _plans.clear()
        _families.clear()
        common.cache_clear()


def _kind(cell: Any) -> Any:
    """What cells of the same code have in common: a lambda made anew in every epoch is the same cell."""
    if isinstance(cell, FunctionType):
        return cell.__code__
    return cell.__func__.__code__ if isinstance(cell, MethodType) else type(cell)
