"""The clients of mapping, circuit, queue statistics and sender: what they make of AWS's answers."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError
from botocore.stub import Stubber
from moto import mock_aws

from windrow.clients.awslambda.mapping import LambdaMappingSwitch
from windrow.clients.dynamodb.circuits import DynamoCircuits
from windrow.clients.dynamodb.delivery_health import DynamoDeliveryHealth
from windrow.clients.sqs.sender import SqsSender
from windrow.clients.sqs.statistics import SqsStatistics
from windrow.core.circuit import Circuit, Mode, Streak
from windrow.core.errors import LedgerError, MappingBusy, MappingError, QueueError
from windrow.testing import FakeClock

DONE = {"Id": "0", "MessageId": "m", "MD5OfMessageBody": "d"}
UUID = "8bd54ff9-5f85-4b9e-b7bd-d2ab3fcb4a2f"


@pytest.fixture
def aws() -> Iterator[None]:
    """An AWS of this test's own."""
    with mock_aws():
        yield


class TestMapping:
    """The switch of an event source mapping."""

    @pytest.mark.parametrize(
        ("state", "on"),
        [("Enabling", True), ("Enabled", True), ("Disabling", False), ("Disabled", False)],
    )
    def test_states(self, state: str, on: bool) -> None:
        """What polls, or is about to, is enabled; only the other way needs a call."""
        client: Any = boto3.client("lambda")
        switch = LambdaMappingSwitch(UUID, client)
        with Stubber(client) as stub:
            for _ in range(3):
                stub.add_response("get_event_source_mapping", {"State": state}, {"UUID": UUID})
            stub.add_response("update_event_source_mapping", {}, {"UUID": UUID, "Enabled": not on})
            assert on is switch.enabled()
            (switch.enable if on else switch.disable)()
            (switch.disable if on else switch.enable)()
            stub.assert_no_pending_responses()

    @pytest.mark.parametrize("state", ["Creating", "Updating"])
    def test_a_mapping_that_is_being_changed_says_nothing(self, state: str) -> None:
        """Whether it was enabled can't be told, so nobody may conclude that."""
        client: Any = boto3.client("lambda")
        with Stubber(client) as stub:
            stub.add_response("get_event_source_mapping", {"State": state})
            with pytest.raises(MappingBusy, match="is being changed"):
                LambdaMappingSwitch(UUID, client).enabled()

    @pytest.mark.parametrize(
        ("code", "kind", "message"),
        [
            ("ResourceInUseException", MappingBusy, "is being changed; try again"),
            ("AccessDeniedException", MappingError, "could not be switched"),
        ],
    )
    def test_a_refused_change_is_an_error(self, code: str, kind: type[MappingError], message: str) -> None:
        """Lambda is busy with the last change, and the caller tries again; or the caller may not."""
        client: Any = boto3.client("lambda")
        with Stubber(client) as stub:
            stub.add_response("get_event_source_mapping", {"State": "Enabled"})
            stub.add_client_error("update_event_source_mapping", code)
            with pytest.raises(MappingError, match=message) as caught:
                LambdaMappingSwitch(UUID, client).disable()
            assert kind is type(caught.value)


@pytest.mark.usefixtures("aws")
class TestCircuits:
    """The circuit's state in the ledger table."""

    def store(self) -> DynamoCircuits:
        """Return a store on a new table."""
        client: Any = boto3.client("dynamodb")
        client.create_table(
            TableName="ledger",
            AttributeDefinitions=[{"AttributeName": "object_id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "object_id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        return DynamoCircuits("ledger", UUID, client)

    def test_a_new_table_holds_a_closed_circuit(self) -> None:
        """Nothing stored means closed, and decided by the sentinel."""
        assert Circuit() == self.store().load()

    def test_what_is_saved_is_loaded(self) -> None:
        """Every field comes back."""
        store = self.store()
        circuit = Circuit(Mode.OPEN, opened=True, failures=3, counted_at=5, fault="tls", changed_at=7, revision=1)

        assert store.save(circuit, replacing=Circuit())
        assert circuit == store.load()

    def test_of_two_writers_one_gets_its_way(self) -> None:
        """The second one's look is stale: nothing is written."""
        store = self.store()
        first, second = Circuit(failures=1, revision=1), Circuit(failures=2, revision=1)

        assert store.save(first, replacing=Circuit())
        assert not store.save(second, replacing=Circuit())
        assert first == store.load()

    def test_without_a_table_both_are_errors(self) -> None:
        """A lost ledger is reported, not taken for a closed circuit."""
        store = DynamoCircuits("absent", UUID, boto3.client("dynamodb"))
        with pytest.raises(LedgerError):
            store.load()
        with pytest.raises(LedgerError):
            store.save(Circuit(), replacing=Circuit())


@pytest.mark.usefixtures("aws")
class TestDeliveryHealth:
    """How deliveries end, in the ledger table."""

    def health(self) -> DynamoDeliveryHealth:
        """Return it on a new table."""
        TestCircuits().store()
        return DynamoDeliveryHealth("ledger", boto3.client("dynamodb"))

    def test_a_new_table_knows_of_nothing(self) -> None:
        """Neither of failures nor of a success."""
        assert Streak() == self.health().streak()

    def test_failures_and_the_last_success_are_kept_side_by_side(self) -> None:
        """Of each the last note stands, and a success of one worker does not hide the failures of another."""
        health = self.health()
        health.record_failed(Streak(1, 10, 10, "slow"))
        health.record_failed(Streak(2, 10, 15, "refused"))
        health.record_delivered(5)

        assert Streak(2, 10, 15, "refused", 5) == health.streak()

    def test_both_are_forgotten_after_a_day(self) -> None:
        """DynamoDB deletes them."""
        health = self.health()
        health.record_failed(Streak(1, 10, 10, "slow"))
        health.record_delivered(20)
        client: Any = boto3.client("dynamodb")
        expiries = [item["expires_at"]["N"] for item in client.scan(TableName="ledger")["Items"]]

        assert ["86410", "86420"] == sorted(expiries)

    def test_without_a_table_notes_are_lost_and_reading_is_an_error(self) -> None:
        """A delivery must not fail for its note."""
        health = DynamoDeliveryHealth("absent", boto3.client("dynamodb"))
        health.record_failed(Streak())
        health.record_delivered(1)
        with pytest.raises(LedgerError):
            health.streak()


class TestStatistics:
    """Depth and age of a queue."""

    def statistics(self) -> tuple[SqsStatistics, Any, Any]:
        """Return queue statistics with their clients."""
        sqs: Any = boto3.client("sqs")
        cloudwatch: Any = boto3.client("cloudwatch")
        clock = FakeClock(datetime(2026, 11, 23, 10, tzinfo=UTC))
        return SqsStatistics("https://sqs.example/1/uploads", sqs, cloudwatch, clock), sqs, cloudwatch

    @pytest.mark.parametrize(("values", "age_s"), [([61.0, 5.0], 61.0), ([], None)])
    def test_age_is_cloudwatchs_newest(self, values: list[float], age_s: float | None) -> None:
        """The newest figure comes first; without any nobody knows."""
        statistics, _, cloudwatch = self.statistics()
        with Stubber(cloudwatch) as stub:
            stub.add_response("get_metric_data", {"MetricDataResults": [{"Id": "age", "Values": values}]})
            assert age_s == statistics.oldest_age_s()

    def test_age_is_asked_for_this_queue(self) -> None:
        """The dimension is the queue's name, the last quarter of an hour is looked at."""
        statistics, _, cloudwatch = self.statistics()
        asked: dict[str, Any] = {}
        cloudwatch.meta.events.register("before-parameter-build.cloudwatch", lambda params, **_: asked.update(params))
        with Stubber(cloudwatch) as stub:
            stub.add_response("get_metric_data", {"MetricDataResults": [{"Id": "age", "Values": []}]})
            statistics.oldest_age_s()
        (query,) = asked["MetricDataQueries"]

        assert [{"Name": "QueueName", "Value": "uploads"}] == query["MetricStat"]["Metric"]["Dimensions"]
        assert 900 == (asked["EndTime"] - asked["StartTime"]).total_seconds()

    def test_retention_is_the_queues_own(self) -> None:
        """Not a figure that Windrow's Terraform once wrote."""
        statistics, sqs, _ = self.statistics()
        with Stubber(sqs) as stub:
            stub.add_response("get_queue_attributes", {"Attributes": {"MessageRetentionPeriod": "432000"}})
            assert timedelta(days=5) == statistics.retention()

    def test_failures_are_queue_errors(self) -> None:
        """Neither answer is made up."""
        statistics, sqs, cloudwatch = self.statistics()
        for ask in (statistics.depth, statistics.retention):
            with Stubber(sqs) as stub:
                stub.add_client_error("get_queue_attributes", "AccessDenied")
                with pytest.raises(QueueError):
                    ask()
        with Stubber(cloudwatch) as stub:
            stub.add_client_error("get_metric_data", "AccessDenied")
            with pytest.raises(QueueError):
                statistics.oldest_age_s()


class TestSender:
    """Messages to the source queue."""

    def test_one_refused_message_is_an_error(self) -> None:
        """A replay must not note as queued what SQS did not take."""
        client: Any = boto3.client("sqs")
        failure = {"Id": "1", "SenderFault": True, "Code": "InternalError", "Message": "try later"}
        with Stubber(client) as stub:
            stub.add_response("send_message_batch", {"Successful": [DONE], "Failed": [failure]})
            with pytest.raises(QueueError, match="1 messages were not queued, the first because: try later"):
                SqsSender("https://sqs.example/1/uploads", client).send(["a", "b"])

    def test_a_queue_that_is_away_is_an_error(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """No answer means not known to be queued."""
        client: Any = boto3.client("sqs")

        def away(**_request: object) -> None:
            raise EndpointConnectionError(endpoint_url="https://sqs.example")

        monkeypatch.setattr(client, "send_message_batch", away)
        with pytest.raises(QueueError):
            SqsSender("https://sqs.example/1/uploads", client).send(["a"])
