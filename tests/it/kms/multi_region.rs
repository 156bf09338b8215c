//! ReplicateKey, UpdatePrimaryRegion, and what related keys share.

use std::sync::Arc;

use aws_sdk_kms::Client;
use aws_sdk_kms::types::{KeyMetadata, KeyState, MultiRegionKey, MultiRegionKeyType, Tag};
use serde_json::{Value, json};
use wardbook::base::clock::ManualClock;

use super::{arn, invalid};
use crate::fixture::door::Door;
use crate::fixture::import::{self, Wrapping};
use crate::fixture::{
    ACCOUNT, OTHER_REGION, Options, REGION, START_MS, Server, THIRD_REGION, refused, wait_until,
};
use crate::timers::pass;

const DAY_MS: i64 = 86_400_000;

fn arn_in(region: &str, key_id: &str) -> String {
    format!("arn:aws:kms:{region}:{ACCOUNT}:key/{key_id}")
}

fn key_in(region: &str, key_id: &str) -> MultiRegionKey {
    MultiRegionKey::builder().arn(arn_in(region, key_id)).region(region).build()
}

async fn describe(kms: &Client, key_id: &str) -> KeyMetadata {
    kms.describe_key().key_id(key_id).send().await.unwrap().key_metadata.unwrap()
}

/// What the metadata says of related keys: the role, where the primary key is,
/// and where the replicas are.
fn roles(metadata: &KeyMetadata) -> (MultiRegionKeyType, String, Vec<String>) {
    let related = metadata.multi_region_configuration().unwrap();
    let region = |key: &MultiRegionKey| key.region().unwrap().to_owned();
    (
        related.multi_region_key_type().unwrap().clone(),
        region(related.primary_key().unwrap()),
        related.replica_keys().iter().map(region).collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_has_the_primary_keys_id_and_material_and_nothing_else_of_it() {
    let server = Server::start();
    let kms = server.kms();
    let tag = Tag::builder().tag_key("team").tag_value("a").build().unwrap();
    let made = kms.create_key().multi_region(true).description("primary").tags(tag).send().await;
    let primary = made.unwrap().key_metadata.unwrap();
    let id = primary.key_id();
    assert!(id.starts_with("mrk-") && id.len() == 36, "{id}");
    assert_eq!(primary.multi_region(), Some(true));
    assert_eq!(roles(&primary), (MultiRegionKeyType::Primary, REGION.to_owned(), vec![]));

    let made = kms.replicate_key().key_id(id).replica_region(OTHER_REGION).send().await.unwrap();
    let creating = made.replica_key_metadata().unwrap();
    assert_eq!(creating.arn(), Some(arn_in(OTHER_REGION, id).as_str()));
    assert_eq!(creating.key_state(), Some(&KeyState::Creating));
    assert!(!creating.enabled());
    assert_eq!(creating.current_key_material_id(), None);
    assert!(made.replica_tags().is_empty());
    let policy = kms.get_key_policy().key_id(id).send().await.unwrap();
    assert_eq!(made.replica_policy(), policy.policy());

    // It is there as soon as the answer is.
    let elsewhere = server.in_region(OTHER_REGION).kms();
    let replica = describe(&elsewhere, id).await;
    assert_eq!(replica.key_state(), Some(&KeyState::Enabled));
    assert_eq!(replica.description(), Some(""));
    assert_eq!(replica.current_key_material_id(), primary.current_key_material_id());
    assert_eq!(replica.key_spec(), primary.key_spec());
    assert_eq!(replica.multi_region_configuration(), creating.multi_region_configuration());
    let related = replica.multi_region_configuration().unwrap();
    assert_eq!(related.multi_region_key_type(), Some(&MultiRegionKeyType::Replica));
    assert_eq!(related.primary_key(), Some(&key_in(REGION, id)));
    assert_eq!(related.replica_keys(), [key_in(OTHER_REGION, id)]);
    let tags = elsewhere.list_resource_tags().key_id(id).send().await.unwrap();
    assert!(tags.tags().is_empty());

    kms.replicate_key().key_id(arn(id)).replica_region(THIRD_REGION).send().await.unwrap();
    let both = vec![THIRD_REGION.to_owned(), OTHER_REGION.to_owned()];
    let expected = (MultiRegionKeyType::Primary, REGION.to_owned(), both);
    assert_eq!(roles(&describe(&kms, id).await), expected);

    // State and description are each key's own.
    elsewhere.disable_key().key_id(id).send().await.unwrap();
    elsewhere.update_key_description().key_id(id).description("replica").send().await.unwrap();
    let primary = describe(&kms, id).await;
    assert!(primary.enabled() && primary.description() == Some("primary"), "{primary:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replica_takes_description_tags_and_policy() {
    let server = Server::start();
    let id = server.new_multi_region_key(&[]);
    let policy = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{ACCOUNT}"}},"Action":"kms:*","Resource":"*"}}]}}"#
    );
    let tag = |key: &str| Tag::builder().tag_key(key).tag_value("x").build().unwrap();
    let replicate = server.kms().replicate_key().key_id(&id).replica_region(OTHER_REGION);
    let made = replicate
        .description("copy")
        .tags(tag("b"))
        .tags(tag("a"))
        .policy(&policy)
        .send()
        .await
        .unwrap();
    assert_eq!(made.replica_policy(), Some(policy.as_str()));
    assert_eq!(made.replica_tags(), [tag("a"), tag("b")]);
    assert_eq!(made.replica_key_metadata().unwrap().description(), Some("copy"));
    let elsewhere = server.in_region(OTHER_REGION).kms();
    let tags = elsewhere.list_resource_tags().key_id(&id).send().await.unwrap();
    assert_eq!(tags.tags(), [tag("a"), tag("b")]);
    let put = elsewhere.get_key_policy().key_id(&id).send().await.unwrap();
    assert_eq!(put.policy(), Some(policy.as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_replicated_is_refused() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_multi_region_key(&[OTHER_REGION]);
    let replicate = |id: &str, region: &str| kms.replicate_key().key_id(id).replica_region(region);
    let exists = |region: &str| format!("The key {} already exists", arn_in(region, &id));
    for region in [REGION, OTHER_REGION] {
        refused(replicate(&id, region).send().await, "AlreadyExistsException", &exists(region));
    }
    // One that is to be deleted is still there.
    let elsewhere = server.in_region(OTHER_REGION).kms();
    elsewhere.schedule_key_deletion().key_id(&id).send().await.unwrap();
    let again = replicate(&id, OTHER_REGION).send().await;
    refused(again, "AlreadyExistsException", &exists(OTHER_REGION));

    let unsupported = "UnsupportedOperationException";
    let single = server.new_key();
    refused(
        replicate(&single, THIRD_REGION).send().await,
        unsupported,
        &format!("{} is not a multi-region primary key.", arn(&single)),
    );
    refused(
        elsewhere.replicate_key().key_id(&id).replica_region(THIRD_REGION).send().await,
        unsupported,
        &format!("{} is not a multi-region primary key.", arn_in(OTHER_REGION, &id)),
    );
    refused(
        replicate(&id, "us-west-2").send().await,
        unsupported,
        "Region us-west-2 is not one of those that this server answers in.",
    );
    refused(
        replicate(&id, "Ireland").send().await,
        "ValidationException",
        &invalid(
            "Value 'Ireland' at 'replicaRegion' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: ^([a-z]+-){2,3}\\d+$",
        ),
    );
    refused(
        replicate("alias/app", THIRD_REGION).send().await,
        "InvalidArnException",
        "Key Aliases are not supported for this operation.",
    );
    refused(
        replicate(&arn_in(OTHER_REGION, &id), THIRD_REGION).send().await,
        "NotFoundException",
        &format!("Invalid arn {OTHER_REGION}"),
    );
    let tag = || Tag::builder().tag_key("aws:x").tag_value("").build().unwrap();
    refused(
        replicate(&id, THIRD_REGION).tags(tag()).send().await,
        "TagException",
        "Tags beginning with aws: are reserved",
    );
    let lockout = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:Encrypt","Resource":"*"}]}"#;
    refused(
        replicate(&id, THIRD_REGION).policy(lockout).send().await,
        "MalformedPolicyDocumentException",
        "The new key policy will not allow you to update the key policy in the future.",
    );
    let bypassing = replicate(&id, THIRD_REGION).policy(lockout);
    bypassing.bypass_policy_lockout_safety_check(true).send().await.unwrap();
}

/// kms:ReplicateKey on the primary key, kms:CreateKey where the replica will be,
/// and kms:TagResource there for tags.
#[test]
fn replicating_needs_permissions_at_both_ends() {
    let server = Server::start();
    let id = server.new_multi_region_key(&[]);
    let in_region = |action: &str, region: &str| {
        format!(
            "permit (principal, action == Action::\"kms:{action}\", resource) \
             when {{ context has requestedRegion && context.requestedRegion == \"{region}\" }};"
        )
    };
    let replicate = in_region("ReplicateKey", REGION);
    let create = in_region("CreateKey", OTHER_REGION);
    let create_here = in_region("CreateKey", REGION);
    let tag = in_region("TagResource", OTHER_REGION);
    let plain = json!({ "KeyId": id, "ReplicaRegion": OTHER_REGION });
    let tagged = json!({
        "KeyId": id, "ReplicaRegion": OTHER_REGION,
        "Tags": [{ "TagKey": "team", "TagValue": "a" }],
    });
    for (name, policy, input, missing) in [
        ("no-replicate", create.clone(), &plain, "kms:ReplicateKey"),
        ("no-create", format!("{replicate}{create_here}"), &plain, "kms:CreateKey"),
        ("no-tag", format!("{replicate}{create}"), &tagged, "kms:TagResource"),
    ] {
        let who = server.new_user(name, &policy);
        let answer = server.call_as(&who, "ReplicateKey", input);
        assert_eq!(answer.code(), "AccessDeniedException", "{name}");
        assert!(answer.message().contains(missing), "{}", answer.message());
    }
    let who = server.new_user("all", &format!("{replicate}{create}{tag}"));
    server.call_as(&who, "ReplicateKey", &tagged).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_related_key_encrypts_the_others_decrypt() {
    let server = Server::start();
    let id = server.new_multi_region_key(&[OTHER_REGION]);
    let (here, there) = (server.kms(), server.in_region(OTHER_REGION).kms());
    let stranger = server.in_region(OTHER_REGION).new_key();
    for (from, to, to_region) in [(&here, &there, OTHER_REGION), (&there, &here, REGION)] {
        let made = from
            .encrypt()
            .key_id(&id)
            .plaintext(b"across".as_slice().into())
            .encryption_context("tenant", "7")
            .send()
            .await
            .unwrap();
        let decrypt = || {
            let blob = made.ciphertext_blob().unwrap().clone();
            to.decrypt().ciphertext_blob(blob).encryption_context("tenant", "7")
        };
        let to_arn = arn_in(to_region, &id);
        for named in [None, Some(id.clone()), Some(to_arn.clone())] {
            let opened = decrypt().set_key_id(named).send().await.unwrap();
            assert_eq!(opened.plaintext().unwrap().as_ref(), b"across");
            assert_eq!(opened.key_id(), Some(to_arn.as_str()));
        }
        // The ARN of the key that encrypted is one of another Region.
        let named = made.key_id().unwrap();
        let region = named.split(':').nth(3).unwrap();
        let opened = decrypt().key_id(named).send().await;
        refused(opened, "NotFoundException", &format!("Invalid arn {region}"));
    }
    // In a Region without a replica it is the ciphertext of nobody.
    let made = here.encrypt().key_id(&id).plaintext(b"x".as_slice().into()).send().await.unwrap();
    let blob = || made.ciphertext_blob().unwrap().clone();
    let nowhere = server.in_region(THIRD_REGION).kms();
    let error = nowhere.decrypt().ciphertext_blob(blob()).send().await.unwrap_err();
    assert!(error.to_string().contains("service error"), "{error}");
    refused(
        there.decrypt().ciphertext_blob(blob()).key_id(&stranger).send().await,
        "IncorrectKeyException",
        "The key ID in the request does not identify a CMK that can perform this operation.",
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_primary_region_can_be_changed() {
    let server = Server::start();
    let id = server.new_multi_region_key(&[OTHER_REGION, THIRD_REGION]);
    let (here, there) = (server.kms(), server.in_region(OTHER_REGION).kms());
    here.update_primary_region().key_id(&id).primary_region(OTHER_REGION).send().await.unwrap();

    let replicas = vec![REGION.to_owned(), THIRD_REGION.to_owned()];
    let expected = (MultiRegionKeyType::Primary, OTHER_REGION.to_owned(), replicas.clone());
    let primary = describe(&there, &id).await;
    assert_eq!(roles(&primary), expected);
    assert_eq!(primary.key_state(), Some(&KeyState::Enabled));
    let expected = (MultiRegionKeyType::Replica, OTHER_REGION.to_owned(), replicas);
    let replica = describe(&here, &id).await;
    assert_eq!(roles(&replica), expected);
    assert_eq!(replica.key_state(), Some(&KeyState::Enabled));

    let unsupported = "UnsupportedOperationException";
    let update = |kms: &Client, id: &str, region: &str| {
        kms.update_primary_region().key_id(id).primary_region(region)
    };
    refused(
        update(&here, &id, THIRD_REGION).send().await,
        unsupported,
        &format!("{} is not a multi-region primary key.", arn(&id)),
    );
    refused(
        update(&there, &id, OTHER_REGION).send().await,
        unsupported,
        &format!("{} is already the multi-region primary key.", arn_in(OTHER_REGION, &id)),
    );
    refused(
        update(&there, &id, "us-west-2").send().await,
        "NotFoundException",
        &format!("Key '{}' does not exist", arn_in("us-west-2", &id)),
    );
    let single = server.new_key();
    refused(
        update(&here, &single, OTHER_REGION).send().await,
        unsupported,
        &format!("{} is not a multi-region primary key.", arn(&single)),
    );
    // Back again, and both still open what was made in between.
    let made = there.encrypt().key_id(&id).plaintext(b"x".as_slice().into()).send().await.unwrap();
    update(&there, &id, REGION).send().await.unwrap();
    let blob = made.ciphertext_blob().unwrap().clone();
    here.decrypt().ciphertext_blob(blob).send().await.unwrap();
}

/// The roles survive a restart, and so does the material of each replica.
#[test]
fn related_keys_survive_a_restart() {
    let server = Server::start();
    let id = server.new_multi_region_key(&[OTHER_REGION]);
    let key = json!({ "KeyId": id });
    let there = server.in_region(OTHER_REGION);
    let made = there.call("Encrypt", &json!({ "KeyId": id, "Plaintext": "eA==" })).ok();
    let update = json!({ "KeyId": id, "PrimaryRegion": OTHER_REGION });
    server.call("UpdatePrimaryRegion", &update).ok();
    let described = server.call("DescribeKey", &key).ok();

    let server = server.restart(Options::default());
    assert_eq!(server.call("DescribeKey", &key).ok(), described);
    for region in [REGION, OTHER_REGION] {
        let blob = json!({ "CiphertextBlob": made["CiphertextBlob"] });
        let opened = server.in_region(region).call("Decrypt", &blob).ok();
        assert_eq!(opened["Plaintext"], "eA==");
    }
}

/// A rotation to imported material waits until each replica has it: for one that
/// is new, and not for one that is gone.
#[test]
fn a_replica_that_lacks_material_holds_up_the_rotation_to_it() {
    let clock = Arc::new(ManualClock::at(START_MS));
    let server = Server::at(&clock);
    let id = import::new_key(&server, &json!({ "MultiRegion": true }));
    let wrapping = Wrapping::of(&server, &id, "RSAES_OAEP_SHA_256", "RSA_2048");
    let replicate = json!({ "KeyId": id, "ReplicaRegion": OTHER_REGION });
    let early = server.call("ReplicateKey", &replicate);
    assert_eq!(early.message(), format!("{} is pending import.", arn(&id)));
    for byte in [1, 2] {
        let mut input = wrapping.input(&id, &[byte; 32]);
        input["ImportType"] = json!("NEW_KEY_MATERIAL");
        server.call("ImportKeyMaterial", &input).ok();
    }
    let materials = |door: &Door| -> Vec<String> {
        let all = json!({ "KeyId": id, "IncludeKeyMaterial": "ALL_KEY_MATERIAL" });
        let listed = door.call("ListKeyRotations", &all).ok();
        let shown = |entry: &Value| {
            let text = |name: &str| entry[name].as_str().unwrap().to_owned();
            format!("{} {}", text("ImportState"), text("KeyMaterialState"))
        };
        listed["Rotations"].as_array().unwrap().iter().map(shown).collect()
    };
    let ready = ["IMPORTED CURRENT", "IMPORTED PENDING_ROTATION"];
    assert_eq!(materials(&server), ready);

    let there = server.in_region(OTHER_REGION);
    let made = server.call("ReplicateKey", &replicate).ok();
    assert_eq!(made["ReplicaKeyMetadata"]["KeyState"], "Creating");
    let key = json!({ "KeyId": id });
    let described = there.call("DescribeKey", &key).ok();
    assert_eq!(described["KeyMetadata"]["KeyState"], "PendingImport");
    let waiting = "PENDING_MULTI_REGION_IMPORT_AND_ROTATION";
    assert_eq!(materials(&server)[1], format!("IMPORTED {waiting}"));
    let lacking = ["PENDING_IMPORT CURRENT".to_owned(), format!("PENDING_IMPORT {waiting}")];
    assert_eq!(materials(&there), lacking);
    let early = server.call("RotateKeyOnDemand", &key);
    assert_eq!(early.code(), "KMSInvalidStateException");

    there.call("ScheduleKeyDeletion", &json!({ "KeyId": id, "PendingWindowInDays": 7 })).ok();
    pass(&server, &clock, 7 * DAY_MS);
    assert_eq!(materials(&server), ready);
    server.call("RotateKeyOnDemand", &key).ok();
    wait_until(|| materials(&server) == ["IMPORTED NON_CURRENT", "IMPORTED CURRENT"]);
}
