"""Who sees which attribute of an item: three callers, each with a policy of their own, and what
the field-read book says of them afterwards."""

import json
from urllib.parse import urlencode

import pytest

from clients import Wire
from wardbook import ACCOUNT

JSON = {"Content-Type": "application/json"}
PURPOSE = "x-wardbook-purpose"
ADA = {"id": "customer-1", "city": "Ulm", "ssn": "078-05-1120", "email": "ada@example.com", "salary": 90000}
BOB = {"id": "customer-2", "city": "Bonn", "email": "bob@example.com"}


@pytest.fixture
def table(wire, key, names):
    """The name of a fresh schema whose attributes have labels and masks."""
    name = names("readers")
    document = {
        "tableName": name,
        "partitionKeyName": "id",
        "keyId": key["Arn"],
        "attributeActionsOnEncrypt": {
            "id": "SIGN_ONLY",
            "city": "SIGN_ONLY",
            "ssn": "ENCRYPT_AND_SIGN",
            "email": "ENCRYPT_AND_SIGN",
            "salary": "ENCRYPT_AND_SIGN",
        },
        "attributes": {
            "ssn": {"labels": ["pii"], "mask": {"keepLast": 4}},
            "email": {"labels": ["pii"], "mask": "email"},
            "salary": {"labels": ["finance"]},
        },
    }
    wire.rest("PUT", f"/v1/item-schemas/{name}", document)
    return name


@pytest.fixture
def reader(server, wire, names, table):
    """Makes a user who may open items of the table, and see of them what a policy says."""
    items = f"""
        permit (principal, action == Action::"items:DecryptItem",
            resource == ItemSchema::"{ACCOUNT}/{table}");
        permit (principal, action == Action::"kms:Decrypt", resource)
            when {{ context has viaService && context.viaService == "items.wardbook" }};
    """

    def make(stem, policy="", items=items):
        user = server.create_user(names(stem))
        for name, text in ("items", items), ("attributes", policy):
            if text.strip():
                wire.rest("PUT", f"/v1/users/{user.name}/policies/{name}", {"policy": text})
        return Wire(server.url, user)

    return make


def seeing(action, label):
    return f"""
        permit (principal, action == Action::"items:{action}", resource)
            when {{ resource.labels.contains("{label}") }};
    """


SUPPORT = seeing("DecryptAttributeMasked", "pii")
PAYROLL = seeing("DecryptAttribute", "finance")
FRAUD = """
    permit (principal, action == Action::"items:DecryptAttribute", resource)
        when { resource.labels.contains("pii") && context has purpose
            && context.purpose == "fraud-review" };
"""


def sealed(wire, table, *items):
    body = {"items": items, "format": "json"}
    answer = wire.rest("POST", f"/v1/item-schemas/{table}/encrypt", body)
    return [entry["item"] for entry in answer["items"]]


def ask(caller, table, items, headers=None, **members):
    body = json.dumps({"items": items, "format": "json", **members}).encode()
    return caller.send("POST", f"/v1/item-schemas/{table}/decrypt", body, {**JSON, **(headers or {})})


def read(caller, table, items, headers=None, **members):
    answer = ask(caller, table, items, headers, **members)
    assert answer.status == 200, answer.body
    return answer.json["items"]


def field_reads(wire, **filters):
    return wire.rest("GET", "/v1/audit/field-reads?" + urlencode(filters, doseq=True))["reads"]


def test_three_callers_see_three_items(wire, table, reader):
    items = sealed(wire, table, ADA)
    (support,) = read(reader("support", SUPPORT), table, items)
    assert support["item"] == {
        "id": "customer-1",
        "city": "Ulm",
        "ssn": "****1120",
        "email": "a****@example.com",
    }
    assert (support["masked"], support["withheld"]) == (["email", "ssn"], ["salary"])
    (payroll,) = read(reader("payroll", PAYROLL), table, items)
    assert payroll["item"] == {"id": "customer-1", "city": "Ulm", "salary": 90000}
    assert payroll["withheld"] == ["email", "ssn"] and "masked" not in payroll
    (nobody,) = read(reader("nobody"), table, items)
    assert nobody["item"] == {"id": "customer-1", "city": "Ulm"}
    assert nobody["withheld"] == ["email", "salary", "ssn"]
    # The account's administrator sees all of it, and nothing is said to be kept back.
    assert read(wire, table, items) == [{"item": ADA}]


def test_a_deny_wins_over_every_permission_of_its_action(wire, table, reader):
    items = sealed(wire, table, ADA)
    plain = f"""
        permit (principal, action in [Action::"items:DecryptAttribute",
            Action::"items:DecryptAttributeMasked"], resource in ItemSchema::"{ACCOUNT}/{table}");
        forbid (principal, action == Action::"items:DecryptAttribute", resource)
            when {{ resource.labels.contains("pii") }};
    """
    (seen,) = read(reader("denied", plain), table, items)
    assert seen["item"] == {**ADA, "ssn": "****1120", "email": "a****@example.com"}


def test_policies_in_the_json_of_aws(wire, table, reader):
    """The same in AWS's language: a condition on labels, one on the purpose."""
    items = sealed(wire, table, ADA)
    statement = {
        "Sid": "FraudSeesPii",
        "Effect": "Allow",
        "Action": "items:DecryptAttribute",
        "Resource": f"arn:aws:items::{ACCOUNT}:schema/{table}/attribute/*",
        "Condition": {
            "ForAnyValue:StringEquals": {"items:AttributeLabels": "pii"},
            "StringEquals": {"items:Purpose": "fraud-review"},
        },
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    caller = reader("aws", policy)
    (seen,) = read(caller, table, items, purpose="fraud-review")
    assert seen["item"] == {name: value for name, value in ADA.items() if name != "salary"}
    (seen,) = read(caller, table, items, purpose="curiosity")
    assert seen["item"] == {"id": "customer-1", "city": "Ulm"}


def test_without_the_right_to_items_nothing_is_answered(wire, table, reader):
    items = sealed(wire, table, ADA)
    for missing in (PAYROLL, SUPPORT, ""):
        answer = ask(reader("stranger", missing, items=""), table, items)
        assert answer.status == 403
        assert answer.json["error"]["code"] == "AccessDeniedException"
        assert b"078-05-1120" not in answer.body


def test_without_the_right_to_the_key_no_item_opens(wire, table, reader):
    items = sealed(wire, table, ADA)
    only_items = 'permit (principal, action == Action::"items:DecryptItem", resource);'
    (seen,) = read(reader("keyless", PAYROLL, items=only_items), table, items)
    assert seen["error"]["code"] == "AccessDeniedException"


def test_a_purpose_opens_what_is_closed_without_it(wire, table, reader):
    items = sealed(wire, table, ADA)
    fraud = reader("fraud", FRAUD)
    (seen,) = read(fraud, table, items)
    assert seen["withheld"] == ["email", "salary", "ssn"]
    for said in {"purpose": "fraud-review"}, {"headers": {PURPOSE: "fraud-review"}}:
        (seen,) = read(fraud, table, items, **said)
        assert (seen["item"]["ssn"], seen["withheld"]) == ("078-05-1120", ["salary"])
    both = ask(fraud, table, items, {PURPOSE: "fraud-review"}, purpose="support")
    assert both.status == 400
    # Somebody on the way cannot add one: what is not signed does not count.
    body = json.dumps({"items": items, "format": "json"}).encode()

    def add(prepared):
        prepared.headers[PURPOSE] = "fraud-review"

    answer = fraud.send("POST", f"/v1/item-schemas/{table}/decrypt", body, JSON, tamper=add)
    assert answer.status == 403 and b"078-05-1120" not in answer.body


def test_a_schema_can_demand_a_purpose(wire, table, reader):
    path = f"/v1/item-schemas/{table}"
    document = wire.rest("GET", path)["schema"]
    demanding = {**document, "purposes": {"required": True, "allowed": ["fraud-review", "support"]}}
    assert wire.rest("PUT", path, demanding)["version"] == 2
    items = sealed(wire, table, ADA)
    fraud = reader("fraud", FRAUD)
    for members in {}, {"purpose": "curiosity"}:
        answer = ask(fraud, table, items, **members)
        assert answer.status == 400
        assert "fraud-review, support" in answer.json["error"]["message"]
    assert read(fraud, table, items, purpose="support")[0]["withheld"] == ["email", "salary", "ssn"]
    assert read(fraud, table, items, purpose="fraud-review")[0]["item"]["ssn"] == "078-05-1120"


def test_all_or_nothing(wire, table, reader):
    """Strict: an item of which something is withheld is refused, and no other is."""
    ada, bob = sealed(wire, table, ADA, BOB)
    support = reader("support", SUPPORT)
    refused, seen = read(support, table, [ada, bob], onWithheld="error")
    error = refused["error"]
    assert (error["code"], error["attribute"], error["index"]) == ("AttributeWithheld", "salary", 0)
    assert error["docs"] == "docs/item-errors.md#attributewithheld"
    assert seen["item"]["email"] == "b****@example.com"
    # Who asks for less is refused less.
    (seen,) = read(support, table, [ada], onWithheld="error", attributes=["ssn"])
    assert seen["item"] == {"id": "customer-1", "ssn": "****1120"}


def test_only_what_is_asked_for_is_answered(wire, table, reader):
    items = sealed(wire, table, ADA, BOB)
    support = reader("support", SUPPORT)
    ada, bob = read(support, table, items, attributes=["ssn"])
    assert (ada["item"], bob["item"]) == ({"id": "customer-1", "ssn": "****1120"}, {"id": "customer-2"})
    assert "withheld" not in ada and "withheld" not in bob
    assert ask(support, table, items, attributes=["shoe_size"]).status == 400
    # All of it is verified all the same.
    forged = {**items[0], "city": "Bonn"}
    (answer,) = read(support, table, [forged], attributes=["ssn"])
    assert answer["error"]["code"] == "SignatureInvalid"


def test_the_book_says_who_read_what_and_how(wire, table, reader):
    items = sealed(wire, table, ADA, BOB)
    support, payroll = reader("support", SUPPORT), reader("payroll", PAYROLL)
    fraud = reader("fraud", FRAUD)
    read(support, table, items)
    read(payroll, table, items, attributes=["salary"])
    read(fraud, table, items[:1], purpose="fraud-review")
    arns = [caller.identity.arn for caller in (fraud, payroll, support)]

    # Who read ssn of this customer?
    reads = field_reads(wire, table=table, key="customer-1", attribute="ssn")
    assert [row["principal"] for row in reads] == [arns[0], arns[2]]
    assert [row["attributes"]["ssn"] for row in reads] == ["plain", "masked"]
    assert reads[0]["purpose"] == "fraud-review" and "purpose" not in reads[1]
    assert {row["kind"] for row in reads} == {"returned"}
    assert all(row["key"] == ["customer-1"] and row["policies"] for row in reads)
    # And of the one who has none: nobody.
    assert field_reads(wire, table=table, key="customer-2", attribute="ssn") == []
    # What did somebody read, and what was not given to them?
    (row,) = field_reads(wire, table=table, principal=arns[1], how="plain")
    assert row["attributes"] == {"salary": "plain"}
    rows = field_reads(wire, table=table, principal=arns[2])
    told = sorted((row["item"], sorted(row["attributes"].items())) for row in rows)
    assert told == [
        (0, [("email", "masked"), ("salary", "withheld"), ("ssn", "masked")]),
        (1, [("email", "masked")]),
    ]
    # The whole record of such a read is there as well, without any value.
    (event,) = wire.rest("GET", f"/v1/audit/events?eventId={reads[0]['eventId']}")["events"]
    assert event["eventName"] == "DecryptItems"
    assert event["additionalEventData"]["attributes"]["plain"] == ["email", "ssn"]
    assert "078-05-1120" not in json.dumps(event) and "customer-1" not in json.dumps(event)


def test_a_damaged_item_is_no_read(wire, table, reader):
    (item,) = sealed(wire, table, ADA)
    support = reader("support", SUPPORT)
    (answer,) = read(support, table, [{**item, "city": "Bonn"}])
    assert answer["error"]["code"] == "SignatureInvalid"
    assert field_reads(wire, table=table, principal=support.identity.arn) == []


def test_who_may_not_ask_the_book(table, reader):
    support = reader("support", SUPPORT)
    answer = support.send("GET", "/v1/audit/field-reads?" + urlencode({"table": table}))
    assert (answer.status, answer.json["error"]["code"]) == (403, "AccessDeniedException")
