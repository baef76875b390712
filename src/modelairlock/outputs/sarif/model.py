"""The part of SARIF 2.1.0 that is written, as records (OASIS standard, 27 March 2020; section numbers in comments).

Only what a reader of the log uses stands here: absent properties are left out, never written as null.
"""

from typing import Literal

import msgspec

Level = Literal["error", "warning", "note", "none"]
Scalar = str | int | bool


class _Sarif(msgspec.Struct, frozen=True, kw_only=True, rename="camel", omit_defaults=True):
    """Names are camel case in the log."""


class Message(_Sarif, frozen=True):
    """3.11; also serves as multiformatMessageString, 3.12."""

    text: str
    markdown: str | None = None


class ArtifactLocation(_Sarif, frozen=True):
    """3.4: where a file is."""

    uri: str


class Region(_Sarif, frozen=True):
    """3.30, a binary region."""

    byte_offset: int
    byte_length: int


class PhysicalLocation(_Sarif, frozen=True):
    """3.29."""

    artifact_location: ArtifactLocation
    region: Region | None = None


class LogicalLocation(_Sarif, frozen=True):
    """3.33: a member inside a file."""

    fully_qualified_name: str


class Location(_Sarif, frozen=True):
    """3.28."""

    physical_location: PhysicalLocation
    logical_locations: tuple[LogicalLocation, ...] = ()


class Result(_Sarif, frozen=True):
    """3.27."""

    rule_id: str
    rule_index: int
    level: Level
    message: Message
    locations: tuple[Location, ...]
    partial_fingerprints: dict[str, str]
    properties: dict[str, Scalar | tuple[str, ...]]


class Configuration(_Sarif, frozen=True):
    """3.50."""

    level: Level


class Descriptor(_Sarif, frozen=True):
    """3.49: a rule, or a reason for a gap."""

    id: str
    short_description: Message
    help: Message
    default_configuration: Configuration
    properties: dict[str, Scalar | tuple[str, ...]]
    #: 3.49.5: names that a rule once had
    deprecated_ids: tuple[str, ...] = ()


class Driver(_Sarif, frozen=True):
    """3.19."""

    name: str
    semantic_version: str
    rules: tuple[Descriptor, ...]


class Tool(_Sarif, frozen=True):
    """3.18."""

    driver: Driver


class Notification(_Sarif, frozen=True):
    """3.58."""

    level: Level
    message: Message


class Invocation(_Sarif, frozen=True):
    """3.20."""

    execution_successful: bool
    start_time_utc: str | None = None
    tool_execution_notifications: tuple[Notification, ...] = ()


class Artifact(_Sarif, frozen=True):
    """3.24."""

    location: ArtifactLocation
    length: int
    hashes: dict[str, str] = {}


class Run(_Sarif, frozen=True):
    """3.14. Without `results`, 3.14.23, a run says that nothing was looked for; so they are always written."""

    tool: Tool
    invocations: tuple[Invocation, ...]
    results: tuple[Result, ...] | msgspec.UnsetType = msgspec.UNSET
    artifacts: tuple[Artifact, ...] = ()
    properties: dict[str, Scalar | tuple[str, ...]] = {}


class Log(_Sarif, frozen=True):
    """3.13."""

    schema: str = msgspec.field(name="$schema")
    version: str
    runs: tuple[Run, ...]
