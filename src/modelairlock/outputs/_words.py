"""What the words of a report mean, and what usually goes by the names that no format of the house promises.

Data for ``airlock explain``. What a newcomer would get wrong: a name listed here decides nothing. A file is read as
what its content is, whatever it is called; this only answers who asks about a name.
"""

_READ_ALL_THE_SAME = "It promises no format, so the file is read as what its content turns out to be."
_UNREAD = (
    "Nothing here reads it yet, so such a file is INCOMPLETE and never CLEAR. "
    "**What to do:** ask for the model in a format that is read (`airlock explain` lists them; safetensors, ONNX, GGUF "
    "and TFLite hold no Python), or have a person review it."
)

#: words that stand in reports, without those that are names of gaps, verdicts, levels and limits
WORDS: dict[str, str] = {
    "gap": "A span of bytes, or a name of code, that nobody vouches for, with the reason (`unsupported`, `malformed`, "
    "…) and what to do. A file with a gap is never CLEAR. `airlock explain REASON` explains each reason.",
    "finding": "What a rule concludes from what a file holds: how bad it is, what loading would do, and where. One of "
    "severity medium or more makes the file FLAGGED. `airlock explain RULE` says why it matters.",
    "excluded": "What was not looked at, and has no verdict: a pattern of yours (`--exclude`, or `exclude` in a "
    "settings file) matches it, or it is a link that is not followed, or an empty mark of the Hugging Face hub's "
    "client. A loader may open it all the same. `-v` lists each with its reason; take a pattern back to have it read.",
    "passed over": "Bytes that loaders copy as plain numbers or text, such as the elements of a tensor: their place "
    "and size were checked, and they themselves were left unread by design. They cannot run code, but they may hold "
    "anything a number can. Each format's page (`airlock explain FORMAT`) says what it passes over.",
    "holds for": "The loaders, and their versions, for which CLEAR holds. Another program may treat the same bytes in "
    "another way, and nothing is said of that.",
    "not shown": "Blind spots: what reading a file of this format never shows, such as weights that were trained to "
    "misbehave. CLEAR says nothing of them.",
    "blind spot": "What reading a file of a format never shows; a report lists them under `not shown`.",
    "read": "How the bytes of a CLEAR file are accounted for: all of them were read, or some were passed over by "
    "design.",
    "seen": "The fact that a finding rests on, where the message has not said it already; with `-v` all of them.",
    "where": "The place in the file: bytes from the first number up to, but not including, the second. In front of it "
    "stands the member, if the place is inside an archive or a compressed file: `file!member@start..end`.",
    "why": "The rule that says so, with the weaknesses (CWE) and techniques (MITRE ATLAS) it stands for. "
    "`airlock explain RULE` says more.",
    "do": "The next step that is advised. Nothing is ever done to your files.",
    "also": "What else there is to say of a FLAGGED file: not all of it could be read or vouched for. `-v` lists it.",
    "names": "The classes and functions that nobody vouches for: what a reviewer has to look at. `-v` says how each is "
    "used and in which files.",
    "formats": "What the content of the files is, whatever they are called, and how many there are of each.",
    "folder": "A folder that a loader opens as one, such as a Hugging Face repository. It is judged as a whole and is "
    "never better than its worst file.",
    "repository": "A folder that a loader opens as one. It is judged as a whole, since some findings, such as code "
    "that a configuration makes a loader run, only show in all its files together; it is never better than its worst "
    "file.",
    "settings": "The settings file that was in force and what it decided. `--no-settings` looks for none.",
    "error": "What you can mend: a path that is not there, a pattern that leaves nothing to scan. It gives exit "
    "status 2, whatever else was found.",
    "member": "A file inside a file: what an archive holds, or the pickle in a checkpoint. It is read like any other.",
    "severity": "How bad a finding is, if it is true and the loader does not refuse: critical, high, medium, low or "
    "info. Medium and more make a file FLAGGED.",
    "confidence": "How sure the rule is of a finding: high (then nothing is said), medium or low.",
    "tried": "A system call that a load made in the jail (`airlock detonate`), and that is not allowed for the asking, "
    "as the supervisor outside saw it. `denied`: it had no effect, for certain. `observed`: it went on, so that what "
    "comes next is seen.",
    "outcome": "How a load in the jail ended: completed, completed_with_violations, blocked_crash, a limit, "
    "protocol_violation, loader_error, isolation_unavailable (nothing was opened), isolation_lost. None of them means "
    "safe.",
    "denied": "Of an attempt in the jail: it had no effect, for certain. Loaded anywhere else it would have had one.",
    "observed": "Of an attempt in the jail: it went on, so that what comes next is seen, such as the process that is "
    "to become a program. What it named may have changed between looking and doing.",
    "phase": "What was being done when an attempt was seen: `import` (the environment's own libraries), `load`, "
    "`inference` (the first use, on made-up input), `unload`. Where one ends is the jailed process's own word.",
    "completed with violations": "The load came back, and tried what is forbidden on the way: the `tried` lines say "
    "what.",
    "blocked crash": "The load crashed, or the kernel ended it for a call that nothing honest makes.",
    "loader error": "The loader raised: a damaged file, another format, or versions that do not fit. Try the "
    "environment (`--env`) that the model was made in.",
    "protocol violation": "The jailed process said what no honest worker says: it was taken over by the file.",
    "isolation unavailable": "This machine lacks a layer of the jail that is required, so nothing was opened. "
    "`airlock doctor` says what is missing and how to get it.",
    "isolation lost": "A layer of the jail turned out not to hold, so what was seen is not all. Nothing can be said of "
    "the file. `airlock doctor` says which layers this machine has.",
    "detonate": "To load a file in a jail, where it can reach nothing, and see from outside what it tries: "
    "`airlock detonate`.",
    "layer": "One of the walls that make a level of isolation: privileges, namespaces, limits, landlock, seccomp, and "
    "cgroup, which no level needs. `airlock doctor` says what each is against, and whether it holds here.",
    "jail": "The level of isolation that a load was in, and which layers held. `airlock doctor` says what this machine "
    "has.",
    "usual": "Attempts that small honest files make too in the same environment, or idle ones; they count for nothing. "
    "Only looks at the machine can be usual: never a program, an address or somebody's file.",
    "first use": "What was loaded in the jail is used once, on made-up input. What that raised is no failure of the "
    "model; what it tried counts as what the load tried does. The line itself is the jailed process's own word.",
    "imported": "Packages that were imported while a file was loaded, used or let go of, beside those of the "
    "environment's own imports. The jailed process says so, and it can leave some out.",
    "variables": "Environment variables that were asked for in the jail, where none of them is set. The jailed process "
    "says so, and it can leave some out.",
    "claims": "What the jailed process says of itself: audit events of Python's. It can forge them, so they are no "
    "evidence.",
    "vouched": "A person has read the source of this class or function and found this use of it harmless; the entry "
    "stands, with the reason, in a profile. What is on no list is the gap `unvouched`.",
}

#: other ways to say them, and short names
ALSO_CALLED = {
    "gaps": "gap", "findings": "finding", "exclude": "excluded", "passed over by design": "passed over",
    "blind spots": "blind spot", "members": "member", "repositories": "repository", "errors": "error",
    "vouch": "vouched", "vouched for": "vouched", "bytes": "where", "critical": "severity", "high": "severity",
    "medium": "severity", "low": "severity", "info": "severity", "format": "formats", "folders": "folder",
    "detonation": "detonate", "phases": "phase", "layers": "layer", "level": "jail", "namespaces": "layer",
    "landlock": "layer", "seccomp": "layer", "cgroup": "layer", "privileges": "layer", "limit": "outcome",
    "limits": "layer", "limit:memory": "outcome", "limit:wall": "outcome", "limit:cpu": "outcome",
    "limit:output": "outcome", "limit:forks": "outcome", "limit:files": "outcome", "completed": "outcome",
    "inference": "phase", "unload": "phase",
}  # fmt: skip

_SENTENCEPIECE = f"SentencePiece tokenizers (`tokenizer.model`, `spiece.model`). {_UNREAD}"
_COREML = f"CoreML models. {_UNREAD}"
_TENSORRT = f"TensorRT engines: machine code for one GPU, which the loader runs. {_UNREAD}"
_XGBOOST = f"XGBoost's own binary models (UBJSON). {_UNREAD} XGBoost also saves JSON, which is read as text."
_CATBOOST = f"CatBoost's own binary models. {_UNREAD}"

#: kinds of files that nothing reads yet, by their name
KINDS: dict[str, str] = {
    "sentencepiece": _SENTENCEPIECE,
    "coreml": _COREML,
    "tensorrt": _TENSORRT,
    "xgboost": _XGBOOST,
    "catboost": _CATBOOST,
    "yaml": f"YAML is recognised as text that some loader may act on. {_UNREAD}",
}

#: extensions that no format promises
EXTENSIONS: dict[str, str] = {
    ".bin": "Checkpoints of torch (`pytorch_model.bin`: a zip with a pickle in it), also older GGML models, weights of "
    f"OpenVINO, data of ONNX models, and anything else. {_READ_ALL_THE_SAME}",
    ".model": f"{_SENTENCEPIECE} Others are pickles (gensim) or XGBoost's own files. {_READ_ALL_THE_SAME}",
    ".dat": f"Anything. {_READ_ALL_THE_SAME}",
    ".data": f"Anything, such as tensors of a TensorFlow checkpoint or of an ONNX model. {_READ_ALL_THE_SAME}",
    ".weights": f"Numbers of several frameworks (Darknet among them). {_READ_ALL_THE_SAME}",
    ".spm": _SENTENCEPIECE,
    ".mlmodel": _COREML,
    ".mlpackage": f"A folder. {_COREML}",
    ".engine": _TENSORRT,
    ".plan": _TENSORRT,
    ".trt": _TENSORRT,
    ".ubj": _XGBOOST,
    ".xgb": f"{_XGBOOST} Some are pickles. {_READ_ALL_THE_SAME}",
    ".cbm": _CATBOOST,
    ".msgpack": f"Parameters of Flax and JAX in MessagePack. {_UNREAD}",
    ".parquet": f"Tables, mostly of a data set. {_UNREAD}",
    ".arrow": f"Tables, mostly of a data set. {_UNREAD}",
    ".pyc": f"Bytecode of Python, which runs when it is imported. {_UNREAD}",
    ".caffemodel": f"Weights of Caffe. {_UNREAD}",
    ".pklz": "Compressed pickles. The compression is undone, and the pickle in it is read.",
    ".sav": f"Pickles and joblib files; SPSS uses the name too. {_READ_ALL_THE_SAME}",
    ".pdparams": f"Parameters of PaddlePaddle: a pickle. {_READ_ALL_THE_SAME}",
    ".nemo": f"Models of NVIDIA NeMo: a tar with a checkpoint of torch in it. {_READ_ALL_THE_SAME}",
    ".mar": f"Archives for TorchServe: a zip with a model and Python source in it. {_READ_ALL_THE_SAME}",
    ".whl": f"Packages of Python: a zip with source in it. {_READ_ALL_THE_SAME}",
}
