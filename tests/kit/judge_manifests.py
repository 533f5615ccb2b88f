"""Run by the interpreter of .venv-live: manifests (JSON, on standard input) against schemas; prints every fault.

Core kinds against the schemas of Kubernetes itself, of the versions named as arguments, where an unknown key is a
fault; custom resources against `tests/kit/schemas/KIND.json`.
"""

import json
import sys
from pathlib import Path

import jsonschema
import kubernetes_validate

SCHEMAS = Path(__file__).parent / "schemas"


def main() -> int:
    faults = 0
    for document in json.load(sys.stdin):
        name = f"{document['kind']}/{document['metadata']['name']}"
        for fault in judge(document):
            print(f"{name}: {fault}")
            faults += 1
    return 1 if faults else 0


def judge(document):
    own = SCHEMAS / f"{document['kind'].lower()}.json"
    if own.exists():
        checker = jsonschema.Draft202012Validator(json.loads(own.read_text()))
        yield from (f"{error.json_path}: {error.message}" for error in checker.iter_errors(document))
        return
    for version in sys.argv[1:]:
        try:
            kubernetes_validate.validate(document, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"Kubernetes {version}: {'.'.join(map(str, error.path))}: {error.message}"
        except kubernetes_validate.SchemaNotFoundError as error:
            yield error.message


if __name__ == "__main__":
    sys.exit(main())
