"""A mail server for tests: tells on standard output, a JSON line each, what it was told.

What becomes of a mail is chosen by the part of its address before the @:
  refused…     550 at RCPT        busy…       451 at RCPT
  busy-once…   451 the first time  rejected…   554 after DATA
  slow…        taken, and answered once the test says so
  greylisted…  452 after DATA      silent…     taken, but the first time no answer to that
"""

import argparse
import asyncio
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

warnings.filterwarnings("ignore")
logging.disable(logging.CRITICAL)


def tell(event, **more):
    sys.stdout.write(json.dumps({"event": event, **more}) + "\n")
    sys.stdout.flush()


class Server(SMTP):
    def connection_made(self, transport):
        super().connection_made(transport)
        tell("connected", tls=version(transport))


def version(transport):
    secured = transport.get_extra_info("ssl_object")
    return secured.version() if secured else None


class Handler:
    def __init__(self, letters_max):
        self.turned_away = set()
        self.letters_max = letters_max
        self.answered = asyncio.Event()

    async def handle_EHLO(self, server, session, envelope, hostname, responses):
        session.host_name = hostname
        tell("hello", name=hostname, tls=version(server.transport))
        return responses

    async def handle_NOOP(self, server, session, envelope, arg):
        tell("noop", tls=version(server.transport))
        return "250 OK"

    async def handle_QUIT(self, server, session, envelope):
        tell("quit")
        return "221 Bye"

    async def handle_MAIL(self, server, session, envelope, address, options):
        tell("mail", address=address, tls=version(server.transport))
        session.letters = getattr(session, "letters", 0) + 1
        if session.letters > self.letters_max:
            tell("tired")
            server.transport.close()
            return "421 4.7.0 enough for one connection"
        if address.startswith("unwelcome"):
            return f"553 5.1.8 {address} may not send here"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, session, envelope, address, options):
        tell("recipient", address=address)
        if address.startswith("refused"):
            return f"550 5.1.1 <{address}>: no such mailbox"
        if address.startswith("busy-once") and address not in self.turned_away:
            self.turned_away.add(address)
            return f"451 4.3.0 <{address}>: not now"
        if address.startswith("busy") and not address.startswith("busy-once"):
            return f"451 4.3.0 <{address}>: not now"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        to = envelope.rcpt_tos[0]
        if to.startswith("rejected"):
            return f"554 5.7.1 mail to {to} looks bad"
        if to.startswith("greylisted"):
            return f"452 4.3.1 no room for {to}"
        text = envelope.content.decode("utf-8", "replace")
        tell("taken", sender=envelope.mail_from, to=to, text=text, tls=version(server.transport),
             user=session.auth_data)
        if to.startswith("silent") and to not in self.turned_away:
            self.turned_away.add(to)
            await asyncio.sleep(3600)
        if to.startswith("slow"):
            await self.answered.wait()
        return "250 OK"


def authenticator(wanted):
    def check(server, session, envelope, mechanism, login):
        given = f"{login.login.decode()}:{login.password.decode()}"
        good = given == wanted
        tell("login", good=good, tls=version(server.transport))
        return AuthResult(success=good, handled=False, auth_data=login.login.decode() if good else None)
    return check


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", choices=["starttls", "implicit", "none"], required=True)
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--login", help="user:password")
    parser.add_argument("--letters", type=int, default=1000, help="letters on one connection at most")
    parser.add_argument("--newest", choices=["1.2", "1.3"], default="1.3")
    said = parser.parse_args()
    context = None
    if said.tls != "none":
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(said.certificate, said.key)
        newest = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}
        context.maximum_version = newest[said.newest]
    loop = asyncio.get_running_loop()
    # A client that goes away during a handshake is what some tests are about.
    loop.set_exception_handler(lambda loop, context: None)
    handler = Handler(said.letters)
    login = {"auth_exclude_mechanism": ["LOGIN", "PLAIN"]}
    if said.login:
        login = {"authenticator": authenticator(said.login), "auth_required": True,
                 "auth_require_tls": said.tls == "starttls"}

    def protocol():
        return Server(handler, loop=loop, hostname="localhost", **login,
                      tls_context=context if said.tls == "starttls" else None)

    implicit = context if said.tls == "implicit" else None
    server = await loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit)
    tell("listening", port=server.sockets[0].getsockname()[1])
    # `go` lets slow answers go; any other line is repeated, so that a test knows that it has heard all before it. The
    # server goes when the test that holds its standard input does.
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line == "go\n":
            handler.answered.set()
        else:
            tell(line.strip())


if __name__ == "__main__":
    asyncio.run(main())
