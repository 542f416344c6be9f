"""Prints the rows of lib/io/attribute_table.c from the onnx package's own operator schemas:

    build/venv/bin/python tests/io/make_attribute_table.py

Every operator of ONNX's main domain that opsets 13 to 17 know, with its attributes and the
letter of each one's kind.  tests/io/judge.py compares this with the file."""

from onnx import defs

KIND = defs.OpSchema.AttrType
LETTERS = {
    KIND.FLOAT: "f", KIND.INT: "i", KIND.STRING: "s", KIND.TENSOR: "t", KIND.GRAPH: "g",
    KIND.FLOATS: "F", KIND.INTS: "I", KIND.STRINGS: "S", KIND.SPARSE_TENSOR: "p",
    KIND.TYPE_PROTO: "y",
}


def operators():
    """{operator: {attribute: letter}}"""
    names = {s.name for s in defs.get_all_schemas_with_history() if s.domain == ""}
    found = {}
    for name in names:
        for opset in range(13, 18):
            try:
                schema = defs.get_schema(name, opset, "")
            except defs.SchemaError:
                continue
            if not schema.deprecated:
                kinds = {key: LETTERS[a.type] for key, a in schema.attributes.items()}
                found.setdefault(name, {}).update(kinds)
    return found


def rows():
    for name, kinds in sorted(operators().items()):
        text = " ".join(f"{key}:{letter}" for key, letter in sorted(kinds.items()))
        yield f'    {{"{name}", "{text}"}},'


if __name__ == "__main__":
    print("\n".join(rows()))
