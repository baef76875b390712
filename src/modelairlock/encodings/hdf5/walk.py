"""Every object of a file, from its root: each once, with its attributes, its links and its elements.

What a newcomer would get wrong: hard links make a graph, not a tree, and may lead back to where they came from. Links
are followed one by one, so that a group of a million costs no more memory than one of ten.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

from modelairlock.encodings.hdf5 import attributes as attribute_messages
from modelairlock.encodings.hdf5 import headers, links, storage
from modelairlock.encodings.hdf5.attributes import Attribute, Types, read_attribute
from modelairlock.encodings.hdf5.datasets import Dataset, Datasets
from modelairlock.encodings.hdf5.datatypes import Datatype
from modelairlock.encodings.hdf5.headers import Message
from modelairlock.encodings.hdf5.heaps import GlobalHeap
from modelairlock.encodings.hdf5.links import Link
from modelairlock.encodings.hdf5.storage import ExternalPart, Filter, Layout, Space
from modelairlock.encodings.hdf5.store import Fields, Store, Told
from modelairlock.encodings.hdf5.values import Values, marks_objects
from modelairlock.reading import Malformed, OverLimit, ReadProblem, Unsupported
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Fact, Reference
from modelairlock.records.span import Span

_DEPTH = 512
_PATH_CHARACTERS = 1000
#: of a message that nobody acts upon, so much is read: longer ones end in a value of any size
_HEAD = 32
#: names in one group that are compared with each other where they have no order
_NAMES = 100_000
#: called with "group", "dataset" or "datatype" and the path of each object, and with "attribute" and path@name
Note = Callable[[str, str], None]

#: called with each dataset, which is then for the caller to read, with each attribute, and with each further link to an
#: object that was met already; before it stands the path of the object
Met = Callable[[str, Dataset | Attribute | Link], None]

#: messages that say nothing a program acts upon: read, and that is all
_PLAIN = frozenset(
    (
        headers.OLD_FILL, headers.FILL, headers.GROUP_INFO, headers.COMMENT, headers.OLD_TIME, headers.TIME,
        headers.TREE_SIZES, headers.REFERENCES,
    )
)  # fmt: skip


#: messages of which an object may have several; a second of any other is read by some and overlooked by others
_MANY = frozenset((headers.ATTRIBUTE, headers.LINK, headers.COMMENT, headers.OLD_FILL))


class _Object:
    """What the messages of one object say."""

    __slots__ = (
        "attributes", "external", "filters", "kind", "layout", "link_info", "links", "objects", "seen", "space",
        "span", "tables", "where",
    )  # fmt: skip

    def __init__(self, where: str, span: Span) -> None:
        self.where, self.span = where, span
        self.kind: Datatype | None = None
        self.space: Space | None = None
        self.layout: Layout | None = None
        self.filters: list[Filter] = []
        self.external: list[ExternalPart] = []
        self.tables: list[tuple[int, int]] = []
        self.link_info: list[Message] = []
        self.links: list[Message] = []
        #: hashes of their names, which may be long
        self.attributes: set[int] = set()
        self.objects = False
        #: kinds of messages that there were
        self.seen: set[int] = set()

    @property
    def what(self) -> str:
        """What libhdf5 takes the object for."""
        if self.kind is not None:
            return "dataset" if self.space is not None else "datatype"
        return "group"


class _Open(NamedTuple):
    """A group whose links are being followed."""

    position: int
    where: str
    links: Iterator[Fact | Gap | Link]
    #: hashes of the names in it, which may be long
    names: set[int]


class Walk:
    """One walk through one file."""

    def __init__(self, store: Store, note: Note | None = None, met: Met | None = None) -> None:
        self.store, self.note, self.met = store, note, met
        self.heap = GlobalHeap(store)
        self.types = Types(store)
        self.values = Values(store, self.heap)
        self.datasets = Datasets(store, self.heap, self.values)
        self.seen: set[int] = set()
        #: the groups whose links are being followed
        self.open: set[int] = set()

    def run(self, root: int, cached: tuple[int, int] | None) -> Told:
        """Everything that can be reached from the root."""
        stack: list[_Open] = []
        yield from self._visit(Link("", Span(root, root), links.HARD, root, cached=cached), stack)
        while stack:
            group = stack[-1]
            try:
                found = next(group.links, None)
            except OverLimit:
                raise
            except ReadProblem as problem:
                yield from self.store.problem(problem, group.where or "/")
                found = None
            if found is None:
                stack.pop()
                self.open.discard(group.position)
            elif isinstance(found, Link):
                yield from self._follow(found, group, stack)
            else:
                yield found
        yield from self.datasets.together()
        yield from self.store.other_references()

    def _follow(self, link: Link, group: _Open, stack: list[_Open]) -> Told:
        yield from self._name(link, group)
        where = f"{group.where}/{link.name}"[:_PATH_CHARACTERS]
        if link.kind == links.SOFT:
            target = link.path[:_PATH_CHARACTERS]
            yield from self.store.refer(Reference(span=link.span, kind="soft-link", target=target, where=where))
        elif link.kind == links.EXTERNAL:
            target = f"{link.file}:{link.path}"[:_PATH_CHARACTERS]
            yield from self.store.refer(Reference(span=link.span, kind="external-link", target=target, where=where))
        elif link.target in self.open:
            detail = f"{where} leads back to a group that it is in"
            yield from self.store.teller.say("hdf5-cycle", *link.span, detail)
        elif link.target not in self.seen:
            yield from self._visit(link._replace(name=where), stack)
        elif self.met is not None:
            self.met(where, link)

    def _name(self, link: Link, group: _Open) -> Told:
        name = link.name
        if not name or "/" in name or "\0" in name or name == ".":
            detail = f"{_short(name)} in {group.where or '/'} is a name by which nothing can be found"
            yield from self.store.teller.say("hdf5-name-odd", *link.span, detail)
        if hash(name) in group.names:
            detail = f"{_short(name)} stands twice in {group.where or '/'}"
            yield from self.store.teller.say("hdf5-names-disagree", *link.span, detail)
        elif len(group.names) < _NAMES:
            group.names.add(hash(name))

    def _visit(self, link: Link, stack: list[_Open]) -> Told:
        """Read an object; if it is a group, its links are next."""
        position = link.target
        self.seen.add(position)
        one = _Object(link.name, Span(position, position))
        try:
            yield from self._read(one, position)
        except OverLimit:
            raise
        except ReadProblem as problem:
            yield from self.store.problem(problem, link.name or "/")
        if self.note is not None:
            self.note(one.what, link.name or "/")
        if link.cached is not None and one.tables and link.cached not in one.tables:
            detail = f"the symbol table of {link.name or '/'} stands at two places"
            yield from self.store.teller.say("hdf5-names-disagree", *link.span, detail)
            one.tables.append(link.cached)
        if one.tables or one.link_info or one.links:
            if len(stack) >= _DEPTH:
                raise OverLimit(position, f"groups nested more than {_DEPTH} deep")
            self.open.add(position)
            stack.append(_Open(position, link.name, self._links(one), set()))

    def _links(self, one: _Object) -> Iterator[Fact | Gap | Link]:
        store = self.store
        for tree, names in one.tables:
            yield from links.symbol_table(store, tree, names)
        for message in one.links:
            fields = self._fields(message)
            link = links.read_link(store, fields)
            store.consumed(fields.start, fields.position)
            yield link
        for message in one.link_info:
            yield from links.dense(store, self._fields(message))

    def _fields(self, message: Message) -> Fields:
        return Fields(self.store.peek(message.start, message.end - message.start), message.start)

    def _read(self, one: _Object, position: int) -> Told:
        messages = yield from headers.read_header(self.store, position)
        for message in messages:
            try:
                yield from self._message(one, message)
            except OverLimit:
                raise
            except ReadProblem as problem:
                yield from self.store.problem(problem, one.where or "/")
        if one.what == "dataset":
            yield from self._dataset(one)

    def _message(self, one: _Object, message: Message) -> Told:
        kind, fields = message.kind, self._fields(message)
        if kind in one.seen and kind not in _MANY:
            detail = f"{one.where or '/'} has two messages of kind {kind}, and readers differ on which counts"
            yield from self.store.teller.say("hdf5-names-disagree", message.start, message.end, detail)
        one.seen.add(kind)
        if kind == headers.ATTRIBUTE:
            yield from self._attributes(one, message, fields)
        elif kind == headers.ATTRIBUTE_INFO:
            yield from self._dense(one, message)
        elif kind == headers.LINK:
            one.links.append(message)
        elif kind == headers.LINK_INFO:
            one.link_info.append(message)
            self.store.consumed(message.start, message.end)
        elif kind == headers.DATATYPE:
            one.kind = yield from self.types.read(fields, shared=bool(message.flags & headers.SHARED))
            self.store.consumed(message.start, fields.position)
        elif message.flags & headers.SHARED:
            raise Unsupported(message.start, f"a shared message of kind {kind}")
        elif kind in _PLAIN:
            yield from self._plain(one, message)
        else:
            self._describes(one, kind, fields)
            self.store.consumed(message.start, fields.position)

    def _plain(self, one: _Object, message: Message) -> Told:
        start, end = message.start, min(message.end, message.start + _HEAD)
        self.store.consumed(start, end)
        if end < message.end:  # the value that stands for elements which were never written, or a comment
            yield from self.values.bytes(f"{one.where or '/'}, message {message.kind}", end, message.end)

    def _describes(self, one: _Object, kind: int, fields: Fields) -> None:
        store = self.store
        if kind == headers.DATASPACE:
            one.space = storage.read_space(store, fields)
        elif kind == headers.LAYOUT:
            one.layout = storage.read_layout(store, fields)
        elif kind == headers.FILTERS:
            one.filters = storage.read_filters(fields)
        elif kind == headers.EXTERNAL:
            one.external += storage.read_external(store, fields)
        elif kind == headers.SYMBOLS:
            tree, names = store.address(fields), store.address(fields)
            if tree is None or names is None:
                raise Malformed(fields.start, "the addresses of a symbol table", "none")
            one.tables.append((tree, names))
        else:
            raise Unsupported(fields.start, f"a message of kind {kind}")

    def _attributes(self, one: _Object, message: Message, fields: Fields) -> Told:
        if message.flags & headers.SHARED:
            raise Unsupported(message.start, "a shared attribute")
        attribute = yield from read_attribute(self.store, self.types, fields)
        yield from self._attribute(one, attribute)

    def _dense(self, one: _Object, message: Message) -> Told:
        """The attributes that an object keeps in a heap."""
        self.store.consumed(message.start, message.end)
        for found in attribute_messages.dense(self.store, self.types, self._fields(message)):
            if isinstance(found, Attribute):
                yield from self._attribute(one, found)
            else:
                yield found

    def _attribute(self, one: _Object, attribute: Attribute) -> Told:
        name = attribute.name
        if hash(name) in one.attributes:
            detail = f"{one.where or '/'} has two attributes called {_short(name)}"
            yield from self.store.teller.say("hdf5-names-disagree", *attribute.value, detail)
        one.attributes.add(hash(name))
        if self.note is not None:
            self.note("attribute", f"{one.where or '/'}@{name}")
        if self.met is not None:
            self.met(one.where or "/", attribute)
        if name in ("PSEUDOATOM", "FLAVOR"):
            value = self.store.peek(attribute.value.start, min(64, attribute.value.end - attribute.value.start))
            one.objects = one.objects or marks_objects(name, attribute.kind, value)
        yield from self.values.attribute(one.where or "/", attribute)

    def _dataset(self, one: _Object) -> Told:
        if one.kind is None or one.space is None or one.layout is None:
            raise Malformed(one.span.start, "a dataset with a datatype, a shape and a layout", "not all of them")
        dataset = Dataset(one.where, one.span, one.kind, one.space, one.layout, one.filters, one.external, one.objects)
        if self.met is not None:
            self.met(one.where, dataset)
        else:
            yield from self.datasets.read(dataset)


def _short(name: str) -> str:
    return repr(name if len(name) <= 80 else f"{name[:79]}…")
