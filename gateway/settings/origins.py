"""Where each value of the configuration came from: a line of the file, or an environment variable."""

from dataclasses import dataclass, field

from gateway.settings.fault import Fault, YamlPath, show_path


@dataclass(frozen=True, slots=True)
class Origins:
    """`lines` and `variables` by path; what has neither is where its nearest parent is."""

    file: str
    lines: dict[YamlPath, int]
    variables: dict[YamlPath, str] = field(default_factory=dict)

    def describe(self, fault: Fault) -> str:
        """`gateway.yaml:12: rules[3].allow: what; instead`, or the variable in place of file, line and path."""
        variable, rest = self._variable(fault.path)
        if variable:
            return f"{variable}{show_path(rest)}: {fault}"
        path, line = show_path(fault.path), self._line(fault.path)
        return f"{self.file}{f':{line}' if line else ''}: {path + ': ' if path else ''}{fault}"

    def _variable(self, path: YamlPath) -> tuple[str, YamlPath]:
        for end in range(len(path), 0, -1):
            if name := self.variables.get(path[:end]):
                return name, path[end:]
        return "", ()

    def _line(self, path: YamlPath) -> int:
        parents = (path[:end] for end in range(len(path), -1, -1))
        return next((self.lines[parent] for parent in parents if parent in self.lines), 0)

    def order(self, fault: Fault) -> tuple[bool, int]:
        """Sorts faults as a reader meets them: the file from top to bottom, then the environment."""
        return bool(self._variable(fault.path)[0]), self._line(fault.path)
