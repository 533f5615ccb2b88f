"""A real OpenLDAP on a loopback port: no TLS, everything in memory of a folder, people of a test's own.

It answers a bind without a password with a success, as nobody (`allow bind_anon_dn`): the trap that a client has to
see. Beware of `slapd -V`, which prints the version and starts a server on every address; `-VV` only prints.
"""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.kit.servers import Process, find_binary, free_port, is_listening, missing

BASE = "dc=example,dc=com"
SERVICE = f"cn=reader,{BASE}"
PASSWORD = "Right-horse-1"

_CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath {modules}
moduleload back_mdb
allow bind_anon_dn
pidfile {folder}/slapd.pid
access to attrs=userPassword by anonymous auth by self write by * none
access to * by * read
database mdb
suffix "{base}"
rootdn "cn=admin,{base}"
rootpw {password}
directory {folder}/data
"""

_TREE = """
dn: {base}
objectClass: dcObject
objectClass: organization
o: Example
dc: example

dn: {service}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: reader
userPassword: {password}

dn: ou=people,{base}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{base}
objectClass: organizationalUnit
ou: groups

dn: uid=ann,ou=people,{base}
objectClass: inetOrgPerson
uid: ann
cn: Ann Example
sn: Example
mail: ann@example.com
departmentNumber: sales
userPassword: {password}

dn: uid=ben,ou=people,{base}
objectClass: inetOrgPerson
uid: ben
cn: Ben Example
sn: Example
userPassword: {password}

dn: cn=editors,ou=groups,{base}
objectClass: groupOfNames
cn: editors
member: uid=ann,ou=people,{base}

dn: cn=guests,ou=groups,{base}
objectClass: groupOfNames
cn: guests
member: uid=ben,ou=people,{base}
"""


@dataclass
class Slapd:
    """A running one."""

    url: str
    log: Process

    @property
    def section(self) -> dict[str, Any]:
        """What gateway.yaml says of it."""
        return {
            "type": "ldap",
            "directory": "openldap",
            "urls": [self.url],
            "base": f"ou=people,{BASE}",
            "group_base": f"ou=groups,{BASE}",
            "bind_dn": SERVICE,
            "bind_password": PASSWORD,
            "claims": {"name": "cn"},
        }


@contextmanager
def slapd(folder: Path) -> Iterator[Slapd]:
    """Start one. Skips with the reason where there is none; in CI that fails."""
    binary, adder = find_binary("slapd"), shutil.which("slapadd")
    modules = next((one for one in (Path("/usr/lib/ldap"), Path("/usr/lib/openldap")) if one.is_dir()), None)
    if adder is None or modules is None:
        missing("slapd's modules or tools are not where Debian has them")
    (folder / "data").mkdir()
    configuration = folder / "slapd.conf"
    configuration.write_text(
        _CONFIGURATION.format(folder=folder, base=BASE, password=PASSWORD, modules=modules)
    )
    tree = _TREE.format(base=BASE, service=SERVICE, password=PASSWORD)
    subprocess.run([adder, "-f", configuration], input=tree, text=True, check=True, capture_output=True)
    port = free_port()
    url = f"ldap://127.0.0.1:{port}"
    running = Process([binary, "-d", "0", "-f", str(configuration), "-h", url], folder)
    try:
        running.wait_until(lambda: is_listening(port))
        yield Slapd(url, running)
    finally:
        running.stop()
