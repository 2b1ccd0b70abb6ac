"""What pydantic needs to know. Imported when pydantic asks, so that nothing else needs that."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pydantic_core import CoreSchema

    from ._native import Decision

# Of a decision, in the order of its dict.
_FIELDS = {
    "model": "str",
    "side": "side",
    # <faces:fields>
    "win_rate": "float | None",
    "threshold": "float | None",
    "truncated": "bool",
    "similarity": "float | None",
    "out_of_distribution": "bool",
    "no_score": "bool",
    "propensity": "float",
    "id": "str | None",
    "candidate": "int | None",
    "quality": "float | None",
    "expected_cost": "float | None",
    # </faces:fields>
    "fallback": "bool",
    "fallback_kind": "str | None",
    "fallback_reason": "str | None",
}

# Those without a default.
_REQUIRED = frozenset({"model", "side", "win_rate", "threshold"})


def decision_schema(decision: type[Decision]) -> CoreSchema:
    """Return the schema of a decision: itself, or a mapping of its fields; it is dumped as a dict."""
    from pydantic_core import core_schema as build

    optional = build.nullable_schema
    kinds: dict[str, CoreSchema] = {
        "str": build.str_schema(),
        "side": optional(build.literal_schema(["strong", "weak"])),
        "bool": build.bool_schema(),
        "float": build.float_schema(),
        "float | None": optional(build.float_schema()),
        "int | None": optional(build.int_schema()),
        "str | None": optional(build.str_schema()),
    }

    def fields(required: frozenset[str]) -> CoreSchema:
        return build.typed_dict_schema(
            {
                name: build.typed_dict_field(kinds[kind], required=name in required)
                for name, kind in _FIELDS.items()
            },
            cls_name="Decision",
        )

    data = build.no_info_after_validator_function(lambda given: decision(**given), fields(_REQUIRED))
    return build.json_or_python_schema(
        json_schema=data,
        python_schema=build.union_schema([build.is_instance_schema(decision), data], mode="left_to_right"),
        serialization=build.plain_serializer_function_ser_schema(
            lambda one: one.as_dict(), return_schema=fields(frozenset(_FIELDS))
        ),
    )
