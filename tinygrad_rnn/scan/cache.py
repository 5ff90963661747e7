"""The plans of cells that ran before."""

import os
from collections import OrderedDict
from collections.abc import Hashable
from threading import Lock
from types import FunctionType, MethodType
from typing import TypeAlias

from tinygrad_rnn._typing import Function
from tinygrad_rnn.scan.batches import DiffersError, Resized, batch_of, common, family
from tinygrad_rnn.scan.closure import Closure
from tinygrad_rnn.scan.plan import Plan
from tinygrad_rnn.scan.trace import Signature, Wanted

Plans: TypeAlias = OrderedDict[Hashable, list[Plan]]

_MOST_KEYS = 64  # codes of cells, with the shapes of their inputs
_MOST_PLANS = 32  # of each: cells of one code with other parameters, as in layers, trained or not
_plans: Plans = OrderedDict()  # by code and signature
_families: Plans = OrderedDict()  # by code and family: for plans of other batch sizes
_lock = Lock()


def _unlocked() -> None:
    """A new lock for the child of a fork, which has no thread that would give the old one back."""
    global _lock
    _lock = Lock()


if hasattr(os, "register_at_fork"):  # where processes fork
    os.register_at_fork(after_in_child=_unlocked)


def plan_for(cell: Function, signature: Signature, wanted: Wanted) -> Plan:
    """The plan of this cell, made now if there is none that fits."""
    code = _code_of(cell)
    closure: list[Closure] = []  # of this cell, if it has to be searched
    with _lock:
        for plan in _plans.get((code, signature), ()):
            if plan.fits(cell, closure, wanted):
                _plans.move_to_end((code, signature))
                return plan
        kin = _families.get((code, family(signature)), ()) if batch_of(signature) else ()
        kin = [plan for plan in kin if plan.fits(cell, closure, wanted)]
    plan = _made(cell, signature, wanted, kin)
    with _lock:
        _store(_plans, (code, signature), plan)
        if batch_of(signature) and not isinstance(plan, Resized):
            _store(_families, (code, family(signature)), plan)
    return plan


def _made(cell: Function, signature: Signature, wanted: Wanted, kin: list[Plan]) -> Plan:
    if len(kin) > 1:
        try:
            return Resized(cell, signature, *kin[:2])
        except DiffersError:
            pass
    return Plan(cell, signature, wanted)


def _store(plans: Plans, key: Hashable, plan: Plan) -> None:
    of_key = plans.setdefault(key, [])
    of_key.insert(0, plan)
    del of_key[_MOST_PLANS:]
    plans.move_to_end(key)
    while len(plans) > _MOST_KEYS:
        plans.popitem(last=False)


def forget() -> None:
    """Drop all plans."""
    with _lock:
        _plans.clear()
        _families.clear()
        common.cache_clear()


def _code_of(cell: Function) -> object:
    """What cells of the same code share: a lambda made anew in every epoch is the same cell."""
    if isinstance(cell, FunctionType):
        return cell.__code__
    return cell.__func__.__code__ if isinstance(cell, MethodType) else type(cell)
