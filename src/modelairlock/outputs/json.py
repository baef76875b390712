"""Writes the record as JSON, schema ``modelairlock/scan/1``, straight from the records.

The schema only ever gains fields.
"""

from collections.abc import Iterator
from typing import Any

from modelairlock.records.described import described_schema
from modelairlock.records.output import Output, View
from modelairlock.records.scan import SCHEMA, ScanRecord

#: what the fields mean, where the name alone does not say it
_DESCRIPTIONS = {
    "ScanRecord.verdict": "The worst verdict of all subjects; incomplete if there is none.",
    "ScanRecord.started": "When the scan began, RFC 3339, UTC.",
    "ScanRecord.subjects": "One entry a file, in the order of the walk.",
    "ScanRecord.excluded": "Files that were not looked at, and why.",
    "ScanRecord.repositories": "Folders that a loader opens as one: each is never better than its worst file.",
    "ScanRecord.errors": "What the operator can mend: missing sources, empty folders.",
    "ScanRecord.hashed": "Whether digests were computed.",
    "ScanRecord.settings": "The settings files that had a say: one at most, unless several reports were judged again.",
    "ScanRecord.rejudged": "Whether facts came from the cache alone; isolation is the least they were read with.",
    "Excluded.same_as": "What a link leads to, where that is looked at; a folder ends in a slash.",
    "Repository.path": "The folder, as its files are named; a point for the one that the scan began in.",
    "Repository.files": "How many files belong to it, each under each of its names.",
    "Repository.findings": "What its files amount to together; each points at the file that it rests on.",
    "Repository.gaps": "Why it is incomplete, where that is not because of one of its files.",
    "Settings.path": "As the command line found it or was given it.",
    "Settings.keys": "What it decided, by the names of the options; those on the command line are not among them.",
    "Subject.path": "As given by the operator; members follow after an exclamation mark.",
    "Subject.sha256": "Of the file's bytes, hexadecimal; null for members and when hashing was turned off.",
    "Subject.size_bytes": "Of the artifact, once decompressed if it is a member.",
    "Subject.assumes": "The loaders that a clear verdict assumes.",
    "Subject.blind_spots": "What reading this format never shows.",
    "Subject.data_of": "The models of this scan whose numbers it holds; it has no format of its own then.",
    "Coverage.read_bytes": "Bytes that a reader read; with passed_over_bytes and the gaps they make up size_bytes.",
    "Coverage.passed_over_bytes": "Bytes that the loader takes as plain numbers or text, passed over by design.",
    "Gap.start": "First byte nobody vouches for.",
    "Gap.end": "First byte after the gap; equal to start where the gap has no bytes.",
    "Finding.where": "path!member@start..end, a half-open byte range.",
    "Finding.evidence": "The facts that the finding rests on, eight at most.",
    "Finding.help": "What to do about it.",
    "Finding.cwe": "Such as CWE-502.",
    "Finding.atlas": "MITRE ATLAS technique ids.",
    "Tool.rules_digest": "sha256 over the source of every rule.",
    "Tool.profiles_digest": "sha256 over every profile.",
}


def schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the report; ``docs/schema/scan-1.json`` is this, indented by two."""
    return described_schema(ScanRecord, "scan", _DESCRIPTIONS)


def _render(record: ScanRecord, _: View) -> Iterator[str]:
    yield record.to_json()
    yield "\n"


OUTPUT = Output(
    name="json",
    summary=f"everything there is to say, schema {SCHEMA}",
    media_type="application/json",
    suffix=".json",
    render=_render,
)
