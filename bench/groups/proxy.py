"""Whole requests through a proxy: browser → proxy → who is asked → application. And checks on new connections."""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.gateways import Gateway, Wanted
from bench.groups.check import AGAINST, expected_of
from bench.lab import Lab
from bench.load import Load
from bench.proxies import Places, asking, nginx_running, open_door, shipped, traefik_running
from bench.questions import ANONYMOUS, CACHED, Question, visit
from bench.row import Budget, Result, Row, ratio_of
from bench.servers import Server
from bench.size import Size
from bench.trial import Expected, Side
from gateway.settings.model import Settings
from tests.kit.scene import APP, scene_settings
from tests.kit.servers import free_ports

CONNECTIONS = 32
ITSELF, NOBODY, BARE = "asks a constant of its own", "asks nobody", "asks a uvicorn constant"
_OURS = "asks the gateway"
_FOUR = {"headers": dict.fromkeys(("subject", "provider", "expires", "assertion"))}


def rows(size: Size) -> tuple[Row, ...]:  # noqa: ARG001 (the form of all groups)
    return (*_nginx_rows(), *_traefik_rows(), *_new_connections())


def _nginx_rows() -> Iterator[Row]:
    for where, title, bound in (("second", "two cores", 0.9), ("server", "one core", 0.65)):
        for against in (ITSELF, NOBODY):
            budget = Budget(at_least=bound) if against is ITSELF else None
            measure = partial(_nginx, where=where, against=against)
            yield Row(
                f"nginx, {title}, requests a second, against one that {against}",
                "proxy",
                f"nginx {_OURS}",
                against,
                measure,
                budget,
            )
        name = f"nginx as `gateway snippet` writes it, {title}, requests a second"
        yield Row(name, "proxy", f"nginx {_OURS}", ITSELF, partial(_shipped, where=where))
    name = "nginx, one core, a bare uvicorn in the gateway's place, requests a second"
    yield Row(name, "proxy", f"nginx {BARE}", ITSELF, _bare)


def _traefik_rows() -> Iterator[Row]:
    for where, title in (("second", "two cores"), ("server", "one core")):
        for against in (ITSELF, NOBODY):
            measure = partial(_traefik, where=where, against=against)
            yield Row(
                f"Traefik, {title}, requests a second, against one that {against}",
                "proxy",
                f"Traefik {_OURS}",
                against,
                measure,
            )
    name = "checks as Traefik's client makes connections, CPU of who is asked"
    yield Row(name, "proxy", "gateway, quick", AGAINST, _behind_traefik, Budget(at_most=1.0))


def _new_connections() -> Iterator[Row]:
    for question, quick in ((CACHED, True), (ANONYMOUS, True), (CACHED, False)):
        shell = "quick" if quick else "ASGI"
        measure = partial(_new_connection, question=question, quick=quick)
        name = f"{question.name}, a new connection for every check, {shell}"
        yield Row(
            name, "proxy", f"gateway, {shell}", AGAINST, measure, Budget(at_most=1.0) if quick else None
        )


# What stands in front


@dataclass(frozen=True, slots=True)
class _Front:
    """A proxy and its ports, by whom it asks there."""

    server: Server
    ports: dict[str, int]


def _nginx_front(lab: Lab, gateway: Gateway, bare: Server) -> AbstractContextManager[_Front]:
    places = Places.free()
    asked = {_OURS: gateway.server.port, ITSELF: places.constant, BARE: bare.port}
    ports = dict(zip((*asked, NOBODY), free_ports(4), strict=True))
    parts = [asking(ports[who], verify, places) for who, verify in asked.items()]
    parts.append(open_door(ports[NOBODY], places))
    return _nginx_with(lab, parts, places, ports, lab.made("nginx"))


def _shipped_front(lab: Lab, who: str, gateway: Gateway) -> AbstractContextManager[_Front]:
    """The snippet is written for one gateway, so each side has an nginx of its own."""
    places, folder = Places.free(), lab.made("nginx")
    (port,) = free_ports(1)
    settings = _settings(port, gateway.server.port if who is _OURS else places.constant)
    return _nginx_with(lab, [shipped(settings, places, folder)], places, {who: port}, folder)


@contextmanager
def _nginx_with(
    lab: Lab, parts: Sequence[str], places: Places, ports: dict[str, int], folder: Path
) -> Iterator[_Front]:
    with nginx_running(parts, places, list(ports.values()), folder, lab.cores.server) as server:
        yield _Front(server, ports)


@contextmanager
def _traefik_front(lab: Lab, who: str, verify: int) -> Iterator[_Front]:
    """Traefik, and an nginx for the application and the constant; `verify` 0 is that constant."""
    places, (front,) = Places.free(), free_ports(1)
    settings = _settings(front, verify or places.constant)
    application = nginx_running(
        (), places, (places.application, places.constant), lab.made("nginx"), lab.cores.server
    )
    made = traefik_running(
        settings, front, places, lab.made("traefik"), lab.cores.server, asks=who is not NOBODY
    )
    with application, made as server:
        yield _Front(server, {who: front})


def _settings(front: int, verify: int) -> Settings:
    """What a snippet is written from; its gateway has no pages that anybody visits here."""
    return scene_settings("one-host", [front, *free_ports(1), verify, *free_ports(1)], _FOUR)


# What runs


def _nginx(lab: Lab, where: str, against: str) -> Result:
    gateway, front = _gateway(lab, where), _front(lab, where)
    return _held_against(lab, where, _side(lab, front, against), _side(lab, front, _OURS, gateway.server))


def _bare(lab: Lab) -> Result:
    """What a server that does nothing would reach."""
    front, constant = _front(lab, "server"), lab.constant()
    return _held_against(lab, "server", _side(lab, front, ITSELF), _side(lab, front, BARE, constant))


def _front(lab: Lab, where: str) -> _Front:
    gateway, constant = _gateway(lab, where), lab.constant()
    return lab.running(("nginx", where), lambda: _nginx_front(lab, gateway, constant))


def _shipped(lab: Lab, where: str) -> Result:
    gateway = _gateway(lab, where)
    fronts = {
        who: lab.running(("shipped", where, who), partial(_shipped_front, lab, who, gateway))
        for who in (ITSELF, _OURS)
    }
    first = _side(lab, fronts[ITSELF], ITSELF)
    return _held_against(lab, where, first, _side(lab, fronts[_OURS], _OURS, gateway.server))


def _traefik(lab: Lab, where: str, against: str) -> Result:
    gateway = _gateway(lab, where)
    fronts = {
        who: lab.running(("traefik", where, who), partial(_traefik_front, lab, who, verify))
        for who, verify in ((against, 0), (_OURS, gateway.server.port))
    }
    first = _side(lab, fronts[against], against)
    return _held_against(lab, where, first, _side(lab, fronts[_OURS], _OURS, gateway.server))


def _behind_traefik(lab: Lab) -> Result:
    """Of both only the time of who is asked: how many connections it gets is Traefik's affair."""
    gateway, constant = _gateway(lab, "server"), lab.constant()
    sides = []
    for who, asked in ((BARE, constant), (_OURS, gateway.server)):
        front = lab.running(("traefik", "server", who), partial(_traefik_front, lab, who, asked.port))
        sides.append(replace(_side(lab, front, who), counted=(asked,)))
    against, ours = lab.measure(*sides)
    return ratio_of(ours, against, "cpu_us", "four identity headers")


def _new_connection(lab: Lab, question: Question, *, quick: bool) -> Result:
    wanted = Wanted(quick=quick)
    gateway, constant = lab.gateway(wanted), lab.constant()
    cookies = lab.cookies(wanted.store, 1) if question.signed_in else ("",)
    load = Load(question.head(close=True), cookies)
    against, ours = lab.measure(
        Side(AGAINST, constant.port, load, (constant,)),
        Side("gateway", gateway.server.port, load, (gateway.server,), expected_of(question, wanted)),
    )
    return ratio_of(ours, against, "cpu_us")


def _gateway(lab: Lab, where: str) -> Gateway:
    return lab.gateway(Wanted(four_headers=True, cores=where))


def _side(lab: Lab, front: _Front, who: str, *asked: Server) -> Side:
    load = Load(visit(APP, "/mail/inbox?page=2"), lab.cookies(Wanted().store, 1), CONNECTIONS)
    return Side(f"proxy {who}", front.ports[who], load, (front.server, *asked), Expected(200))


def _held_against(lab: Lab, where: str, first: Side, second: Side) -> Result:
    against, ours = lab.measure(first, second)
    shares = where == "second" and not lab.cores.load.isdisjoint(lab.cores.second)
    note = "the load generator is on the gateway's core" if shares else ""
    return ratio_of(ours, against, "per_second", note)
