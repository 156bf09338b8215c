"""No operation without a test here: a list that can only shrink."""

import ast
from pathlib import Path

from botocore import xform_name

from test_model_drift import described

# Operations that no test calls yet. None may be added.
UNCOVERED = frozenset()


def called_by_tests():
    """The names of all methods that some test function of this folder calls."""
    names = set()
    for path in Path(__file__).parent.glob("test_*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                calls = (inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call))
                names |= {call.attr for call in calls if isinstance(call, ast.Attribute)}
    return names


def test_every_operation_is_called():
    called = called_by_tests()
    assert {name for name in described() if xform_name(name) not in called} == UNCOVERED
