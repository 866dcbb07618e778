"""Tests concurrent writes to the destination: at most one may succeed, and its bytes must be stored.

A server that checks whether a key exists and then stores, without a lock in between, refuses a later second write but
accepts two concurrent ones. In tests of ten servers, two writers over twenty keys detected this, for multipart uploads
as well as for PUTs; a slow write that another overtakes detected servers that check first and read the body afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as StillWaiting
from contextlib import suppress
from hashlib import sha256

from windrow.clients.destination.held import Answer, HeldRequest, HeldRequests
from windrow.core.faults import SOUND
from windrow.doctor.advice import tried
from windrow.doctor.check import Check, fail, ok, warn
from windrow.ports import ByteRange, Clock, MultipartDestination, Part

KEYS = 20
BODY_BYTES = 3_000
HEAD_START_S = 0.3
"""By then, a server that checks the key before it reads the body has done so."""
OVERTAKING_S = 3.0
"""How long the second writer waits for its answer: a server may delay it until the first has ended, as MinIO does."""
CUT_S = 0.5
"""By then, a server that stores a write whose connection broke has done so."""

RequestPair = Callable[[str], tuple[HeldRequest, HeldRequest]]
"""Prepares two requests for one key: the first writes `_body(0)`, the second `_body(1)`."""


class RaceTrial:
    """Tests on keys that begin with ``key``."""

    def __init__(self, destination: MultipartDestination, requests: HeldRequests, key: str, clock: Clock) -> None:
        self._destination = destination
        self._requests = requests
        self._key = key
        self._clock = clock
        self._keys: list[str] = []
        self._uploads: list[tuple[str, str]] = []

    def run(self, *, parts: bool) -> Iterator[Check]:
        """Yield every check, those of multipart uploads only if ``parts``."""
        if not self._requests.possible:
            yield warn("races", "not tested: there is a proxy", "Run windrow doctor where there is no proxy.")
            return
        yield tried("race of writes", lambda: self._race("race of writes", self._puts))
        yield tried("overtaken write", self._overtake)
        yield tried("cut write", self._cut)
        if parts:
            yield tried("race of completions", lambda: self._race("race of completions", self._completions))
            yield tried("race of copies", lambda: self._race("race of copies", self._copies))

    def clear(self) -> None:
        """Delete what was written, and abort all uploads. Raises `DestinationError`."""
        for key in self._keys:
            self._destination.delete(key)
        for key, upload_id in self._uploads:
            self._destination.abort(key, upload_id)

    def _race(self, name: str, pair: RequestPair) -> Check:
        """Finish two requests at the same moment, for many keys."""
        won, statuses = 0, set[int]()
        with self._requests.connect() as first, self._requests.connect() as second:
            for _ in range(KEYS):
                key = self._fresh()
                requests = pair(key)
                for connection, request in zip((first, second), requests, strict=True):
                    connection.begin(request, len(request.data) - 1)
                first.end()
                second.end()
                answers = first.answer(), second.answer()
                fault = self._judged(key, answers)
                if fault:
                    return fail(name, f"of two concurrent writers {fault}", SOUND)
                won += any(answer.done for answer in answers)
                statuses.update(answer.status for answer in answers)
        if not won:
            return fail(name, f"neither of two writers was served, {KEYS} times: status {sorted(statuses)}", SOUND)
        return ok(name, f"two writers over {KEYS} keys: never more than one winner")

    def _overtake(self) -> Check:
        """Begin a write, carry out another, finish the first."""
        name, key = "overtaken write", self._fresh()
        slow, quick = self._puts(key)
        with self._requests.connect() as first, self._requests.connect() as second, ThreadPoolExecutor(1) as waiting:
            first.begin(slow, slow.body_at + BODY_BYTES * 2 // 3)
            self._clock.sleep(HEAD_START_S)
            second.begin(quick, len(quick.data))
            answer = waiting.submit(second.answer)
            with suppress(StillWaiting):
                answer.result(OVERTAKING_S)
            first.end()
            answers = first.answer(), answer.result()
        fault = self._judged(key, answers)
        if fault or not any(each.done for each in answers):
            return fail(name, f"of a slow writer and one that overtook it {fault or 'neither was served'}", SOUND)
        return ok(name, "a slow write and one that overtakes it: one winner")

    def _cut(self) -> Check:
        name, key = "cut write", self._fresh()
        request, _ = self._puts(key)
        with self._requests.connect() as connection:
            connection.begin(request, request.body_at + BODY_BYTES * 2 // 3)
        self._clock.sleep(CUT_S)
        if self._destination.head(key) is not None:
            return fail(name, "a write whose connection was closed early was stored", SOUND)
        return ok(name, "a write whose connection is closed early is not stored")

    def _judged(self, key: str, answers: tuple[Answer, Answer]) -> str:
        """Return what is wrong with the results of two writers of a key, empty if at most one won, with its bytes."""
        winners = [number for number, answer in enumerate(answers) if answer.done]
        stored = self._destination.head(key)
        if len(winners) > 1:
            return "both got a success"
        if not winners:
            return "both were refused, and one was stored all the same" if stored else ""
        if stored is None:
            return "one got a success, and nothing was stored"
        if stored.size != BODY_BYTES or self._destination.read(key, 0, BODY_BYTES) != _body(winners[0]):
            return "one got a success, and something else was stored"
        return ""

    def _puts(self, key: str) -> tuple[HeldRequest, HeldRequest]:
        return self._requests.put(key, _body(0)), self._requests.put(key, _body(1))

    def _completions(self, key: str) -> tuple[HeldRequest, HeldRequest]:
        return self._completion(key, 0), self._completion(key, 1)

    def _completion(self, key: str, number: int) -> HeldRequest:
        upload_id, body = self._begin(key, verified=True), _body(number)
        part = self._destination.send_part(key, upload_id, 1, [body], sha256(body).digest())
        return self._requests.complete(key, upload_id, part)

    def _copies(self, key: str) -> tuple[HeldRequest, HeldRequest]:
        return self._copy(key, 0), self._copy(key, 1)

    def _copy(self, key: str, number: int) -> HeldRequest:
        """Return the completion of a copy of another object, as for a large archive."""
        upload_id, body, source = self._begin(key, verified=False), _body(number), f"{key}-{number}"
        self._keys.append(source)
        self._destination.put(source, [body], sha256(body).digest(), {})
        stored = self._destination.head(source)
        span = ByteRange(source, stored.etag if stored else "", 0, BODY_BYTES)
        part: Part = self._destination.copy_part(key, upload_id, 1, span)
        return self._requests.complete(key, upload_id, part)

    def _begin(self, key: str, *, verified: bool) -> str:
        upload_id = self._destination.begin(key, {}, verified=verified)
        self._uploads.append((key, upload_id))
        return upload_id

    def _fresh(self) -> str:
        self._keys.append(f"{self._key}-race-{len(self._keys)}")
        return self._keys[-1]


def _body(number: int) -> bytes:
    """Return a writer's body: as long as the other's, and different in every byte."""
    return bytes([65 + number]) * BODY_BYTES
