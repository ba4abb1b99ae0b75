"""Reads a pickle without carrying it out.

The opcodes are those of :mod:`pickletools`, which only decodes them. Python's own unpickler
imports and calls what a pickle names and is not used; here a name is only compared with
the table in :mod:`napari_padis.prior.pickle_names`.
"""

from __future__ import annotations

import pickletools
import struct
import warnings
from collections.abc import Callable
from typing import IO, Any

from napari_padis.prior.pickle_names import ALLOWED, CALLS, MODULES, NESTED, build, key
from napari_padis.prior.pickle_values import (
    MOST_OPCODES,
    Budget,
    Name,
    Refused,
    Storage,
    StoredObject,
    StoredTensor,
    quoted,
)

#: What damaged opcodes raise, in decoding them or in what is done with them.
_DAMAGE = (
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ArithmeticError,
    MemoryError,
    struct.error,
)


class Machine:
    """Stack machine of one pickle.

    Parameters
    ----------
    stream : binary file
        Read up to the pickle's end; its ``read`` must not allocate more than there is.
    budget : Budget
    storage : callable, optional
        Storage for a persistent id; without it such ids are refused.
    nested : callable, optional
        Storage for the bytes of a file within this one; without it those are refused.
    """

    def __init__(
        self,
        stream: IO[bytes],
        budget: Budget,
        storage: Callable[[object], Storage] | None = None,
        nested: Callable[[bytes], Storage] | None = None,
    ) -> None:
        self.stream, self.budget = stream, budget
        self.storage, self.nested = storage, nested
        self.stack: list[Any] = []
        self.marks: list[list[Any]] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> object:
        """Read one pickle.

        Raises
        ------
        Refused
            If it is damaged, too large, or holds anything but data.
        """
        try:
            with warnings.catch_warnings():
                # Old text opcodes with odd escapes warn; what they give is checked anyway.
                warnings.simplefilter("ignore")
                return self._run()
        except _DAMAGE as error:
            raise Refused("it is damaged or no pickle") from error

    def _run(self) -> object:
        for opcode, argument, _ in pickletools.genops(self.stream):
            self.budget.opcodes -= 1
            if self.budget.opcodes < 0:
                raise Refused(f"it has more than {MOST_OPCODES} instructions")
            if opcode.name == "STOP":
                return self.stack.pop()
            if opcode.name in _PUSH:
                self._push(argument)
            elif action := _ACTIONS.get(opcode.name):
                action(self, argument)
            elif opcode.name not in ("PROTO", "FRAME"):
                raise Refused(f"it uses the instruction {opcode.name}")
        raise ValueError("no end")

    def _push(self, value: Any) -> None:
        if type(value) is int and value.bit_length() > 128:
            raise Refused("it holds an absurdly large number")
        self.stack.append(value)

    def _pop_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marks.pop()
        return items

    def _mark(self, _: Any) -> None:
        self.marks.append(self.stack)
        self.stack = []

    def _pop(self, _: Any) -> None:
        # On an empty level this takes the mark itself away, as Python does.
        if self.stack:
            self.stack.pop()
        else:
            self._pop_mark()

    def _put(self, index: int) -> None:
        self.memo[index] = self.stack[-1]

    def _get(self, index: int) -> None:
        self.stack.append(self.memo[index])

    def _tuple(self, count: int) -> None:
        if len(self.stack) < count:
            raise IndexError
        self.stack[-count:] = [tuple(self.stack[-count:])]

    def _extend(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        elif type(target) is set:
            target.update(key(item) for item in items)
        else:
            raise Refused("it appends to something that is no list")

    def _set_items(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is not dict:
            raise Refused("it adds entries to something that is no dictionary")
        for name, value in zip(items[::2], items[1::2], strict=True):
            target[key(name)] = value

    def _close(self, make: Callable[[list[Any]], object]) -> None:
        """Replace everything above the mark by one value."""
        items = self._pop_mark()
        self.stack.append(make(items))

    def _dict(self, _: Any) -> None:
        items = self._pop_mark()
        self.stack.append({})
        self._set_items(items)

    def _global(self, module: object, name: object) -> None:
        found = Name(module, name) if isinstance(module, str) and isinstance(name, str) else None
        if found is None or str(found) not in ALLOWED:
            raise Refused(f"it names {quoted(found or name)}, which is no part of a network")
        self.stack.append(found)

    def _stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self._global(module, name)

    def _reduce(self, _: Any) -> None:
        arguments, function = self.stack.pop(), self.stack.pop()
        self.stack.append(self._call(function, arguments))

    def _new(self, _: Any) -> None:
        arguments, kind = self.stack.pop(), self.stack.pop()
        if isinstance(kind, Name) and str(kind) in MODULES and arguments == ():
            self.stack.append(StoredObject(kind.name))
        else:
            self.stack.append(self._call(kind, arguments))

    def _call(self, function: object, arguments: object) -> object:
        if not isinstance(function, Name) or type(arguments) is not tuple:
            raise Refused("it calls something that is no function")
        if str(function) == NESTED:
            if self.nested is None or len(arguments) != 1 or type(arguments[0]) is not bytes:
                raise Refused("it holds a file within a file within a file")
            return self.nested(arguments[0])
        if str(function) not in CALLS:
            raise Refused(f"it calls {quoted(function)}, which is no part of a network")
        value = CALLS[str(function)](*arguments)
        if isinstance(value, StoredTensor) and function.name == "_rebuild_tensor_v2":
            self.budget.spend(value)
        return value

    def _build(self, _: Any) -> None:
        state = self.stack.pop()
        self.stack[-1] = build(self.stack[-1], state)

    def _persistent(self, _: Any) -> None:
        if self.storage is None:
            raise Refused("it refers to objects outside the file")
        self.stack.append(self.storage(self.stack.pop()))


_PUSH = {
    *("INT", "BININT", "BININT1", "BININT2", "LONG", "LONG1", "LONG4", "FLOAT", "BINFLOAT"),
    *("STRING", "BINSTRING", "SHORT_BINSTRING", "BINBYTES", "SHORT_BINBYTES", "BINBYTES8"),
    *("BYTEARRAY8", "UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"),
}

_ACTIONS: dict[str, Callable[[Machine, Any], object]] = {
    "NONE": lambda m, _: m.stack.append(None),
    "NEWTRUE": lambda m, _: m.stack.append(True),
    "NEWFALSE": lambda m, _: m.stack.append(False),
    "EMPTY_LIST": lambda m, _: m.stack.append([]),
    "EMPTY_DICT": lambda m, _: m.stack.append({}),
    "EMPTY_SET": lambda m, _: m.stack.append(set()),
    "EMPTY_TUPLE": lambda m, _: m.stack.append(()),
    "MARK": Machine._mark,
    "POP": Machine._pop,
    "POP_MARK": lambda m, _: m._pop_mark(),
    "DUP": lambda m, _: m.stack.append(m.stack[-1]),
    "LIST": lambda m, _: m._close(list),
    "TUPLE": lambda m, _: m._close(tuple),
    "DICT": Machine._dict,
    "TUPLE1": lambda m, _: m._tuple(1),
    "TUPLE2": lambda m, _: m._tuple(2),
    "TUPLE3": lambda m, _: m._tuple(3),
    "FROZENSET": lambda m, _: m._close(lambda items: frozenset(map(key, items))),
    "APPEND": lambda m, _: m._extend([m.stack.pop()]),
    "APPENDS": lambda m, _: m._extend(m._pop_mark()),
    "ADDITEMS": lambda m, _: m._extend(m._pop_mark()),
    "SETITEM": lambda m, _: m._set_items([m.stack.pop(), m.stack.pop()][::-1]),
    "SETITEMS": lambda m, _: m._set_items(m._pop_mark()),
    "PUT": Machine._put,
    "BINPUT": Machine._put,
    "LONG_BINPUT": Machine._put,
    "MEMOIZE": lambda m, _: m._put(len(m.memo)),
    "GET": Machine._get,
    "BINGET": Machine._get,
    "LONG_BINGET": Machine._get,
    "GLOBAL": lambda m, names: m._global(*str(names).split(" ", 1)),
    "STACK_GLOBAL": Machine._stack_global,
    "REDUCE": Machine._reduce,
    "NEWOBJ": Machine._new,
    "BUILD": Machine._build,
    "BINPERSID": Machine._persistent,
}
