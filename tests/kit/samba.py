"""A real Active Directory: Samba's domain controller on one loopback address, with people of a test's own.

Provisioned once for a machine into a folder under .live, and copied for each run, which takes a third of a second. It
needs root (ports 389 and 636, and the owners of its files), and Debian's packages: see `.ci/run`.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import socket
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gateway.providers.ldap.link import ldap3  # where its one warning is passed over
from tests.kit.certificates import write_certificate
from tests.kit.servers import ROOT, Process, find_binary, missing

RECIPE = "1"
"""Another one makes a new folder: change it with whatever `_provision` does."""

LIVE = Path(os.environ.get("GATEWAY_LIVE", ROOT / ".live"))
REALM, NETBIOS = "ad.test", "ADTEST"
BASE = "DC=ad,DC=test"
PEOPLE = f"CN=Users,{BASE}"
SERVICE = f"CN=Reader,{PEOPLE}"
PASSWORD = "Right-horse-1"
_ADMIN_PASSWORD = "Admin-horse-1"
_FOR_EVER = str(0x200 | 0x10000)  # a normal account, whose password does not expire
_TEMPLATE_ADDRESS = "127.0.0.77"

# What is not needed is not started: no Kerberos, no DNS, no files.
_CONFIGURATION = """
[global]
	netbios name = DC1
	realm = {realm}
	workgroup = {netbios}
	server role = active directory domain controller
	server services = ldap
	interfaces = {address}/8
	bind interfaces only = yes
	private dir = {home}/private
	state directory = {home}/state
	lock directory = {home}
	cache directory = {home}/cache
	binddns dir = {home}/bind-dns
	pid directory = {home}
	ncalrpc dir = {home}/ncalrpc
	winbindd socket directory = {home}/winbindd
	log file = {home}/samba.log
	ldap server require strong auth = allow_sasl_over_tls
	old password allowed period = {old_password}
	tls keyfile = {certificate}
	tls certfile = {certificate}
	tls cafile = {certificate}

[sysvol]
	path = {home}/state/sysvol
	read only = no
"""


@dataclass
class Samba:
    """A running one. Administration goes by LDAP, over the same TLS as everybody's."""

    address: str
    certificate: Path
    home: Path
    process: Process = field(repr=False)

    @property
    def url(self) -> str:
        return f"ldaps://{self.address}"

    @property
    def section(self) -> dict[str, Any]:
        """What gateway.yaml says of it."""
        return {
            "type": "ldap",
            "urls": [self.url],
            "ca_file": str(self.certificate),
            "base": BASE,
            "bind_dn": SERVICE,
            "bind_password": PASSWORD,
            "domains": {REALM: [NETBIOS, "people.example"]},
        }

    @contextmanager
    def admin(self) -> Iterator[Any]:
        """A connection of the administrator's, by the library."""
        tls = ldap3.Tls(
            validate=ssl.CERT_NONE
        )  # the library's own check of names warns; who is asked is ours
        server = ldap3.Server(self.address, port=636, use_ssl=True, tls=tls, get_info=ldap3.NONE)
        name = f"CN=Administrator,{PEOPLE}"
        link = ldap3.Connection(server, name, _ADMIN_PASSWORD, auto_bind=True, check_names=False)
        try:
            yield link
        finally:
            link.unbind()

    def add_person(self, name: str, **attributes: Any) -> str:
        """Somebody with the usual password; the DN. `attributes` go over the usual ones."""
        dn = attributes.pop("dn", f"CN={name.title()} Example,{PEOPLE}")
        usual = {
            "objectClass": ["user"],
            "sAMAccountName": name,
            "userPrincipalName": f"{name}@{REALM}",
            "displayName": f"{name.title()} Example",
            "mail": f"{name}@example.com",
            "unicodePwd": _quoted(attributes.pop("password", PASSWORD)),
            "userAccountControl": "512",
        }
        with self.admin() as link:
            self._done(link, link.add(dn, attributes={**usual, **attributes}))
        return dn

    def add_group(self, name: str, *members: str) -> str:
        dn = f"CN={name},{PEOPLE}"
        attributes = {"objectClass": ["group"], "sAMAccountName": name}
        with self.admin() as link:
            self._done(
                link, link.add(dn, attributes=attributes | ({"member": list(members)} if members else {}))
            )
        return dn

    def change(self, dn: str, **values: Any) -> None:
        """Replace values; an empty list takes an attribute away."""
        changes = {
            name: [(ldap3.MODIFY_REPLACE, value if isinstance(value, list) else [value])]
            for name, value in values.items()
        }
        with self.admin() as link:
            self._done(link, link.modify(dn, changes))

    def set_password(self, dn: str, password: str) -> None:
        self.change(dn, unicodePwd=_quoted(password))

    def remove(self, dn: str) -> None:
        with self.admin() as link:
            self._done(link, link.delete(dn))

    def read(self, dn: str, attribute: str) -> str:
        """The first value as a text; "" where there is none."""
        with self.admin() as link:
            link.search(dn, "(objectClass=*)", ldap3.BASE, attributes=[attribute])
            found = [one for one in link.response if one["type"] == "searchResEntry"]
        values = found[0]["raw_attributes"].get(attribute, []) if found else []
        return values[0].decode() if values else ""

    def wrong_passwords(self, dn: str) -> int:
        """How many the directory has counted."""
        return int(self.read(dn, "badPwdCount") or 0)

    def policy(self, **values: str) -> None:
        """Attributes of the domain, as `lockoutThreshold`."""
        self.change(BASE, **values)

    def restart(self, days_ahead: int) -> None:
        """The same directory, so many days later."""
        self.process.stop()
        self.process = _started(self.home, self.address, days_ahead)

    def _done(self, link: Any, well: bool) -> None:
        assert well, link.result


def _quoted(password: str) -> bytes:
    """As `unicodePwd` wants it (MS-ADTS 3.1.1.3.1.5)."""
    return f'"{password}"'.encode("utf-16-le")


def require_samba() -> None:
    """Skips with the reason where there is none; in CI that fails."""
    find_binary("samba")
    find_binary("samba-tool")
    if os.geteuid() != 0:
        missing("Samba's domain controller needs root (it binds ports 389 and 636)")


@contextmanager
def samba(folder: Path, *, old_password: int = 0) -> Iterator[Samba]:
    """Start one from a copy in `folder`. `old_password`: minutes for which a password that was changed is still taken."""
    require_samba()
    home = folder / "samba"
    shutil.copytree(template(), home, symlinks=True)
    address = free_address()
    certificate = write_certificate(folder / "samba.pem", address, f"dc1.{REALM}")
    certificate.chmod(0o600)  # or it does not take the key in it
    (home / "etc" / "smb.conf").write_text(
        _CONFIGURATION.format(
            realm=REALM,
            netbios=NETBIOS,
            address=address,
            home=home,
            certificate=certificate,
            old_password=old_password,
        )
    )
    domain = Samba(address, certificate, home, _started(home, address))
    try:
        # Neither must have to choose a new password when the clock is put forward.
        domain.change(f"CN=Administrator,{PEOPLE}", userAccountControl=_FOR_EVER)
        domain.add_person("reader", dn=SERVICE, userAccountControl=_FOR_EVER)
        yield domain
    finally:
        domain.process.stop()


def template() -> Path:
    """The provisioned tree, made if it is not there."""
    LIVE.mkdir(parents=True, exist_ok=True)
    done = LIVE / f"samba-{RECIPE}"
    with (LIVE / "samba.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two workers begin at once
        if not done.exists():
            _provision(done)
    return done


def free_address() -> str:
    """A loopback address that nobody listens on: the ports of LDAP are fixed."""
    while True:
        address = f"127.{secrets.randbelow(100) + 100}.{secrets.randbelow(256)}.{secrets.randbelow(254) + 1}"
        if not any(_listens(address, port) for port in (389, 636)):
            return address


def _provision(done: Path) -> None:
    half = done.with_name(f"{done.name}.{os.getpid()}")
    empty = done.with_name(f"samba-empty.{os.getpid()}.conf")
    empty.touch()
    argv = ["samba-tool", "domain", "provision", "-s", str(empty), f"--targetdir={half}"]
    argv += [f"--realm={REALM.upper()}", f"--domain={NETBIOS}", "--server-role=dc", "--dns-backend=NONE"]
    argv += ["--host-name=dc1", f"--host-ip={_TEMPLATE_ADDRESS}", f"--adminpass={_ADMIN_PASSWORD}"]
    argv += [f"--option=interfaces={_TEMPLATE_ADDRESS}/8", "--option=bind interfaces only=yes"]
    try:
        made = subprocess.run(argv, capture_output=True, text=True, timeout=180, check=False)
        assert made.returncode == 0, made.stderr[-2000:]
        half.rename(done)
    finally:
        empty.unlink()
        shutil.rmtree(half, ignore_errors=True)


def _started(home: Path, address: str, days_ahead: int = 0) -> Process:
    argv = [
        find_binary("samba"),
        "-i",
        "-M",
        "single",
        "-s",
        str(home / "etc" / "smb.conf"),
        "--debug-stdout",
    ]
    environment = {}
    if days_ahead:
        # The library itself and not its wrapper, which would be the process that is ended.
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"), None)
        if library is None:
            missing("faketime is not installed")
        environment = {"LD_PRELOAD": str(library), "FAKETIME": f"+{days_ahead}d"}
    running = Process(argv, home, environment)
    running.wait_until(lambda: _listens(address, 389) and _listens(address, 636), 60)
    return running


def _listens(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1):
        return True
    return False
