"""Chat templates that lead to a shell, that never end, or that nobody can vouch for (3.3).

Rendering is what would run them, and no test renders; what loaders do with such a template is in the docs page.
"""

from tests.build import templates as t
from tests.build.sample import CANARY, Sample


def _samples() -> list[Sample]:
    made = []
    for family, expects in ((t.ESCAPES, "flagged"), (t.BOMBS, "flagged"), (t.UNKNOWN, "not-clear")):
        for name, template in family.items():
            made.append(_sample(name, "chat_template.jinja", template.encode(), expects))
            made.append(_sample(f"json-{name}", "tokenizer_config.json", t.settings(template), expects))
    shell = t.ESCAPES["lipsum"]
    several = [{"name": "default", "template": "{{ messages }}"}, {"name": "rag", "template": shell}]
    made += [
        _sample("json-named", "tokenizer_config.json", t.settings(several), "flagged"),
        _sample("json-by-name", "processor_config.json", t.settings({"default": shell}), "flagged"),
        _sample("json-name", "tokenizer_config.json", t.settings([{"name": shell, "template": "x"}]), "flagged"),
        _sample("json-escaped", "config.json", escaped(shell), "flagged"),
        _sample("spacy", "config.cfg", t.spacy('"{{ self.__init__.__globals__ }}"'), "flagged"),
        _sample("spacy-lines", "config.cfg", t.spacy('"""\n  {{ self.__init__.__globals__ }}\n  """'), "flagged"),
        _sample("no-jinja", "chat_template.jinja", b"{% if ''.__class__ %}{% endfor %}", "flagged"),
        _sample("unknown-tag", "chat_template.jinja", b"{% load x %}", "not-clear"),
        _sample("deep", "chat_template.jinja", b"{{" + b"(" * 10_000 + b"1" + b")" * 10_000 + b"}}", "not-clear"),
        _sample("deep-blocks", "chat_template.jinja", b"{% if x %}" * 9_000 + b"{% endif %}" * 9_000, "not-clear"),
        _sample("deep-chain", "chat_template.jinja", b"{{ 1" + b"+1" * 9_000 + b"}}", "not-clear"),
        _sample("deep-not", "chat_template.jinja", b"{{ " + b"not " * 9_000 + b"1 }}", "not-clear"),
        _sample("large", "chat_template.jinja", b"{{ x }}" * 400_000, "not-clear"),
        _sample("go-unknown", "chat_template.jinja", b"{{ .System }}{{ exec .Name }}", "not-clear"),
    ]
    return made


def escaped(template: str) -> bytes:
    """Key and value spelled in escapes throughout."""
    spelled = ["".join(f"\\u{ord(one):04x}" for one in text) for text in ("chat_template", template)]
    return f'{{"a": 1, "{spelled[0]}": "{spelled[1]}"}}'.encode()


def _sample(name: str, file_name: str, data: bytes, expects: str) -> Sample:
    def build(command: str = CANARY) -> bytes:
        del command
        return data

    return Sample(f"template-{name}", "templates", "3.3", file_name, build, expects=expects)


SAMPLES = tuple(_samples())
