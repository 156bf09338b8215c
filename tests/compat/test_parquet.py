"""The book as Parquet, read by Arrow's own reader."""

import json
from datetime import datetime, timezone

import pyarrow
import pyarrow.parquet
import pytest

from wardbook import REGION, wardbook

TEXTS = ["account", "region", "event_source", "event_name", "principal", "event_id", "record"]
OPTIONAL = ["session", "access_key_id", "key", "second_key", "key_material_id", "error_code"]
OPTIONAL += ["source_ip", "request_id"]


@pytest.fixture(scope="module")
def exported(server, admin, kms, tmp_path_factory):
    """The same events as one record a line, and as Parquet."""
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    # More than one group of rows.
    context = {"long": "\u00e9\U0001f511" + "x" * 8000}
    for _ in range(1100):
        kms.encrypt(KeyId=key, Plaintext=b"x", EncryptionContext=context)
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId="00000000-0000-4000-8000-000000000000")
    folder = tmp_path_factory.mktemp("parquet")
    files = {}
    for form in ("ndjson", "parquet"):
        files[form] = folder / form
        # What the exports themselves write stands behind the end of both.
        wardbook(
            "audit", "export", "--format", form, "--output", files[form], "--endpoint", server.url,
            "--region", REGION, "--not", "event-source=audit.wardbook", identity=admin,
        )
    return files["ndjson"].read_text().strip("\n").split("\n"), files["parquet"]


def test_every_record_is_a_row(exported):
    lines, file = exported
    table = pyarrow.parquet.read_table(file)
    assert table.column("record").to_pylist() == lines
    for row, record in zip(table.to_pylist(), map(json.loads, lines)):
        assert row["event_id"] == record["eventID"] and row["event_name"] == record["eventName"]
        assert row["request_id"] == record.get("requestID")
        assert row["error_code"] == record.get("errorCode")
        assert row["read_only"] is record["readOnly"]
        assert row["account"] == record["recipientAccountId"]
        if record["eventType"] == "AwsApiCall":
            assert row["source_ip"] == record["sourceIPAddress"]
        resources = [one["ARN"] for one in record["resources"] if ":key/" in one["ARN"]]
        assert row["key"] == (resources[0] if resources else None)
        time = datetime.fromisoformat(record["wardbook"].get("time") or record["eventTime"])
        assert abs((row["event_time"] - time).total_seconds()) < 1
    seqs = table.column("seq").to_pylist()
    assert seqs == sorted(seqs, reverse=True)


def test_columns_have_types_and_groups_are_bounded(exported):
    lines, file = exported
    parquet = pyarrow.parquet.ParquetFile(file)
    schema = parquet.schema_arrow
    assert schema.names[0] == "seq" and len(schema) == 18
    assert schema.field("event_time").type == pyarrow.timestamp("ms", tz="UTC")
    assert schema.field("seq").type == pyarrow.int64()
    assert schema.field("read_only").type == pyarrow.bool_()
    for name in TEXTS + OPTIONAL:
        field = schema.field(name)
        assert field.type == pyarrow.string() and field.nullable is (name in OPTIONAL)
    meta = parquet.metadata
    assert meta.num_rows == len(lines) and meta.num_row_groups > 1
    assert meta.created_by.startswith("wardbook version ")
    for group in range(meta.num_row_groups):
        statistics = meta.row_group(group).column(1).statistics
        times = parquet.read_row_group(group, columns=["event_time"]).column(0).to_pylist()
        utc = [statistics.min.replace(tzinfo=timezone.utc), statistics.max.replace(tzinfo=timezone.utc)]
        assert utc == [min(times), max(times)]


def test_no_events_are_a_table_without_rows(server, admin, tmp_path):
    file = tmp_path / "none"
    wardbook(
        "audit", "export", "--format", "parquet", "--output", file, "--event-name", "NeverCalled",
        "--endpoint", server.url, "--region", REGION, identity=admin,
    )
    assert pyarrow.parquet.read_table(file).num_rows == 0
