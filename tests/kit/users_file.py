"""A file of people for tests: hashes that cost next to nothing, made of a counter's salts."""

import json
from itertools import count

from gateway.keys.password_hash import Cost, PasswordHash, hash_password

CHEAP = Cost(64, 1, 1)
_SALTS = count(1)


def cheap_hash(password, cost=CHEAP):
    return hash_password(password, next(_SALTS).to_bytes(16), cost)


def person(password="correct horse", **more):
    return {"password": cheap_hash(password), **more}


def write_people(file, **people):
    """Write the file in one step, as docs/providers.md says, for its owner alone."""
    draft = file.with_name(f".{file.name}.new")
    draft.write_text(json.dumps({"users": people}))
    draft.chmod(0o600)
    draft.replace(file)


class CountedTries:
    """Stands for trying a password against a hash: notes what each try costs."""

    def __init__(self):
        self.costs = []

    def __call__(self, hashed, password):
        self.costs.append(hashed.cost)
        return PasswordHash.fits(hashed, password)
