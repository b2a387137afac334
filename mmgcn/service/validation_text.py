"""Messages about invalid requests in the terms of the API, not in those of pydantic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

MAX_SHOWN = 60  # characters of a value in a message

# Type of pydantic's error -> what was expected; {name} is a value of the error's context.
EXPECTED = {
    "greater_than_equal": "it must be at least {ge:g}",
    "less_than_equal": "it must be at most {le:g}",
    "finite_number": "it must be a finite number",
    "int_parsing": "expected an integer",
    "int_parsing_size": "expected an integer of fewer digits",
    "int_type": "expected an integer",
    "int_from_float": "expected an integer",
    "float_parsing": "expected a number",
    "float_type": "expected a number",
    "bool_parsing": "expected true or false",
    "bool_type": "expected true or false",
    "literal_error": "expected {expected}",
    "string_type": "expected a text",
    "string_too_short": "it must not be empty",
    "string_too_long": "it must have at most {max_length} characters",
    "string_pattern_mismatch": "it must not contain control characters",
    "string_unicode": "it must be valid Unicode",
    "list_type": "expected a list",
    "too_short": "it must have at least {min_length} entries",
    "too_long": "it must have at most {max_length} entries",
    "dict_type": "expected an object",
    "model_type": "expected an object",
    "model_attributes_type": "expected an object",
}


def field_of(error: Mapping[str, Any]) -> str:
    """Return the part of the request that is wrong.

    >>> field_of({"loc": ("body", "events", 0, "seconds")}), field_of({"loc": ("query", "k")})
    ('events.0.seconds', 'k')
    """
    return ".".join(str(part) for part in error["loc"][1:]) or str(error["loc"][0])


def text_of(error: Mapping[str, Any]) -> str:
    """Return one line on an error of pydantic: what was received and what was expected.

    >>> text_of({"type": "greater_than_equal", "loc": ("query", "k"), "input": "-3",
    ...          "ctx": {"ge": 1}})
    'k is -3; it must be at least 1'
    """
    field, kind, given = field_of(error), error["type"], error.get("input")
    if kind == "json_invalid":
        return f"the body is not JSON: character {error['loc'][-1]} is not expected"
    if kind == "missing":
        return f"{field} is missing"
    if kind == "extra_forbidden":
        return f"{field} is not a field of the request; leave it out"
    expected = EXPECTED.get(kind, "it is not valid").format_map(error.get("ctx") or {})
    if isinstance(given, list | dict):
        given = f"a list of {len(given):,}" if isinstance(given, list) else "an object"
    elif kind == "string_too_short":
        given = "empty"
    elif isinstance(given, bytes) or given is None:
        given = "no text" if given else "null"
    else:
        text = str(given)
        text = text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"
        number = isinstance(given, int | float) or kind.startswith(("greater", "less"))
        given = text if number else f"'{text}'"
    return f"{field} is {given}; {expected}"
