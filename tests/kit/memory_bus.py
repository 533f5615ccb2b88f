"""A bus without a store: notices are heard at once, and it can be cut."""

from dataclasses import dataclass, field

from gateway.errors import StoreFault
from gateway.storage.bus import About, Hear, Notice


@dataclass
class MemoryBus:
    """One for each replica; those that share `others` hear each other. `cut()` until `mend()`."""

    others: list["MemoryBus"] = field(default_factory=list)
    heard: list[Notice] = field(default_factory=list)
    working: bool = True
    opened: bool = True
    listeners: list[Hear] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.others.append(self)

    def current(self) -> bool:
        return self.working and self.opened

    def subscribe(self, hear: Hear) -> None:
        self.listeners.append(hear)

    async def publish(self, notice: Notice) -> None:
        self.deliver(notice)
        if not self.working:
            raise StoreFault("the bus is cut")
        for bus in self.others:
            if bus is not self and bus.current():
                bus.deliver(notice)

    def deliver(self, notice: Notice) -> None:
        self.heard.append(notice)
        for listener in self.listeners:
            listener(notice)

    def cut(self) -> None:
        self.working = False

    def mend(self) -> None:
        self.deliver(Notice(About.ALL))
        self.working = True

    async def open(self) -> None:
        self.deliver(Notice(About.ALL))
        self.opened = True

    async def close(self) -> None:
        self.opened = False
