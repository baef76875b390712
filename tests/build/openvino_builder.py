"""Builds OpenVINO IR as text, layer by layer; nothing is checked."""

from xml.sax.saxutils import quoteattr


def element(tag: str, /, *inside: str, **attributes: str | int) -> str:
    """An element with attributes and what is in it; a last ``_`` of a name is left out."""
    said = "".join(
        f" {key.rstrip('_').replace('__', '-')}={quoteattr(str(value))}" for key, value in attributes.items()
    )
    return f"<{tag}{said}>{''.join(inside)}</{tag}>\n" if inside else f"<{tag}{said} />\n"


def port(number: int = 0, precision: str = "FP32", dims: tuple[int, ...] = (2, 2)) -> str:
    """A port with its shape."""
    return element("port", *(element("dim", str(length)) for length in dims), id=number, precision=precision)


def layer(kind: str, *inside: str, version: str = "opset1", number: int = 0, name: str = "l") -> str:
    """A layer."""
    return element("layer", *inside, id=number, name=name, type_=kind, version=version)


def constant(offset: str | int = 0, size: str | int = 16, shape: str = "2,2", element_type: str = "f32") -> str:
    """A layer of numbers."""
    data = element("data", element_type=element_type, shape=shape, offset=offset, size=size)
    return layer("Const", data, element("output", port()))


def net(
    *layers: str, edges: str = "", before: str = '<?xml version="1.0"?>\n', more: str = "", version: int = 11
) -> bytes:
    """A whole document."""
    inside = (element("layers", *(layers or (constant(),))), element("edges", edges), more)
    return (before + element("net", *inside, name="é", version=version)).encode()


def everything() -> bytes:
    """An honest model with a bit of all there is."""
    body = element("body", element("layers", layer("Parameter", number=0), layer("Result", number=1)), element("edges"))
    ports = element("port_map", element("input", external_port_id=0, internal_layer_id=0))
    back = element("back_edges", element("edge", from__layer=1, to__layer=0))
    loop = layer("Loop", element("input", port()), element("output", port(1)), ports, back, body, version="opset5")
    note = element("rt_info", element("attribute", name="fused_names_0", version=0, value="a"))
    convolution = layer("Convolution", element("data", strides="1, 1", auto_pad="same_upper"), note)
    edge = element("edge", from__layer=0, from__port=0, to__layer=1, to__port=0)
    info = element("rt_info", element("framework", element("names", value="{0: 'a'}")))
    return net(constant(), constant(16, 6, "3", "f16"), loop, convolution, edges=edge, more=info)
