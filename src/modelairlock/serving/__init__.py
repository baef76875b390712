"""A door: one model in the jail, behind HTTP, in the Open Inference Protocol.

https://github.com/kserve/open-inference-protocol and, for binary tensors, Triton's extension of that name.
The process that speaks HTTP parses what strangers send, so it is strict and bounded; what the model answers is as much
a stranger's. It imports numpy, starlette and uvicorn (the extra ``serve``), and no framework.
"""
