"""One file an output, each with one `Output`: a pure function from the record of a scan to text in pieces.

Every word that came from a file is made fit to show first (`records.text`); tests try each output with hostile text.
`_pages` is no output, so the catalog skips it: it makes the documentation pages of formats, rules and gaps.
"""
