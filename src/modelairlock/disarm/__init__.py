"""Tensors out of hostile containers: from bytes to a plan of what to copy, without executing anything.

What a newcomer would get wrong: the pickle machine of `encodings` cannot be used for this. It keeps what code a pickle
reaches and folds everything else away; here it is the other way round. `objects` keeps the data and takes every name
that is not in a short list for an opaque box, and nothing in this room imports, calls or looks up what a file names.
"""
