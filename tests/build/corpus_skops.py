"""The three flaws of the study in skops (SV1-SV3), and what its successors would try (row 3.3)."""

from tests.build import skops_builder as s
from tests.build.sample import Sample, evil

_QDA = s.object_("sklearn.discriminant_analysis", "QuadraticDiscriminantAnalysis")
_BUILTINS = s.method(
    s.method(_QDA, "decision_function", shows=("builtins", "int")), "__builtins__", shows=("builtins", "int")
)
_SHOWN = "sklearn.linear_model._stochastic_gradient.SGDRegressor"
_HIDDEN_CALL = s.node(
    "OperatorFuncNode", _SHOWN, "call",
    attrs=s.node("TupleNode", "builtins", "tuple", content=[s.type_("skops.io", "loads"), s.constant("x")]),
)  # fmt: skip
_FACTORY = s.node(
    "DefaultDictNode", "collections", "defaultdict",
    content={"main": s.dict_(), "default_factory": s.node("FunctionNode", "os", "getcwd")},
)  # fmt: skip
_FLAGGED = {
    "sv1-chained-methods": s.skops(_BUILTINS),
    "sv1-other-owner": s.skops(s.method(_QDA, "score", shows=("builtins", "int"))),
    "sv1-private": s.skops(s.method(_QDA, "__class__")),
    "sv2-operator": s.skops(_HIDDEN_CALL),
    "sv2-operator-call": s.skops(s.node("OperatorFuncNode", "operator", "call", attrs=s.list_())),
    "loss-imports": s.skops(s.node("LossNode", "antigravity", "x", content=s.dict_(), __reduce__={"args": s.list_()})),
    "key-types": s.skops(s.dict_([s.node("FunctionNode", "os", "system")], true=s.constant(1))),
    "key-types-among-many": s.skops(
        s.dict_(
            [s.type_("builtins", "str")] * 100 + [s.node("PartialNode", "functools", "partial", content={})],
            **{f"k{n}": s.constant(n) for n in range(101)},
        )
    ),
    "factory": s.skops(_FACTORY),
    "function": s.skops(s.node("FunctionNode", "os", "system")),
    "order-of-keys": s.skops({"content": {"obj": _QDA, "func": "__init__"}, **s.method(_QDA, "__init__")}),
    "pickle-inside": s.skops(s.honest(), ("x.bin", evil())),
}
_HELD = {
    "unknown-type": s.skops(s.object_("sympy.core.expr", "Expr")),
    "unknown-loader": s.skops(s.node("NewNode", "builtins", "str")),
    "no-loader": s.skops({"__class__": "x", "__module__": "y"}),
    "nested-archive": s.skops(s.honest(), ("inner.zip", s.skops(s.object_("sympy", "Expr")))),
}

SAMPLES = (
    *(
        Sample(f"skops-{name}", "skops", "3.3", "model.skops", lambda c="", d=data: d, expects="flagged")
        for name, data in _FLAGGED.items()
    ),
    *(Sample(f"skops-{name}", "skops", "3.3", "model.skops", lambda c="", d=data: d) for name, data in _HELD.items()),
    # SV3: before 0.13 `Card` hands what is no zip to joblib
    Sample("skops-sv3-pickle", "skops", "3.3", "model.skops", lambda c="true": evil(c), expects="flagged"),
)
