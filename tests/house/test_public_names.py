"""What an editor offers after a dot: names for users, and nothing else."""

from importlib import import_module
from types import ModuleType

import pytest

import tinygrad_rnn as tg

MODULES: dict[str, ModuleType] = {
    **{name: getattr(tg, name) for name in ("checkpoint", "data", "draw", "errors", "functional")},
    **{name: getattr(tg, name) for name in ("interop", "nn", "optim")},
    "initialisers": tg.nn.initialisers,
    "tinygrad_rnn": tg,
    **{name: import_module(f"tinygrad_rnn.{name}") for name in ("equations", "flow")},
}


@pytest.mark.parametrize("name", MODULES)
def test_a_module_lists_its_public_names(name: str) -> None:
    module = MODULES[name]
    listed = [each for each in dir(module) if not each.startswith("__")]
    assert listed == sorted(set(module.__all__) - {"__version__"})
    assert all(hasattr(module, each) for each in listed)
    assert not [each for each in listed if each.startswith("_")]
    assert not {"Any", "np", "Tensor"} & set(listed) - set(tg.__all__)
