"""Prints the rows of lib/io/attribute_table.c from the onnx package's own operator schemas:

    build/venv/bin/python tests/io/make_attribute_table.py

Every operator of ONNX's main domain in opsets 1 to 25, from the oldest version whose meaning is
still that of opset 7, or that is brought there when read (FROM_6), with its attributes, the
letter of each one's kind and, unless they are always there, the opsets that have it.
tests/io/judge.py compares this with the file."""

from onnx import defs

OLDEST, NEWEST = 7, 25
# lib/io/onnx_versions.c knows what these meant in opset 6.
FROM_6 = {"Add", "And", "AveragePool", "BatchNormalization", "Div", "Dropout", "Equal", "Gemm",
          "Greater", "Less", "Mul", "Or", "PRelu", "Pow", "Sub", "Xor"}
KIND = defs.OpSchema.AttrType
LETTERS = {
    KIND.FLOAT: "f", KIND.INT: "i", KIND.STRING: "s", KIND.TENSOR: "t", KIND.GRAPH: "g",
    KIND.FLOATS: "F", KIND.INTS: "I", KIND.STRINGS: "S", KIND.SPARSE_TENSOR: "p",
    KIND.TYPE_PROTO: "y",
}


def schema_at(name, opset):
    try:
        schema = defs.get_schema(name, opset, "")
    except defs.SchemaError:
        return None
    return None if schema.deprecated else schema


def first_opset(name):
    at = schema_at(name, 6 if name in FROM_6 else OLDEST)
    if at is not None:
        return at.since_version
    return min(s.since_version for s in defs.get_all_schemas_with_history()
               if s.name == name and s.domain == "")


def operators():
    """{operator: (first, last, {attribute: (letter, first, last)})}"""
    names = {s.name for s in defs.get_all_schemas_with_history() if s.domain == ""}
    found = {}
    for name in names:
        opsets = [o for o in range(first_opset(name), NEWEST + 1) if schema_at(name, o)]
        if not opsets or opsets[-1] < OLDEST:
            continue
        kinds = {}
        for opset in opsets:
            for key, a in schema_at(name, opset).attributes.items():
                letter, first, _ = kinds.get(key, (LETTERS[a.type], opset, opset))
                kinds[key] = (letter, first, opset)
        found[name] = (opsets[0], opsets[-1], kinds)
    return found


def rows():
    for name, (first, last, kinds) in sorted(operators().items()):
        words = []
        for key, (letter, begin, end) in sorted(kinds.items()):
            word = f"{key}:{letter}"
            word += str(begin) if begin > first else ""
            word += f"-{end}" if end < last else ""
            words.append(word)
        yield f'    {{"{name}", {first}, {last}, "{" ".join(words)}"}},'


if __name__ == "__main__":
    print("\n".join(rows()))
