"""Graphs of TensorFlow: GraphDef, MetaGraphDef and SavedModel, read node by node from the wire format.

`probes` tells whether bytes are one, `schema` knows which fields a message has, `nodes` and `tensors` read one node,
`flow` follows strings through a graph to what they feed, and `graphs` puts it together.
"""
