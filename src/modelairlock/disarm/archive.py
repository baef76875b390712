"""The members of a zip, where all its readers agree on them."""

from modelairlock.encodings.zip import read_archive
from modelairlock.reading import Budget, Cursor, Source, Unsupported
from modelairlock.records.coverage import Gap
from modelairlock.records.facts import Irregularity, Member


def members_of(source: Source, budget: Budget) -> dict[str, Member]:
    """Each member by its name. Raises `Unsupported` for an archive that two readers would take differently."""
    found: dict[str, Member] = {}
    small: set[str] = set()
    for stated in read_archive(Cursor(source, "", budget), lambda _: "raw"):
        if isinstance(stated, Irregularity) and stated.kind.startswith("zip-"):
            raise Unsupported(stated.span.start, f"readers disagree on the archive: {stated.detail}")
        if isinstance(stated, Gap):
            raise Unsupported(stated.start, f"the archive is damaged: {stated.detail}")
        if isinstance(stated, Member):
            if stated.name.lower() in small:
                raise Unsupported(stated.span.start, f"two members of the archive are called {stated.name!r:.80}")
            small.add(stated.name.lower())
            found[stated.name] = stated
    return found
