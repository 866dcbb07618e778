"""Checks the destination by requests on test objects."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from urllib.parse import urlsplit

from windrow.clients.destination.held import HeldRequests
from windrow.clients.destination.tls import context_for
from windrow.core.errors import DestinationError, DestinationFault, SecretError
from windrow.core.faults import ADVICE, SOUND
from windrow.core.keys import canary_key
from windrow.core.words import counted
from windrow.doctor.advice import LARGE_BODY, UNDERSCORES, tried
from windrow.doctor.check import Check, fail, ok, warn
from windrow.doctor.lock import lock_trial
from windrow.doctor.parts import PartsTrial
from windrow.doctor.races import RaceTrial
from windrow.pipeline.probe import canary
from windrow.ports import Clock, Lockable, MultipartDestination, Secrets
from windrow.settings import MIB, Settings, uses_parts

HANDSHAKE_S = 10.0
RENEW_WITHIN = timedelta(days=21)


LARGEST_TRIAL_BYTES = 256 * MIB
"""Most bytes of a test object: more would take minutes on many lines."""

ALWAYS = ("conditional write", "checksum verification", "race of writes", "overtaken write", "cut write")
PROMISE = (
    *ALWAYS,
    "part verification",
    "conditional completion",
    "conditional copy",
    "race of completions",
    "race of copies",
)
"""`PROMISE` are the checks that exactly-once, unaltered delivery depends on; `ALWAYS` those that every server must
pass."""

_REFUSALS = (DestinationFault.CREDENTIALS, DestinationFault.REFUSED)


class DestinationChecks:
    """Checks of one destination. ``new_id`` returns a unique name for the test objects.

    ``lockable`` is the destination that locks objects, if archives are to be locked.
    """

    def __init__(
        self,
        settings: Settings,
        destination: MultipartDestination,
        secrets: Secrets,
        clock: Clock,
        new_id: Callable[[], str],
        requests: HeldRequests,
        lockable: Lockable | None = None,
    ) -> None:
        self._settings = settings
        self._destination = destination
        self._secrets = secrets
        self._clock = clock
        # Named like the sentinel's canaries, so that the sentinel deletes it if it is left behind.
        self._key = canary_key(settings.destination_prefix, new_id(), clock.now())
        self._plain, self._large = f"{self._key}-plain", f"{self._key}-large"
        self._parts = PartsTrial(destination, self._key)
        self._lockable = lockable
        self._races = RaceTrial(destination, requests, self._key, clock)

    def run(self) -> Iterator[Check]:
        """Yield every check; checks that depend on a failed one are left out."""
        try:
            credentials = self._secrets.credentials()
        except SecretError as error:
            yield fail("secret", str(error), "Check WINDROW_DESTINATION_SECRET_ID and what the secret holds.")
            return
        ca = "with its private CA" if credentials.ca_pem else "certificates by the system's CAs"
        yield ok("secret", f"read, {ca}")
        yield from self._tls(credentials.ca_pem)
        try:
            self._destination.probe()
        except DestinationError as error:
            yield fail("destination", str(error), ADVICE[error.kind])
            return
        yield ok("destination", f"bucket {self._settings.destination_bucket} answers")
        found = []
        for check in self._trial():
            found.append(check)
            yield check
        yield verdict(found)

    def _tls(self, ca_pem: str | None) -> Iterator[Check]:
        url = urlsplit(self._settings.destination_endpoint)
        if url.scheme == "http":
            yield warn("TLS", "not used: the endpoint is on this machine", "Use https:// for anything but trials.")
            return
        try:
            version, expires = handshake(url.hostname or "", url.port or 443, context_for(ca_pem))
        except (OSError, ValueError, DestinationError) as error:
            # ssl.SSLError is an OSError; its text says what is wrong with the certificate.
            tls = isinstance(error, ssl.SSLError | DestinationError)
            kind = DestinationFault.TLS if tls else DestinationFault.CONNECT
            yield fail("TLS", str(error), ADVICE[kind])
            return
        left = expires - self._clock.now()
        text = f"{version}, certificate until {expires:%Y-%m-%d}"
        if left < RENEW_WITHIN:
            yield warn("TLS", f"{text}: {counted(left.days, 'day')}", "Renew the server's certificate.")
        else:
            yield ok("TLS", text)

    def _trial(self) -> Iterator[Check]:
        """Write, write again, write a wrong checksum, check, read, list, the same in parts, delete."""
        trial = canary(self._key, self._clock.now(), 0)
        body, digest = b"".join(trial.chunks), trial.sha256
        other = f"{self._key}-wrong"
        steps: list[tuple[str, Callable[[], Check]]] = [
            ("write", lambda: self._write(body, digest, trial.metadata)),
            ("stored checksum", lambda: self._check_stored(digest, trial.metadata)),
            ("conditional write", lambda: self._write_again(body, digest)),
            ("checksum verification", lambda: self._write_wrongly(other, body)),
            ("read", lambda: self._read(body)),
            ("list", self._list),
            ("large body", self._write_large),
        ]
        try:
            for name, step in steps:
                check = tried(name, step)
                yield check
                if name == "write" and check.state != "ok":
                    return
            parts = uses_parts(self._settings)
            if parts:
                yield from self._parts.run()
            yield from self._races.run(parts=parts)
            if self._lockable:
                yield lock_trial(self._lockable, f"{self._key}-locked")
        finally:
            gone = tried("delete", lambda: self._delete(other))
        yield gone

    def _write(self, body: bytes, digest: bytes, metadata: Mapping[str, str]) -> Check:
        """Write an archive without files, with the metadata of one."""
        try:
            created = self._destination.put(self._key, [body], digest, metadata)
        except DestinationError as error:
            if error.kind in _REFUSALS and self._takes(body, digest, _without_underscores(metadata)):
                detail = f"{error}; without metadata that have an underscore in their names it is accepted"
                return fail("write", detail, UNDERSCORES)
            raise
        if not created:
            return fail("write", "the server says that a new key exists", ADVICE[DestinationFault.REFUSED])
        return ok("write", "an archive without files was stored")

    def _takes(self, body: bytes, digest: bytes, metadata: Mapping[str, str]) -> bool:
        try:
            return self._destination.put(self._plain, [body], digest, metadata)
        except DestinationError:
            return False

    def _write_large(self) -> Check:
        """Write as much as the largest archive may have: a limit on bodies refuses it before it is sent."""
        size = min(self._settings.max_archive_bytes, LARGEST_TRIAL_BYTES)
        pieces = [bytes(MIB)] * (size // MIB)
        digest = sha256()
        for piece in pieces:
            digest.update(piece)
        try:
            self._destination.put(self._large, pieces, digest.digest(), {"sha256_checksum": digest.hexdigest()})
        except DestinationError as error:
            advice = LARGE_BODY if error.kind in _REFUSALS else ADVICE[error.kind]
            return fail("large body", f"{len(pieces)} MiB, as an archive may have, failed: {error}", advice)
        return ok("large body", f"{len(pieces)} MiB, as an archive may have, were stored")

    def _write_again(self, body: bytes, digest: bytes) -> Check:
        if self._destination.put(self._key, [body], digest, {}):
            advice = "Without If-None-Match a file could be delivered twice. " + ADVICE[DestinationFault.REFUSED]
            return fail("conditional write", "a second write to the same key was carried out", advice)
        return ok("conditional write", "a second write to the same key is refused")

    def _write_wrongly(self, key: str, body: bytes) -> Check:
        name = "checksum verification"
        try:
            self._destination.put(key, [body], sha256(b"other").digest(), {})
        except DestinationError as error:
            if self._destination.head(key) is not None:
                return fail(name, f"a body with another SHA-256 was stored, although it was refused: {error}", SOUND)
            if error.kind is DestinationFault.CHECKSUM:
                return ok(name, "a body with another SHA-256 is refused")
            return fail(name, f"a body with another SHA-256 failed: {error}", ADVICE[DestinationFault.REFUSED])
        advice = "Damage in transit would go unnoticed. " + ADVICE[DestinationFault.REFUSED]
        return fail(name, "a body with another SHA-256 was stored", advice)

    def _check_stored(self, digest: bytes, metadata: Mapping[str, str]) -> Check:
        name = "stored checksum"
        stored = self._destination.head(self._key)
        if stored is None:
            return fail(name, "the object that was written does not exist", ADVICE[DestinationFault.REFUSED])
        lost = [each for each in metadata if stored.metadata.get(each) != metadata[each]]
        if lost:
            advice = UNDERSCORES if all("_" in each for each in lost) else ADVICE[DestinationFault.REFUSED]
            return fail(name, f"metadata are not kept: {', '.join(lost)}", advice)
        if stored.checksum_sha256 is None:
            advice = "Each archive is read back to verify it: twice the traffic. Use a server that keeps SHA-256."
            return warn(name, "the server reports no SHA-256", advice)
        if stored.checksum_sha256 != digest.hex():
            return fail(name, "the server reports another SHA-256", ADVICE[DestinationFault.CHECKSUM])
        return ok(name, "the server reports the SHA-256 of what it stored")

    def _read(self, body: bytes) -> Check:
        if self._destination.read(self._key, 2, 5) != body[2:7]:
            return fail("read", "a range has wrong bytes", ADVICE[DestinationFault.REFUSED])
        return ok("read", "ranges can be read")

    def _list(self) -> Check:
        if self._key not in dict(self._destination.list(self._key)):
            return fail("list", "the object that was written is not listed", ADVICE[DestinationFault.REFUSED])
        return ok("list", "the object that was written is listed")

    def _delete(self, other: str) -> Check:
        for key in (other, self._plain, self._large):
            self._destination.delete(key)
        self._parts.clear()
        self._races.clear()
        self._destination.delete(self._key)
        if self._destination.head(self._key) is not None:
            return fail("delete", "an object that was deleted still exists", ADVICE[DestinationFault.REFUSED])
        return ok("delete", "all test objects are deleted")


def verdict(found: Sequence[Check]) -> Check:
    """Return whether files can be delivered exactly once there, from the results of the checks."""
    name = "exactly once"
    broken = [check for check in found if check.name in PROMISE and check.state == "fail"]
    if broken:
        return fail(name, "not held: " + "; ".join(f"{check.name}: {check.detail}" for check in broken), SOUND)
    tried_too = {check.name for check in found}
    if missing := [each for each in ALWAYS if each not in tried_too]:
        return warn(name, f"not known, because these were not tested: {', '.join(missing)}", "See the checks above.")
    return ok(name, "held: of several writers one wins, and what is stored is what it sent")


def _without_underscores(metadata: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in metadata.items() if "_" not in name}


def handshake(host: str, port: int, context: ssl.SSLContext) -> tuple[str, datetime]:
    """Return the TLS version agreed on, and until when the server's certificate is valid. Raises `OSError`."""
    with (
        socket.create_connection((host, port), timeout=HANDSHAKE_S) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        certificate = secure.getpeercert() or {}
        expires = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
        return secure.version() or "TLS", datetime.fromtimestamp(expires, UTC)
