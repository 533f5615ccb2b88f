"""`gateway demo --port`: the address in the browser is the one that was asked for, or a sentence."""

import socket

import pytest
from click.testing import CliRunner

from gateway.cli import main
from gateway.demo.stage import Ports, Stage, free_ports
from gateway.errors import DemoFault


def run(*arguments):
    return CliRunner().invoke(main, arguments, catch_exceptions=False)


def test_a_port_that_is_taken_is_a_sentence():
    """Exit code 1, before anything was started; the default would move on to another port."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        done = run("demo", "--port", str(port))

    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"cannot listen on 127.0.0.1:{port}: ")
    assert "another --port" in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_that_was_asked_for_is_the_one():
    """Insisted on, not only tried."""
    port = free_ports(0).front

    assert free_ports(port, insist=True).front == port
    with socket.create_server(("127.0.0.1", port)), pytest.raises(DemoFault):
        free_ports(port, insist=True)


@pytest.mark.parametrize(
    ("port", "front"), [(80, "http://127.0.0.1"), (8080, "http://127.0.0.1:8080")], ids=["usual", "other"]
)
def test_the_address_is_as_browsers_write_it(tmp_path, port, front):
    """They leave the usual port out, of Host and Origin too."""
    assert Stage(tmp_path, Ports(port, 2, 3, 4, 5, 6)).front == front


@pytest.mark.parametrize("port", ["0", "65536", "http"])
def test_what_is_no_port_is_wrong_usage(port):
    """Exit code 2."""
    done = run("demo", "--port", port)

    assert done.exit_code == 2
    assert "--port" in done.stderr
