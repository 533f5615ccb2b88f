"""The shape of the house: floors, doors, one library behind one door, and sizes. Each ban says why."""

import ast
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "gateway"

FLOOR_NAMES = ("words", "rules", "edges", "services", "doors", "roof")

# First pattern that fits a module gives its floor.
FLOORS: tuple[tuple[str, int], ...] = (
    ("gateway", 0),
    ("gateway.errors*", 0),
    ("gateway.reasons", 0),
    ("gateway.late", 0),
    ("gateway.settings", 0),
    ("gateway.settings.model", 0),
    ("gateway.settings.units", 0),
    ("gateway.settings.addresses", 0),
    ("gateway.settings.redis_address", 0),
    ("gateway.settings.section", 0),
    ("gateway.settings.pages", 0),
    ("gateway.settings.colours", 0),
    ("gateway.settings.logo", 1),
    ("gateway.settings.access", 0),
    ("gateway.settings.provider_section", 0),
    ("gateway.settings.providers", 0),
    ("gateway.settings.presets", 0),
    ("gateway.settings.password_sections", 0),
    ("gateway.settings.ad_api", 0),
    ("gateway.settings.api_answers", 0),
    ("gateway.settings.ldap", 0),
    ("gateway.settings.ldap_address", 0),
    ("gateway.settings.oidc_presets", 0),
    ("gateway.settings.oauth2_presets", 0),
    ("gateway.settings.tenant_presets", 0),
    ("gateway.settings.vendor_section", 0),
    ("gateway.settings.sessions", 0),
    ("gateway.settings.tokens", 0),
    ("gateway.settings.login", 0),
    ("gateway.settings.fault", 0),
    ("gateway.settings.hand_through", 1),
    ("gateway.settings.credentials", 1),
    ("gateway.settings.checks*", 1),
    ("gateway.settings.*", 2),
    ("gateway.identity", 0),
    ("gateway.identity.identity", 0),
    ("gateway.identity.presented", 0),
    ("gateway.identity.*", 1),
    ("gateway.observe", 0),
    ("gateway.observe.events", 0),
    ("gateway.observe.*", 2),
    ("gateway.keys*", 1),
    ("gateway.policy*", 1),
    ("gateway.guard", 1),
    ("gateway.guard.proxies", 1),
    ("gateway.guard.csrf", 1),
    ("gateway.guard.headers", 1),
    ("gateway.guard.rate_limit", 3),
    ("gateway.guard.middleware", 4),
    ("gateway.storage", 0),
    ("gateway.storage.store", 0),
    ("gateway.storage.bus", 0),
    ("gateway.storage.*", 2),
    ("gateway.sessions", 0),
    ("gateway.sessions.session", 1),
    ("gateway.sessions.cookie", 1),
    ("gateway.sessions.presented_tickets", 1),
    ("gateway.sessions.sealing", 1),
    ("gateway.sessions.schedule", 1),
    ("gateway.sessions.person", 1),
    ("gateway.sessions.entry", 1),
    ("gateway.sessions.device", 1),
    ("gateway.sessions.handed", 1),
    ("gateway.sessions.cache", 1),
    ("gateway.sessions.single_flight", 2),
    ("gateway.sessions.*", 3),
    ("gateway.providers.transport", 2),
    ("gateway.providers.trust", 2),
    ("gateway.providers.remote_keys", 2),
    ("gateway.providers.catalog", 2),
    ("gateway.providers.kinds", 2),
    ("gateway.providers.users_file", 2),
    ("gateway.providers.users_source", 2),
    ("gateway.providers.kinds", 2),
    ("gateway.providers.ad_api.client", 2),
    ("gateway.providers.ldap", 1),
    ("gateway.providers.ldap.entry", 1),
    ("gateway.providers.ldap.filters", 1),
    ("gateway.providers.ldap.refusals", 1),
    ("gateway.providers.ldap.standing", 1),
    ("gateway.providers.ldap.*", 2),
    ("gateway.providers*", 1),
    ("gateway.pages*", 1),
    ("gateway.login", 0),
    ("gateway.login.attempt", 1),
    ("gateway.login.hint", 1),
    ("gateway.login.return_to", 1),
    ("gateway.login.level", 1),
    ("gateway.login.errand", 1),
    ("gateway.login.selection", 1),
    ("gateway.login.last_used", 1),
    ("gateway.login.way", 1),
    ("gateway.login.answer", 1),
    ("gateway.login.call", 4),
    ("gateway.login.token_door", 4),
    ("gateway.login.routes", 4),
    ("gateway.login.password_door", 4),
    ("gateway.login.provider_logout", 4),
    ("gateway.login.*", 3),
    ("gateway.tokens", 0),
    ("gateway.tokens.access", 1),
    ("gateway.tokens.refresh_token", 1),
    ("gateway.tokens.chain", 1),
    ("gateway.tokens.clients", 1),
    ("gateway.tokens.cors", 1),
    ("gateway.tokens.*", 3),
    ("gateway.forward_auth", 0),
    ("gateway.forward_auth.contracts*", 1),
    ("gateway.forward_auth.navigation", 1),
    ("gateway.forward_auth.snippets*", 1),
    ("gateway.forward_auth.places", 1),
    ("gateway.forward_auth.way_to_login", 1),
    ("gateway.forward_auth.asked", 3),
    ("gateway.forward_auth.basic", 3),
    ("gateway.forward_auth.check", 3),
    ("gateway.forward_auth.verdicts", 3),
    ("gateway.forward_auth.assertions", 3),
    ("gateway.forward_auth.authorization", 3),
    ("gateway.forward_auth.bearer", 3),
    ("gateway.forward_auth.*", 4),
    ("gateway.app", 5),
    ("gateway.wiring", 5),
    ("gateway.token_wiring", 5),
    ("gateway.login_wiring", 5),
    ("gateway.cli*", 5),
    ("gateway.__main__", 5),
    ("gateway.serve*", 5),
    ("gateway.demo*", 5),
)

# Library → (who may import it, why nobody else).
LIBRARIES: dict[str, tuple[tuple[str, ...], str]] = {
    "starlette": (
        (
            "gateway.login.call",
            "gateway.login.routes",
            "gateway.login.provider_logout",
            "gateway.login.token_door",
            "gateway.guard.middleware",
            "gateway.forward_auth.*",
            "gateway.app",
            "gateway.serve.*",
            "gateway.demo.*",
        ),
        "rules and services are tested without a web framework, and outlive it",
    ),
    "httpx": (
        ("gateway.providers.transport", "gateway.demo.*"),
        "one place sets deadlines, size caps, redirects and proxies",
    ),
    "ldap3": (
        ("gateway.providers.ldap.link",),
        "its defaults check no certificate, and carry passwords to whom a referral names",
    ),
    "redis": (("gateway.storage.redis*",), "its defaults retry for a minute; one file sets them right"),
    "sqlite3": (("gateway.storage.sqlite*",), "one writer thread owns the file"),
    "yaml": (("gateway.settings.*",), "the configuration is read in one place, with line numbers"),
    "pydantic": (
        ("gateway.settings.*",),
        "its messages can print secrets; one package turns them into sentences",
    ),
    "jwt": (
        ("gateway.keys.*",),
        "it checks neither `typ` nor, by default, `exp`; one module fixes a profile per use",
    ),
    "cryptography": (("gateway.keys.*",), "keys and nonces are made and used in one package"),
    "argon2": (
        ("gateway.keys.password_hash",),
        "what a guess costs is decided once, and hashes that cost too little or too much are turned away",
    ),
    "jinja2": (("gateway.pages.*",), "autoescape and StrictUndefined are set once"),
    "structlog": (("gateway.observe.log",), "what may be logged is decided once"),
    "prometheus_client": (("gateway.observe.metrics",), "labels are bounded in one place"),
    "uvicorn": (
        ("gateway.serve.*", "gateway.demo.*"),
        "the settings of the listeners are part of their security",
    ),
    "httptools": (("gateway.serve.*",), "only the quick shell may parse bytes"),
    "click": (("gateway.cli.*",), "the command line is a thin roof"),
}

# A rule takes time and chance as arguments; so that a test, and a reader, can know what it will say.
IMPURE_CALLS = {
    "time.time",
    "time.monotonic",
    "time.perf_counter",
    "datetime.now",
    "datetime.utcnow",
    "secrets.token_bytes",
    "secrets.token_urlsafe",
    "secrets.token_hex",
    "os.urandom",
    "random.random",
    "asyncio.sleep",
    "open",
}

# Two doors never import each other; they meet in app.py. Within one folder they may share a shell.
DOORS = {"gateway.login", "gateway.forward_auth", "gateway.guard.middleware", "gateway.pages.routes"}


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


MODULES = dict(modules())


def floor(module: str) -> int:
    for pattern, level in FLOORS:
        if fnmatch(module, pattern):
            return level
    raise AssertionError(f"{module} stands on no floor: give it one in FLOORS")


def imports(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield (full if full in MODULES else node.module), node.lineno


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_its_own_floor_or_lower(module):
    """A word knows no rule, a rule no edge, an edge no service, a service no door."""
    own = floor(module)

    upward = [
        f"line {line}: {name} ({FLOOR_NAMES[floor(name)]})"
        for name, line in imports(MODULES[module])
        if name in MODULES and floor(name) > own
    ]

    assert not upward, f"{module} ({FLOOR_NAMES[own]}) reaches up to {upward}"


@pytest.mark.parametrize("module", MODULES)
def test_a_library_is_imported_behind_its_one_door(module):
    """Each library has a place where it is set up right, and is imported nowhere else."""
    for name, line in imports(MODULES[module]):
        library = name.partition(".")[0]
        if library in LIBRARIES:
            allowed, why = LIBRARIES[library]
            assert any(fnmatch(module, pattern) for pattern in allowed), (
                f"{module}:{line} imports {library}; only {', '.join(allowed)} may, because {why}"
            )


def test_every_ban_is_still_about_something():
    """A pattern that fits no module is a leftover."""
    stale = [pattern for pattern, _ in FLOORS if not any(fnmatch(m, pattern) for m in MODULES)]
    stale += [
        f"{library}: {pattern}"
        for library, (patterns, _) in LIBRARIES.items()
        for pattern in patterns
        if library != "httptools" and not any(fnmatch(m, pattern) for m in MODULES)
    ]

    assert stale == []


@pytest.mark.parametrize("module", [m for m in MODULES if floor(m) <= 1])
def test_words_and_rules_neither_wait_nor_look_at_a_clock(module):
    """Time, chance and the network are arguments of a rule."""
    tree = ast.parse(MODULES[module].read_text())

    waits = [n.lineno for n in ast.walk(tree) if isinstance(n, (ast.Await, ast.AsyncFor, ast.AsyncWith))]
    calls = [
        f"line {n.lineno}: {ast.unparse(n.func)}"
        for n in ast.walk(tree)
        if isinstance(n, ast.Call) and ast.unparse(n.func) in IMPURE_CALLS
    ]

    assert waits == []
    assert calls == []


@pytest.mark.parametrize("module", [m for m in MODULES if floor(m) == 4])
def test_no_door_imports_another_door(module):
    """Doors meet in app.py, through protocols, events and URLs."""
    own = next((d for d in DOORS if module.startswith(d)), module)

    others = [
        name
        for name, _ in imports(MODULES[module])
        if name in MODULES and floor(name) == 4 and not name.startswith(own)
    ]

    assert others == []


@pytest.mark.parametrize("module", MODULES)
def test_a_file_is_one_concept_and_a_function_one_thought(module):
    """Over 300 lines a file wants to be two; no function is over 60."""
    text = MODULES[module].read_text()
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1})"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno - node.lineno >= 60
    ]

    assert text.count("\n") <= 300
    assert long == []
    assert not set(module.split(".")) & {"utils", "helpers", "common", "manager", "base", "misc"}
