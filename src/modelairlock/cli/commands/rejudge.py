"""``airlock rejudge``: what was read before, under today's rules."""

import os
import time
from typing import Any

import click

from modelairlock.cli.report import PATH, check_output, report_options, write_report


@click.command("rejudge", short_help="Judge again what was scanned before, from the cache.")
@click.argument("targets", nargs=-1, required=True, metavar="DIGEST|REPORT...", type=PATH)
@report_options
def command(targets: tuple[str, ...], **given: Any) -> int:
    """Judge files again that were scanned before, without reading them: by sha256 digest, or all of a JSON report.

    The facts come from the cache; where it has none, the file is INCOMPLETE and has to be scanned again.
    """
    check_output(given["output"])
    from modelairlock.pipeline.cache import default_folder
    from modelairlock.pipeline.rejudge import rejudge

    started = time.monotonic()
    record = rejudge(targets, default_folder(os.environ))
    return write_report(
        record,
        given["format_"],
        given["output"],
        quiet=given["quiet"],
        verbose=given["verbose"],
        seconds=time.monotonic() - started,
    )
