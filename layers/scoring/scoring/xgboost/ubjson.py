"""Reads UBJSON (ubjson.org, draft 12) as XGBoost writes it, and nothing beyond.

XGBoost's own reader trusts what a file says of itself: a length that was made up, or some thousand brackets one in
another, end the process. So a model is read here first, where each length is compared with the bytes that are left.
"""

from __future__ import annotations

import struct
from typing import Any, Final

import numpy as np

_MAX_DEPTH: Final = 32
"""Brackets in one another; a model has nine."""

_MAX_VALUES: Final = 1 << 23
"""Arrays of one type count as one. A tree has some 25; each costs more memory than the byte that may announce it."""

_NUMBERS: Final = {
    code: (struct.Struct(f">{letter}"), np.dtype(f">{kind}"))
    for code, letter, kind in (
        (ord("i"), "b", "i1"),
        (ord("U"), "B", "u1"),
        (ord("I"), "h", "i2"),
        (ord("l"), "i", "i4"),
        (ord("L"), "q", "i8"),
        (ord("d"), "f", "f4"),
        (ord("D"), "d", "f8"),
    )
}
_CONSTANTS: Final = {ord("Z"): None, ord("T"): True, ord("F"): False}
_LONG: Final = ord("L")


class UbjsonError(ValueError):
    """It is not what XGBoost writes; the message says where."""


def read_ubjson(data: bytes | bytearray) -> Any:
    """The one value that ``data`` holds.

    Objects become dict, arrays of one type numpy arrays that look into ``data`` (big endian, not copied), others list.

    Raises:
        UbjsonError: it is cut, nested too deeply, has too many values, is no UBJSON, or more follows.
    """
    reader = _Reader(data)
    value = reader.value(0)
    if reader.at != len(data):
        raise UbjsonError(f"{len(data) - reader.at:,} bytes follow its end")
    return value


class _Reader:
    def __init__(self, data: bytes | bytearray) -> None:
        self._data = data
        self._values = 0
        self.at = 0

    def value(self, depth: int) -> Any:
        if depth > _MAX_DEPTH:
            raise UbjsonError(f"at byte {self.at:,} it is nested more than {_MAX_DEPTH} deep")
        self._values += 1
        if self._values > _MAX_VALUES:
            raise UbjsonError(f"it holds more than {_MAX_VALUES:,} values")
        code = self._byte()
        if code == ord("{"):
            return self._object(depth)
        if code == ord("["):
            return self._array(depth)
        if code == ord("S"):
            return self._text()
        if code in _CONSTANTS:
            return _CONSTANTS[code]
        return self._number(code)

    def _object(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while self._peek() != ord("}"):
            name = self._text()
            if name in found:
                raise UbjsonError(f"at byte {self.at:,} a name stands for the second time")
            found[name] = self.value(depth + 1)
        self.at += 1
        return found

    def _array(self, depth: int) -> Any:
        typed = self._peek() == ord("$")
        kind = 0
        if typed:
            self.at += 1
            kind = self._byte()
        if self._byte() != ord("#"):
            raise UbjsonError(f"at byte {self.at - 1:,} an array does not say how long it is")
        count = self._length()
        if not typed:
            self._need(count)  # the smallest value has a byte
            return [self.value(depth + 1) for _ in range(count)]
        if kind not in _NUMBERS:
            raise UbjsonError(f"at byte {self.at:,} an array is of an unknown type")
        dtype = _NUMBERS[kind][1]
        self._need(count * dtype.itemsize)
        array = np.frombuffer(self._data, dtype, count, self.at)
        self.at += array.nbytes
        return array

    def _text(self) -> str:
        size = self._length()
        self._need(size)
        text = bytes(self._data[self.at : self.at + size])
        self.at += size
        try:
            return text.decode()
        except UnicodeDecodeError as error:
            raise UbjsonError(f"before byte {self.at:,} a text is not UTF-8") from error

    def _length(self) -> int:
        if self._byte() != _LONG:
            raise UbjsonError(f"at byte {self.at - 1:,} a length should stand")
        size = int(self._number(_LONG))
        if size < 0:
            raise UbjsonError(f"before byte {self.at:,} a length is negative")
        return size

    def _number(self, code: int) -> Any:
        if code not in _NUMBERS:
            raise UbjsonError(f"at byte {self.at - 1:,} an unknown type stands")
        form = _NUMBERS[code][0]
        self._need(form.size)
        (number,) = form.unpack_from(self._data, self.at)
        self.at += form.size
        return number

    def _peek(self) -> int:
        self._need(1)
        return self._data[self.at]

    def _byte(self) -> int:
        byte = self._peek()
        self.at += 1
        return byte

    def _need(self, size: int) -> None:
        if size > len(self._data) - self.at:
            raise UbjsonError(f"it is cut off: at byte {self.at:,} {size:,} more are announced")
