"""A mail server that wants STARTTLS and a log-in: mail_server.py PORT CERTIFICATE KEY USER PASSWORD

Prints "ready", then every letter it takes, decoded as a mail program would show it.
"""
import email.policy
import signal
import ssl
import sys

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, certificate, key, user, password = sys.argv[1:]


class Inbox:
    async def handle_DATA(self, server, session, envelope):
        letter = email.message_from_bytes(envelope.content, policy=email.policy.default)
        print(f"{envelope.mail_from} -> {', '.join(envelope.rcpt_tos)}", end="")
        print(f" over {'TLS' if session.ssl else 'nothing'} as {session.auth_data.decode()}")
        for name in ("From", "To", "Message-ID", "Subject"):
            print(f"{name}: {letter[name]}")
        print(letter.get_content().replace("\r\n", "\n"), end="")
        print("--", flush=True)
        return "250 taken"


def is_right(server, session, envelope, mechanism, login):
    right = login.login == user.encode() and login.password == password.encode()
    return AuthResult(success=right, handled=False, auth_data=login.login)


context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(certificate, key)
server = Controller(Inbox(), hostname="127.0.0.1", port=int(port), tls_context=context, require_starttls=True,
                    authenticator=is_right, auth_required=True, auth_require_tls=True)
server.start()
print("ready", flush=True)
signal.sigwait([signal.SIGTERM])
server.stop()
