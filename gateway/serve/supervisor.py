"""The parent of several workers. It binds, forks, adds up and ends; no request ever reaches it.

It has neither an event loop nor a thread, because a process that is forked beside them inherits their locks in
whatever state they are. So it may fork at any time: for a dead worker, or for a new configuration.

    SIGTERM, SIGINT   stop: answer what is under way, land refreshes, exit 0; a second one ends everything now
    SIGHUP            read gateway.yaml and the keys anew, and replace the workers one after the other
    SIGCHLD           a worker ended
"""

import gc
import os
import select
import signal
import socket
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from gateway.errors import GatewayError, WorkerFault
from gateway.serve.channel import Line, Message
from gateway.serve.crew import Crew, Say, Worker
from gateway.serve.listeners import ANSWERING
from gateway.serve.process import Plan
from gateway.serve.reload import read_again
from gateway.serve.scrape import Scrape
from gateway.serve.signals import HEARD, Signals
from gateway.serve.sockets import Seat, addresses, open_seats
from gateway.serve.timers import Timers
from gateway.serve.worker import be_worker
from gateway.settings.model import Settings

REPORTS_EVERY = 5.0
"""Seconds. What a worker counted since its last report is lost when it is killed."""
ENDS = ANSWERING + 10.0
"""Seconds beyond the drain for all workers to end by themselves."""


def supervise(plan: Plan, count: int, read: Callable[[], Settings], say: Say) -> None:
    """Serve with `count` workers until told to stop. `read` reads the configuration anew.

    Raises `SettingsFault` for an address that cannot be had, and `WorkerFault` where no worker comes up, or where one
    had to be killed in the end.
    """
    seats = open_seats(plan.settings.server, count)
    for place in addresses(plan.settings.server):
        say("info", "listener.open", {"name": place.name, "bind": str(place.bind)})
    # What is in memory now is shared by all workers for as long as nobody writes to it, and the collector would.
    gc.collect()
    gc.freeze()
    supervisor = Supervisor(plan, seats, read, say)
    try:
        supervisor.run()
    finally:
        supervisor.close()


class Supervisor:
    """Signals in, workers out."""

    def __init__(self, plan: Plan, seats: tuple[Seat, ...], read: Callable[[], Settings], say: Say) -> None:
        self._seats = seats
        self._read = read
        self._say = say
        self._signals = Signals()
        self._timers = Timers(time.monotonic)
        self._crew = Crew(len(seats), plan, self._fork, self._timers, time.monotonic, say)
        self._scrape = Scrape(self._crew, self._timers)
        self._killed = False

    def run(self) -> None:
        """Until no worker is left."""
        self._crew.start()
        self._ask_for_reports()
        while not self._crew.stopping or list(self._crew):
            self._turn()
        if self._killed:
            raise WorkerFault("serve: workers that did not end by themselves were killed")

    def close(self) -> None:
        """Whatever happened: no worker outlives its parent."""
        self._crew.kill()
        for worker in list(self._crew):
            with suppress(ChildProcessError):  # this one is what raised, and is buried
                os.waitpid(worker.pid, 0)
        self._signals.close()
        self._close_sockets()

    def _turn(self) -> None:
        """Wait for something, and do what it asks for."""
        lines = {worker.line.fileno(): worker for worker in self._crew if not worker.line.ended}
        poll = select.poll()  # made anew each time: there is nothing for a child to inherit
        poll.register(self._signals, select.POLLIN)
        for number, worker in lines.items():
            poll.register(number, select.POLLIN | (select.POLLOUT if worker.line.has_more_to_say else 0))
        for number, _ in poll.poll(self._timers.next_in() * 1000 + 1):
            if number in lines:
                self._listen(lines[number])
        for heard in list(self._signals.heard()):
            self._signalled(heard)
        self._timers.run()

    # What workers say

    def _listen(self, worker: Worker) -> None:
        worker.line.flush()
        for message in worker.line.hear():
            self._hear(worker, message)

    def _hear(self, worker: Worker, message: Message) -> None:
        match message["word"]:
            case "ready":
                self._crew.ready(worker)
            case "leaving":
                self._crew.wants_to_leave(worker)
            case "numbers":
                self._crew.reported(worker, message["numbers"])
                self._scrape.reported(worker)
            case "failed":
                self._failed(worker, message["sentence"])
            case "ask":
                self._asked(worker, message["about"], message["number"])

    def _failed(self, worker: Worker, sentence: str) -> None:
        if not self._crew.whole:
            raise WorkerFault(sentence)
        self._say("error", "worker.failed", {"worker": worker.seat + 1, "message": sentence})

    def _asked(self, worker: Worker, about: str, number: int) -> None:
        answer = partial(_answer, worker, number)
        if about == "metrics":
            self._scrape.ask(answer)
        else:
            answer({"whole": self._crew.whole, "workers": self._crew.states()})

    def _ask_for_reports(self) -> None:
        self._crew.report()
        self._timers.after(REPORTS_EVERY, self._ask_for_reports)

    # What the system says

    def _signalled(self, number: int) -> None:
        if number == signal.SIGCHLD:
            self._bury()
        elif number == signal.SIGHUP:
            self._reload()
        elif number in {signal.SIGINT, signal.SIGTERM}:
            self._stop()

    def _bury(self) -> None:
        for worker in list(self._crew):
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid:
                self._listen(worker)  # its last words
                worker.line.close()
                self._crew.ended(worker, _how(status))
                self._scrape.ended(worker)

    def _reload(self) -> None:
        if self._crew.stopping:
            return
        try:
            plan = read_again(self._read, self._crew.plan.settings.server)
        except GatewayError as fault:
            self._say("error", "configuration.refused", {"message": str(fault)})
            return
        self._crew.change(plan)

    def _stop(self) -> None:
        if self._crew.stopping:
            self._say("warning", "serve.killed", {"message": "told twice to stop: every worker ends now"})
            self._kill()
            return
        drain = self._crew.plan.settings.server.drain
        self._say("info", "serve.stopping", {"drain": drain})
        # From here on only the workers hold the sockets: when they close, the address is closed, and who knocks is
        # refused at once instead of waiting for somebody to accept.
        self._close_sockets()
        self._crew.stop()
        self._timers.after(drain + ENDS, self._kill)

    def _kill(self) -> None:
        self._killed = bool(list(self._crew))
        self._crew.kill()

    def _close_sockets(self) -> None:
        for seat in self._seats:
            for bound in seat.values():
                bound.sock.close()

    # The fork

    def _fork(self, number: int, plan: Plan) -> tuple[int, Line]:
        mine, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        # A signal that reaches the child while it still has our handlers would be heard here.
        signal.pthread_sigmask(signal.SIG_BLOCK, HEARD)
        pid = os.fork()
        if pid:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, HEARD)
            theirs.close()
            return pid, Line(mine)
        code = 1
        try:
            mine.close()
            code = self._be_a_worker(number, plan, theirs)
        except BaseException:  # noqa: BLE001 - a child that went on from here would be a second parent
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(code)

    def _be_a_worker(self, number: int, plan: Plan, up: socket.socket) -> int:
        """In the child. What belongs to others is closed: a socket that nobody accepts on must not stay open."""
        self._signals.close()
        for worker in self._crew:
            worker.line.close()
        mine = {bound.sock for bound in self._seats[number].values()}
        for seat in self._seats:
            for bound in seat.values():
                if bound.sock not in mine:
                    bound.sock.close()
        return be_worker(plan, self._seats[number], up)


def _answer(worker: Worker, number: int, body: object) -> None:
    worker.line.say("answer", number=number, body=body)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"
