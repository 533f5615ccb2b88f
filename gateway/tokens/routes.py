"""The door of first-party tokens: JSON in, JSON out, at the paths of the login and beside its forms.

Everything is in the body, both ways: no token stands in an address, where logs and histories would keep it.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from gateway.errors import BadCredential, GatewayError, StoreFault
from gateway.guard.csrf import check_fetch_metadata
from gateway.guard.proxies import Proxies, shown
from gateway.guard.rate_limit import RateLimit, prefix_of
from gateway.identity.presented import Head, Headers, Reply
from gateway.login.answer import parameters
from gateway.login.call import JSON_TYPE, Call, check_navigation, content_type, head_of, redirect
from gateway.login.logout import Logout
from gateway.login.telling import told
from gateway.login.visitors import Visitors
from gateway.login.way import Client
from gateway.observe.events import Alarm, Emit, TokensAsked
from gateway.pages.answers import Answers, user_document
from gateway.sessions.cookie import Ticket
from gateway.sessions.session import log_name
from gateway.settings.addresses import origin_of
from gateway.tokens.codes import Codes
from gateway.tokens.cors import Cors
from gateway.tokens.issuing import Issued, Issuing
from gateway.tokens.requests import flag, members, text
from gateway.tokens.returning import Returning
from gateway.tokens.signing_in import SigningIn, Typed
from gateway.tokens.signing_out import SigningOut

Handler: TypeAlias = Callable[[Call], Awaitable[Reply]]
