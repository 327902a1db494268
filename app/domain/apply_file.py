"""Reads an apply file: YAML or JSON, `${NAME}` from the environment, every field known.

The services check the values. No message contains one: the file is full of secrets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from typing import Any

import jiter

from app.domain import strict_yaml
from app.domain.apply_shape import FILE, NOT_YET, Shape
from app.domain.bodies import reason, too_deep
from app.domain.errors import InvalidInput

MOST_BYTES = 5_000_000
REFERENCE = re.compile(r"\$\$\{|\$\{([^}]*)\}?")
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")

Document = dict[str, Any]


class FileError(InvalidInput):
    """What is wrong with the file; `param` is the place, like workspaces[0].providers[1].slug."""

    def __init__(self, path: str, text: str) -> None:
        super().__init__(f"{path}: {text}" if path else text, param=path or None)


def read(content: bytes, environ: Mapping[str, str]) -> Document:
    """Return the file's content, checked for its form, with the variables put in; raise FileError."""
    document: Document = substitute(parse(content), environ, "")
    check(document, FILE, "")
    return document


def parse(content: bytes) -> Any:
    """Return what the file says, from JSON or YAML."""
    if len(content) > MOST_BYTES:
        raise FileError("", f"The file is larger than {MOST_BYTES // 1_000_000} MB.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise FileError("", "The file is not UTF-8 text.") from None
    if not text.lstrip().startswith(("{", "[")):
        return parse_yaml(text)
    try:
        return parse_json(text)
    except FileError as not_json:
        return flow_yaml_or(not_json, text)


def parse_json(text: str) -> Any:
    """Return the JSON in `text`."""
    try:
        value = jiter.from_json(text.encode(), catch_duplicate_keys=True, allow_inf_nan=False)
    except ValueError as error:
        raise FileError("", f"This is not JSON: {reason(error)}.") from None
    if too_deep(value):
        raise FileError("", "The file is nested too deep.")
    return value


def parse_yaml(text: str) -> Any:
    """Return the YAML in `text`."""
    try:
        return strict_yaml.load(text)
    except strict_yaml.YamlError as error:
        raise FileError("", str(error)) from None


def flow_yaml_or(not_json: FileError, text: str) -> Any:
    """Return what begins like JSON but is YAML; else raise what was wrong with it as JSON."""
    try:
        return parse_yaml(text)
    except FileError:
        raise not_json from None


def substitute(value: Any, environ: Mapping[str, str], path: str) -> Any:
    """Return `value` with `${NAME}` replaced in every text; `$${` stands for `${`."""
    if isinstance(value, dict):
        return {name: substitute(item, environ, join(path, name)) for name, item in value.items()}
    if isinstance(value, list):
        return [substitute(item, environ, f"{path}[{n}]") for n, item in enumerate(value)]
    if isinstance(value, str):
        return encodable(REFERENCE.sub(lambda match: variable(match, environ, path), value), path)
    return value


def variable(match: re.Match[str], environ: Mapping[str, str], path: str) -> str:
    """Return what stands for one reference."""
    name = match[1]
    if name is None:
        return "${"
    if not match[0].endswith("}") or not VARIABLE.fullmatch(name):
        raise FileError(path, "“${” begins a variable, like ${OPENAI_API_KEY}. Write $${ for the characters.")
    if name not in environ:
        raise FileError(path, f"The environment variable {name} is not set.")
    return environ[name]


def encodable(text: str, path: str) -> str:
    """Return `text`; raise FileError when no database can keep it."""
    if "\x00" in text:
        raise FileError(path, "Must not contain NUL characters.")
    try:
        text.encode()
    except UnicodeEncodeError:
        raise FileError(path, "Must be text in Unicode.") from None
    return text


def escape(text: str) -> str:
    """Return `text` so that `substitute` gives it back."""
    return text.replace("${", "$${")


def join(path: str, name: object) -> str:
    """Return the path of a field."""
    return f"{path}.{name}" if path else str(name)


def check(value: Any, shape: Shape, path: str) -> None:
    """Raise FileError unless `value` has the shape, all the way down."""
    if not isinstance(value, dict):
        raise FileError(path, "Must be an object with fields." if path else "The file must have fields.")
    for name in value if not shape.any_field else ():
        check_name(name, shape, path)
    for name in value.keys() if shape.any_field else (shape.fields - shape.free) & value.keys():
        check_plain(value[name], join(path, name))
    check_identity(value, shape, path)
    for name in shape.objects.keys() & value.keys():
        if value[name] is not None or not shape.objects[name].may_be_null:
            check(value[name], shape.objects[name], join(path, name))
    for name in shape.lists.keys() & value.keys():
        check_list(value[name], shape.lists[name], join(path, name))


def check_name(name: str, shape: Shape, path: str) -> None:
    """Raise FileError unless the shape has the field; say why it is not there."""
    known = shape.fields | shape.objects.keys() | shape.lists.keys()
    if name in known:
        return
    if name in NOT_YET:
        raise FileError(join(path, name), "This is not available in this version.")
    close = get_close_matches(name, sorted(known), n=1)
    raise FileError(join(path, name), "There is no such field." + (f" Is it {close[0]}?" if close else ""))


def check_plain(value: Any, path: str) -> None:
    """Raise FileError for a field that holds fields or a list of such."""
    if isinstance(value, dict) or (
        isinstance(value, list) and any(isinstance(v, dict | list) for v in value)
    ):
        raise FileError(path, "Must be a plain value or a list of texts.")


def check_identity(value: Mapping[str, Any], shape: Shape, path: str) -> None:
    """Raise FileError unless the object says which one it is."""
    missing = [name for name in shape.identity if value.get(name) is None]
    if shape.any_of and len(missing) < len(shape.identity):
        missing = []
    if missing:
        raise FileError(join(path, missing[0]), "Please fill this in.")
    for name in shape.identity:
        if name in value and (not isinstance(value[name], str | None) or value[name] == ""):
            raise FileError(join(path, name), "Must be text that is not empty; put it in quotes.")


def check_list(value: Any, shape: Shape, path: str) -> None:
    """Raise FileError unless `value` is a list of such objects, each of them once."""
    if not isinstance(value, list):
        raise FileError(path, "Must be a list.")
    seen: dict[tuple[str, ...], int] = {}
    for number, item in enumerate(value):
        check(item, shape, f"{path}[{number}]")
        for identity in identities(item, shape):
            if identity in seen:
                raise FileError(f"{path}[{number}]", f"This is the same one as {path}[{seen[identity]}].")
            seen[identity] = number


def identities(item: Mapping[str, Any], shape: Shape) -> Iterator[tuple[str, ...]]:
    """Yield what tells an object from its neighbours."""
    if shape.any_of:
        yield from ((name, item[name].strip()) for name in shape.identity if item.get(name))
    else:
        yield tuple(item[name].strip() for name in shape.identity)
