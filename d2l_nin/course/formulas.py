"""Formulas as MathML, which browsers show by themselves."""

from __future__ import annotations

from xml.etree import ElementTree

from latex2mathml.converter import convert as latex_to_mathml

__all__ = ["to_mathml"]

_PRIMES = {"\u2032", "\u2033", "\u2034"}
_NAMESPACE = "http://www.w3.org/1998/Math/MathML"


_TIGHT = {"lspace": "0em", "rspace": "0em"}
_CLOSING = {")", "]", "}", "|", *_PRIMES}
_SIGNS = {"+", "\u2212"}


def to_mathml(text: str, display: str = "inline") -> str:
    """A formula as MathML, which reads as LaTeX sets it.

    `latex2mathml` leaves to browsers what they can't know: which minus is a sign, that
    `log` is a function, that a comma stands within a number.
    """
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(latex_to_mathml(text, display=display))
    for element in list(root.iter()):
        kind = _kind(element)
        if kind in ("msup", "msubsup") and element[-1].text in _PRIMES:
            _set_prime(element)
        elif kind == "mo":
            _set_operator(element)
        elif kind == "mrow":
            _set_row(element)
    return ElementTree.tostring(root, encoding="unicode")


def _named(kind: str) -> str:
    return f"{{{_NAMESPACE}}}{kind}"


def _kind(element) -> str:
    return element.tag.rpartition("}")[2]


def _set_prime(element) -> None:
    """Put a prime beside its letter at full size, before what stands below both.

    The character is raised already: as an exponent it would shrink and float away.
    """
    letter, *below, prime = list(element)
    sign = ElementTree.Element(_named("mo"), _TIGHT)
    sign.text = prime.text
    for child in list(element):
        element.remove(child)
    if not below:
        element.tag = _named("mrow")
        element.extend([letter, sign])
        return
    element.tag = _named("msub")
    both = ElementTree.SubElement(element, _named("mrow"))
    both.extend([letter, sign])
    element.extend(below)


def _set_operator(element) -> None:
    if element.text == "/":
        element.attrib.update(_TIGHT)
    elif element.get("minsize") == "1.2em":  # a stretched one would stand off
        element.attrib = {"stretchy": "false", "mathsize": "1.2em", **_TIGHT}
    elif (element.text or "").isalpha():  # \max
        element.tag, element.attrib = _named("mi"), {}


def _set_row(row) -> None:
    """Signs, commas within numbers, and the space after the name of a function."""
    if len(row) == 1 and row[0].text == ",":  # {,}
        row[0].attrib.update(_TIGHT)
    children = list(row)
    for child, after in reversed(list(zip(children, children[1:]))):
        text, kind, follows = child.text or "", _kind(child), _kind(after)
        is_name = kind in ("mi", "mo") and len(text) > 1 and text.isalpha()
        if is_name and follows != "mo":
            space = ElementTree.Element(_named("mspace"), width="0.167em")
            row.insert(list(row).index(after), space)
        may_end = is_name or kind != "mo" or text in _CLOSING
        if follows == "mo" and after.text in _SIGNS and not may_end:
            after.set("form", "prefix")
