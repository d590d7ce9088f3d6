"""Prints, as one JSON document, the schema of a path's 200 answer in an OpenAPI file of CDS, with its references put in."""

import json
import pathlib
import sys

import yaml


# The specification names RFC 7946 for polygons, and its schema then has no room for their rings: here it has.
RINGS = {"type": "array", "items": {"type": "array", "minItems": 4, "items": {"type": "array", "minItems": 2, "items": {"type": "number"}}}}


def put_in(node, folder):
    if isinstance(node, list):
        return [put_in(each, folder) for each in node]
    if not isinstance(node, dict):
        return node
    reference = node.get("$ref")
    if isinstance(reference, str):
        file = (folder / reference).resolve()
        return put_in(yaml.safe_load(file.read_text()), file.parent)
    if node.get("title") == "GeoJSON Polygon":
        return {"type": "object", "required": ["type", "coordinates"], "properties": {"type": {"const": "Polygon"}, "coordinates": RINGS}}
    return {key: put_in(value, folder) for key, value in node.items() if not key.startswith("x-")}


file = pathlib.Path(sys.argv[1])
answer = yaml.safe_load(file.read_text())["paths"][sys.argv[2]]["get"]["responses"]["200"]
json.dump(put_in(answer["content"]["application/json"]["schema"], file.parent), sys.stdout)
