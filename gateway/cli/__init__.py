"""The command `gateway`: a thin roof over the packages. Exit codes: 0 fine, 1 a fault was found, 2 usage.

A command is a function in a module of this package; what it does stands in the package that it is about. Results go to
standard output. Faults go to standard error, one a line, with nothing in front of file and line; a warning says so in
front, and changes no exit code.
"""

from gateway.cli.check import check
from gateway.cli.keys import keys
from gateway.cli.root import main
from gateway.cli.running import demo, serve
from gateway.cli.sessions import sessions
from gateway.cli.snippet import snippet
from gateway.cli.users import users

__all__ = ["main"]

for _command in (check, serve, keys, sessions, users, snippet, demo):
    main.add_command(_command)
