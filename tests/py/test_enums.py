"""The enums of the drop-in beside those that the standard library makes of the same constants: what
is in the classes and the members, and what both do. See python/ext/class/enum_members.c."""

import copy
import enum
import inspect
import pickle
import sys
import types

import pytest
from testkit import run_python

from csock import _core, _socket, dropin

ENUMS = {
    "AddressFamily": (enum.IntEnum, "AF_"),
    "SocketKind": (enum.IntEnum, "SOCK_"),
    "MsgFlag": (enum.IntFlag, "MSG_"),
    "AddressInfo": (enum.IntFlag, "AI_"),
}
LAYOUT_IS_KNOWN = (3, 13) <= sys.version_info < (3, 16)
CACHE = "_inverted_"  # a flag keeps its inverse there once it has been asked for
quick = pytest.mark.skipif(not LAYOUT_IS_KNOWN, reason="all members are the standard library's")


def constants_of(name):
    prefix = ENUMS[name][1]
    return {key: value for key, value in vars(_socket).items() if key.startswith(prefix)}


def by_the_library(name, constants):
    """A module of its own with the enum, as the standard library makes it, and its members."""
    module = types.ModuleType("enums_of_the_library")
    sys.modules[module.__name__] = module
    source = types.SimpleNamespace(**constants)
    ENUMS[name][0]._convert_(name, module.__name__, str.isupper, source)
    return module


@pytest.fixture(params=ENUMS)
def pair(request):
    """Our enum, and the library's."""
    name = request.param
    yield getattr(dropin, name), getattr(by_the_library(name, constants_of(name)), name)
    sys.modules.pop("enums_of_the_library", None)


def outline(o, cls):
    """What an attribute is, in words that are the same for two classes that are."""
    if type(o) is cls:
        return ["member", int(o), *((k, outline(v, cls)) for k, v in vars(o).items() if k != CACHE)]
    if isinstance(o, dict):
        # Without the combinations of flags that somebody has asked for by now.
        items = ((k, v) for k, v in o.items() if type(v) is not cls or v.name in cls.__members__)
        return ["dict", *((outline(k, cls), outline(v, cls)) for k, v in items)]
    if isinstance(o, (list, tuple)):
        return [type(o), [outline(item, cls) for item in o]]
    if isinstance(o, enum.property):
        return ["property", [(k, outline(v, cls)) for k, v in vars(o).items()]]
    if isinstance(o, types.GetSetDescriptorType):
        return ["descriptor", o.__name__]
    return "the class" if o is cls else (type(o), o)


def test_classes_have_the_same_attributes(pair):
    ours, theirs = ([k for k in vars(cls) if k != "__new__"] for cls in pair)
    assert ours == theirs  # in their order, but for __new__
    for key in vars(pair[1]):
        if key != "__module__":
            ours, theirs = (outline(vars(cls)[key], cls) for cls in pair)
            assert ours == theirs, key
    assert pair[0].__module__ == "csock.dropin"
    assert pair[0].__mro__[1:] == pair[1].__mro__[1:]
    assert type(pair[0]) is type(pair[1])


def outcome(call, cls):
    try:
        result = call(cls)
    except Exception as error:
        return type(error), str(error)
    return outline(result, cls)


def first_two(cls):
    members = list(cls)
    return members[0], members[1]


def reassign(cls):
    setattr(cls, next(iter(cls.__members__)), 1)


DOINGS = [
    list,
    len,
    dir,
    repr,
    bool,
    lambda cls: [hash(member) for member in cls],
    lambda cls: list(reversed(cls)),
    lambda cls: [repr(member) for member in cls],
    lambda cls: [str(member) for member in cls],
    lambda cls: [f"{member:>8} {member!r:>40}" for member in cls],
    lambda cls: [(member.name, member.value) for member in cls],
    lambda cls: list(cls.__members__.items()),
    lambda cls: [cls(member.value) for member in cls.__members__.values()],
    lambda cls: [cls[name] for name in cls.__members__],
    lambda cls: [getattr(cls, name) is cls[name] for name in cls.__members__],
    lambda cls: [cls(cls[name]) is cls[name] for name in cls.__members__],
    lambda cls: [member in cls for member in cls],
    lambda cls: [value in cls for value in range(-2, 300)],
    lambda cls: "AF_INET" in cls,
    lambda cls: cls(12345678901),
    lambda cls: cls(-1),
    lambda cls: cls("x"),
    lambda cls: cls["AF_NONE"],
    lambda cls: cls.AF_NONE,
    lambda cls: [first_two(cls)[0] | first_two(cls)[1], first_two(cls)[0] & first_two(cls)[1]],
    lambda cls: [first_two(cls)[0] ^ first_two(cls)[1], ~first_two(cls)[1]],
    lambda cls: repr(first_two(cls)[0] | first_two(cls)[1] | 1 << 40),
    lambda cls: list(first_two(cls)[0] | first_two(cls)[1]),
    lambda cls: first_two(cls)[1] in first_two(cls)[0],
    lambda cls: [cls(value) for value in range(40)],
    lambda cls: [repr(~cls(value)) for value in range(40)],
    lambda cls: [copy.copy(m) is m and copy.deepcopy(m) is m for m in cls],
    lambda cls: [m.__reduce_ex__(4)[1:] for m in cls],
    lambda cls: [sorted(cls), max(cls), sum(cls)],
    lambda cls: str(inspect.signature(cls)),
    lambda cls: inspect.getmembers(cls, lambda o: type(o) is cls),
    lambda cls: types.new_class("More", (cls,)),
    lambda cls: setattr(first_two(cls)[0], "name", "x"),
    lambda cls: [dir(member) for member in cls],
    reassign,
    lambda cls: delattr(cls, next(iter(cls.__members__))),
    lambda cls: [cls.__doc__, cls.__qualname__],
    lambda cls: [member.__objclass__ is cls for member in cls],
]


def test_classes_do_the_same(pair):
    for number, call in enumerate(DOINGS):
        ours, theirs = (outcome(call, cls) for cls in pair)
        assert ours == theirs, (number, inspect.getsource(call))


def test_members_pickle(pair):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        for member in pair[0]:
            assert pickle.loads(pickle.dumps(member, protocol)) is member


@pytest.mark.parametrize("name", ENUMS)
def test_members_are_in_the_places_of_the_constants(name):
    constants = constants_of(name)
    cls = getattr(dropin, name)
    for key in constants:
        value = getattr(dropin, key)
        assert value == constants[key]
        assert value is cls.__members__[key] if key.isupper() else type(value) is int


MEMBERS = [(1, "A"), (2, "B"), (2, "OTHER_B"), (8, "C")]


def example(base, members=MEMBERS[:1]):
    module = types.ModuleType("enums_of_the_library")
    sys.modules[module.__name__] = module
    try:
        source = types.SimpleNamespace(**{name: value for value, name in members})
        return base._convert_("Example", module.__name__, str.isupper, source)
    finally:
        del sys.modules[module.__name__]


@quick
@pytest.mark.parametrize("base", [enum.IntEnum, enum.IntFlag])
def test_this_python_is_known(base):
    """Otherwise the drop-in is slower to import than need be."""
    cls, theirs = example(base), example(base, MEMBERS)
    assert _core.add_members(cls, MEMBERS)
    assert list(cls.__members__) == ["A", "B", "OTHER_B", "C"]
    for key in vars(theirs):
        assert outline(vars(cls)[key], cls) == outline(vars(theirs)[key], theirs), key


@quick
@pytest.mark.parametrize(
    "change",
    [
        lambda cls: type.__setattr__(cls, "_more_", {"A": 1}),
        lambda cls: type.__setattr__(cls, "_more_", 1),
        lambda cls: type.__setattr__(cls, "A", object()),
        lambda cls: type.__delattr__(cls, "_member_map_"),
        lambda cls: type.__delattr__(cls, "_new_member_"),
        lambda cls: type.__setattr__(cls, "_member_names_", ("A",)),
        lambda cls: cls._member_names_.append("Z"),
        lambda cls: cls._member_map_.update(Z=1),
        lambda cls: cls._value2member_map_.update({3: 1}),
        lambda cls: cls._unhashable_values_.append(3),
        lambda cls: setattr(cls.A, "more", 1),
        lambda cls: setattr(cls.A, "_sort_order_", 1),
        lambda cls: setattr(cls.A, "_value_", 10**10),
        lambda cls: setattr(cls.A, "_name_", "Z"),
    ],
)
def test_what_is_not_known_is_left_alone(change):
    cls = example(enum.IntEnum)
    change(cls)
    before = repr(vars(cls)), repr(vars(vars(cls)["A"])) if type(cls.A) is cls else None
    assert _core.add_members(cls, MEMBERS) is False
    assert (repr(vars(cls)), repr(vars(vars(cls)["A"])) if type(cls.A) is cls else None) == before


@quick
def test_flags_of_several_bits_are_left_to_the_library():
    for value in (0, 3, 6, -1, 1 << 64):
        cls = example(enum.IntFlag)
        assert _core.add_members(cls, [(1, "A"), (value, "B")]) is False
        assert list(cls.__members__) == ["A"]


@quick
def test_only_an_enum_of_the_first_member_gets_others():
    assert _core.add_members(int, MEMBERS) is False
    assert _core.add_members(types.new_class("Plain"), MEMBERS) is False
    assert _core.add_members(example(enum.IntEnum), MEMBERS[1:]) is False
    for wrong in ([], [1], [(1,)], [("A", 1)], [(1, "A"), (2, b"B")], [(1, "A"), (True, "B")]):
        with pytest.raises(TypeError, match="tuples of an int and a str"):
            _core.add_members(example(enum.IntEnum), wrong)
    for wrong in ((), (1, MEMBERS), (example(enum.IntEnum), tuple(MEMBERS))):
        with pytest.raises(TypeError):
            _core.add_members(*wrong)


@quick
@pytest.mark.parametrize("change", ["del c.add_members", "c.add_members = lambda *a: False"])
def test_the_library_can_make_them_all(change):
    program = """if True:
        import csock._core as c; c.add_members; %s
        import csock.dropin as d
        for e in (d.AddressFamily, d.SocketKind, d.MsgFlag, d.AddressInfo):
            print([(name, repr(m), m is getattr(d, name)) for name, m in e.__members__.items()])
    """
    library, ours = (run_python(program % how).stdout for how in (change, "pass"))
    assert library == ours and ours.count("True") > 50 and "False" not in ours
