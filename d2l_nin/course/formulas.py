"""Formulas as MathML, which browsers show by themselves."""

from __future__ import annotations

from xml.etree import ElementTree

from latex2mathml.converter import convert as latex_to_mathml

__all__ = ["to_mathml"]

_PRIMES = {"\u2032", "\u2033", "\u2034"}
_NAMESPACE = "http://www.w3.org/1998/Math/MathML"


def to_mathml(text: str, display: str = "inline") -> str:
    """A formula as MathML whose primes stand beside the letter at full size.

    The character is raised already: as an exponent it would shrink and float away.
    """
    ElementTree.register_namespace("", _NAMESPACE)
    root = ElementTree.fromstring(latex_to_mathml(text, display=display))
    for element in list(root.iter()):
        kind = element.tag.rpartition("}")[2]
        if kind not in ("msup", "msubsup") or element[-1].text not in _PRIMES:
            continue
        *inside, prime = element
        sign = ElementTree.Element(f"{{{_NAMESPACE}}}mo", lspace="0em", rspace="0em")
        sign.text = prime.text
        for child in list(element):
            element.remove(child)
        if kind == "msubsup":
            below = ElementTree.Element(f"{{{_NAMESPACE}}}msub")
            below.extend(inside)
            inside = [below]
        element.tag = f"{{{_NAMESPACE}}}mrow"
        element.extend([*inside, sign])
    return ElementTree.tostring(root, encoding="unicode")
