"""Dataclasses to plain JSON values and back, by their annotations. Serves the state file and `/_control/state`."""

import types
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints


def pack(value: Any) -> Any:
    """JSON values for `value`. A field with metadata `kept=False` is left out; a class may bring its own `pack()`.

    Tuples, named or not, hold nothing but JSON values: there are too many of them to look inside.
    """
    if value is None or isinstance(value, str | int | float | bool | tuple):
        return value
    if isinstance(value, dict):
        return {str(key): pack(item) for key, item in value.items()}
    if is_dataclass(value):
        if own := getattr(value, "pack", None):
            return own()
        return {f.name: pack(getattr(value, f.name)) for f in fields(value) if f.metadata.get("kept", True)}
    return [pack(item) for item in (sorted(value) if isinstance(value, set) else value)]


@cache
def _hints(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)


def unpack(hint: Any, data: Any) -> Any:
    """The value annotated `hint` from what `pack()` made of it. Fields the data lacks keep their default."""
    origin, args = get_origin(hint), get_args(hint)
    if origin is Union or origin is types.UnionType:
        return None if data is None else unpack(next(a for a in args if a is not types.NoneType), data)
    if origin is dict:
        return {args[0](key): unpack(args[1], item) for key, item in data.items()}
    if origin in (list, set):
        return origin(unpack(args[0], item) for item in data)
    if origin is tuple:
        return tuple(data)
    if isinstance(hint, type) and issubclass(hint, tuple):  # a NamedTuple
        return hint(*data)
    if is_dataclass(hint):
        if own := getattr(hint, "unpack", None):
            return own(data)
        known = _hints(hint)  # type: ignore[arg-type]
        return hint(**{name: unpack(known[name], item) for name, item in data.items() if name in known})  # type: ignore[operator]
    return data
