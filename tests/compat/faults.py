"""What AWS's front end says of an input: the rules of the texts, written down a second time.

Shapes are those of `model.service_input`; nothing here knows wardbook.
"""

import base64
import binascii
import re

ECHO_CHARS = 256
FAULTS = 10
NUMBER = "class com.amazon.coral.value.json.numbers.TruncatingBigNumber"
YEAR_9999 = 253_402_300_799
STEERS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
WANTED = {"blob": "a Blob", "integer": "an Integer", "boolean": "an Boolean", "timestamp": "an Date"}


class WrongType(Exception):
    """The first value that cannot be read as what it should be."""


def refusal(told, given):
    """The code and text with which the front end refuses this input, or None."""
    try:
        found = conformed(told, given)
    except WrongType as wrong:
        return "SerializationException", str(wrong)
    faults = of_structure(told, found, "")[:FAULTS]
    if not faults:
        return None
    count = f"{len(faults)} validation error{'s' if len(faults) > 1 else ''} detected: "
    return "ValidationException", STEERS.sub("\ufffd", count + "; ".join(faults))


def conformed(told, given):
    """The members that are known and not null, with truncated numbers."""
    present = [member for member in told if given.get(member["name"]) is not None]
    return {member["name"]: read(member, given[member["name"]]) for member in present}


def read(shape, value):
    kind = shape["type"]
    if value is None:
        return None
    match value:
        case str() if kind == "string":
            return value
        case str() if kind == "blob":
            return blob(value)
        case bool() if kind == "boolean":
            return value
        case bool() if kind not in ("list", "map", "structure"):
            raise WrongType(f"class java.lang.Boolean can not be converted to {WANTED.get(kind, 'an String')}")
        case int() | float() if kind == "integer":
            return max(-(2**63), min(2**63 - 1, int(value)))
        case int() | float() if kind == "timestamp" and abs(value) <= YEAR_9999:
            return value
        case list() if kind == "list":
            return [read(shape["member"], entry) for entry in value]
        case dict() if kind == "map":
            return {key: read({"type": "string"}, entry) for key, entry in value.items()}
        case dict() if kind == "structure":
            return conformed(shape["members"], value)
        case dict():
            raise WrongType("Start of structure or map found where not expected.")
        case list():
            raise WrongType("Start of list found where not expected")
    if kind in ("list", "map", "structure"):
        raise WrongType({"list": "Expected list or null", "map": "Expected map or null"}.get(kind, "Expected null"))
    found = "class java.lang.String" if isinstance(value, str) else NUMBER
    raise WrongType(f"{found} can not be converted to {WANTED.get(kind, 'an String')}")


def blob(text):
    cannot = "The value can not be converted to a Blob: "
    if len(text) % 4:
        raise WrongType(
            f"{cannot}Base64 encoded length is expected a multiple of 4 bytes but found: {len(text)}"
        )
    if not re.fullmatch("[A-Za-z0-9+/]*={0,2}", text):
        raise WrongType(cannot + "Invalid Base64 character")
    try:
        found = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise WrongType(cannot + "Invalid Base64 character") from None
    if base64.b64encode(found).decode() != text:
        raise WrongType(cannot + "Invalid last non-pad Base64 character dectected")
    return found


def of_structure(told, found, path):
    faults = []
    for member in told:
        at = f"{path}.{lower_camel(member['name'])}" if path else lower_camel(member["name"])
        if member["name"] in found:
            faults += of_value(member, found[member["name"]], at)
        elif member["required"]:
            faults.append(fault("" if sensitive(member) else " null", at, "not be null"))
    return faults


def of_value(shape, value, at):
    broken = [text for text, holds in rules(shape) if not holds(value)]
    faults = [fault(shown(shape, value), at, rule) for rule in broken]
    if shape["type"] == "structure":
        faults += of_structure(shape["members"], value, at)
    elif shape["type"] == "map":
        nulls = [key for key, entry in value.items() if entry is None]
        faults += [fault(" null", f"{at}.{echo(key)}.member", "not be null") for key in nulls]
    elif shape["type"] == "list":
        faults += of_list(shape["member"], value, at)
    return faults


def of_list(shape, entries, at):
    asked = rules(shape)
    faults = []
    if any(not holds(entry) for entry in entries if entry is not None for _, holds in asked):
        texts = ", ".join(f"Member must {text}" for text, _ in asked)
        faults.append(fault(shown(shape, entries), at, f"satisfy constraint: [{texts}]"))
    for index, entry in enumerate(entries, 1):
        if entry is None:
            faults.append(fault(" null", f"{at}.{index}.member", "not be null"))
        elif shape["type"] == "structure":
            faults += of_value(shape, entry, f"{at}.{index}.member")
    return faults


def rules(shape):
    """What is asked of a value: the text after `Member must `, and whether it holds."""
    number = shape["type"] == "integer"
    word, size = ("value", lambda value: value) if number else ("length", len)
    asked = []
    if "max" in shape:
        asked.append((f"have {word} less than or equal to {shape['max']}", lambda v: size(v) <= shape["max"]))
    if "min" in shape:
        asked.append((f"have {word} greater than or equal to {shape['min']}", lambda v: size(v) >= shape["min"]))
    if "enum" in shape:
        names = ", ".join(shape["enum"])
        asked.append((f"satisfy enum value set: [{names}]", lambda v: v in shape["enum"]))
    if "pattern" in shape:
        # As Java reads it.
        pattern = shape["pattern"].replace(r"\p{ASCII}", "[\x00-\x7f]")
        pattern = pattern.replace(":.+$", ":[^\n\r\x85\u2028\u2029]+$")
        asked.append(
            (
                f"satisfy regular expression pattern: {shape['pattern']}",
                lambda v: re.fullmatch(pattern, v, re.ASCII),
            )
        )
    return asked


def sensitive(shape):
    inside = [*shape.get("members", []), *([shape["member"]] if "member" in shape else [])]
    return bool(shape.get("sensitive")) or any(sensitive(part) for part in inside)


def shown(shape, value):
    return "" if sensitive(shape) or shape["type"] == "blob" else f" '{echo(plain(value))}'"


def plain(value):
    """Lists and maps as Java prints them."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case list():
            return "[" + ", ".join(map(plain, value)) + "]"
        case dict():
            return "{" + ", ".join(f"{key}={plain(entry)}" for key, entry in value.items()) + "}"
    return str(value)


def echo(text):
    return text if len(text) <= ECHO_CHARS else text[:ECHO_CHARS] + "..."


def fault(shown, at, rule):
    return f"Value{shown} at '{at}' failed to satisfy constraint: Member must {rule}"


def lower_camel(name):
    return name[0].lower() + name[1:]
