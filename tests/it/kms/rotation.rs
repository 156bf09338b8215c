//! EnableKeyRotation, DisableKeyRotation, GetKeyRotationStatus,
//! RotateKeyOnDemand, ListKeyRotations. What time brings is in `timers`.

use std::collections::BTreeSet;

use aws_sdk_kms::Client;
use aws_sdk_kms::operation::get_key_rotation_status::GetKeyRotationStatusOutput;
use aws_sdk_kms::primitives::DateTime;
use aws_sdk_kms::types::{
    ExpirationModelType, ImportState, IncludeKeyMaterial, KeyMaterialState, RotationType,
    RotationsListEntry,
};
use wardbook::base::spec::{KeySpec, KeyState, MaterialState, Origin};
use wardbook::keys::create::generate_material;
use wardbook::keys::key::{Key, Material, Rotation};

use super::{arn, invalid};
use crate::fixture::{ACCOUNT, OTHER_REGION, Server, THIRD_REGION, refused, wait_until};

const DAY_MS: i64 = 86_400_000;
/// 2100-01-01.
const EXPIRES_MS: i64 = 4_102_444_800_000;
const UNSUPPORTED: &str = "UnsupportedOperationException";
const INVALID_STATE: &str = "KMSInvalidStateException";

async fn status(kms: &Client, id: &str) -> GetKeyRotationStatusOutput {
    let status = kms.get_key_rotation_status().key_id(id).send().await.unwrap();
    assert_eq!(status.key_id(), Some(arn(id).as_str()));
    status
}

/// Whether the key rotates by itself, how often, and when next.
async fn schedule(kms: &Client, id: &str) -> (bool, Option<i32>, Option<i64>) {
    let status = status(kms, id).await;
    let next = status.next_rotation_date().map(|next| next.to_millis().unwrap());
    (status.key_rotation_enabled(), status.rotation_period_in_days(), next)
}

async fn enable(kms: &Client, id: &str, days: Option<i32>) {
    let call = kms.enable_key_rotation().key_id(id).set_rotation_period_in_days(days);
    call.send().await.unwrap();
}

/// Asks for a rotation and waits until it is done.
async fn rotate(server: &Server, id: &str) {
    let before = server.find_key(id).current_material().unwrap().id;
    let asked = server.kms().rotate_key_on_demand().key_id(id).send().await.unwrap();
    assert_eq!(asked.key_id(), Some(arn(id).as_str()));
    wait_until(|| server.find_key(id).current_material().unwrap().id != before);
}

/// When the key's current material became so.
fn rotation_date(server: &Server, id: &str) -> DateTime {
    let rotated = server.find_key(id).current_material().unwrap().rotated.unwrap();
    let late_ms = server.clock.now_ms() - rotated.at_ms;
    assert!((0..600_000).contains(&late_ms), "{late_ms}");
    DateTime::from_millis(rotated.at_ms)
}

/// The rotations, or with them every other material.
async fn list(kms: &Client, id: &str, include: IncludeKeyMaterial) -> Vec<RotationsListEntry> {
    let call = kms.list_key_rotations().key_id(id).include_key_material(include);
    let listed = call.send().await.unwrap();
    assert!(!listed.truncated());
    let mut listed = listed.rotations().to_vec();
    for entry in &mut listed {
        entry.rotation_date = entry.rotation_date.map(whole_ms);
    }
    listed
}

/// A date as it was before it became a fraction of seconds.
fn whole_ms(date: DateTime) -> DateTime {
    let ms = (date.as_secs_f64() * 1000.0).round();
    DateTime::from_millis(ms.to_string().parse().unwrap())
}

/// Imported material that waits for its rotation.
fn pending(server: &Server, key: &Key) -> Material {
    let now_ms = server.clock.now_ms();
    let made = generate_material(&server.ctx().hsm, &key.arn, key.spec, now_ms).unwrap();
    Material {
        state: MaterialState::PendingRotation,
        description: Some("from the vault".to_owned()),
        expires_ms: Some(EXPIRES_MS),
        ..made
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn automatic_rotation_is_switched_on_and_off() {
    let server = Server::start();
    let (kms, id) = (server.kms(), server.new_key());
    let off = (false, None, None);
    assert_eq!(schedule(&kms, &id).await, off);

    let check = async |days: i32, asked_ms: i64| {
        let (enabled, period, next) = schedule(&kms, &id).await;
        assert_eq!((enabled, period), (true, Some(days)));
        let late_ms = next.unwrap() - asked_ms - i64::from(days) * DAY_MS;
        assert!((0..600_000).contains(&late_ms), "{late_ms}");
        assert_eq!(status(&kms, &id).await.on_demand_rotation_start_date(), None);
    };
    let now_ms = || server.clock.now_ms();
    let asked_ms = now_ms();
    enable(&kms, &arn(&id), None).await;
    check(365, asked_ms).await;
    // Another period counts from now.
    for days in [90, 2_560] {
        let asked_ms = now_ms();
        enable(&kms, &id, Some(days)).await;
        check(days, asked_ms).await;
    }
    // The same again does not put the rotation off.
    server.alter_key(&id, |key| key.rotation = Some(Rotation::starting(0, 2_560)));
    enable(&kms, &id, Some(2_560)).await;
    assert_eq!(schedule(&kms, &id).await, (true, Some(2_560), Some(2_560 * DAY_MS)));
    for _twice in 0..2 {
        kms.disable_key_rotation().key_id(&id).send().await.unwrap();
        assert_eq!(schedule(&kms, &id).await, off);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_period_is_90_to_2560_days() {
    let server = Server::start();
    let (kms, id) = (server.kms(), server.new_key());
    for (days, wanted) in
        [(89, "greater than or equal to 90"), (2_561, "less than or equal to 2560")]
    {
        refused(
            kms.enable_key_rotation().key_id(&id).rotation_period_in_days(days).send().await,
            "ValidationException",
            &invalid(&format!(
                "Value '{days}' at 'rotationPeriodInDays' failed to satisfy constraint: Member \
                 must have value {wanted}"
            )),
        );
    }
    assert!(!status(&kms, &id).await.key_rotation_enabled());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_the_key_comes_first() {
    let server = Server::start();
    let (kms, id) = (server.kms(), server.new_key());
    enable(&kms, &id, Some(90)).await;
    let set = schedule(&kms, &id).await;
    assert!(set.0);
    let check = async |code, text: &str| {
        refused(kms.enable_key_rotation().key_id(&id).send().await, code, text);
        refused(kms.disable_key_rotation().key_id(&id).send().await, code, text);
        refused(kms.rotate_key_on_demand().key_id(&id).send().await, code, text);
    };
    kms.disable_key().key_id(&id).send().await.unwrap();
    check("DisabledException", &format!("{} is disabled.", arn(&id))).await;
    assert_eq!(schedule(&kms, &id).await, set);

    kms.schedule_key_deletion().key_id(&id).send().await.unwrap();
    check(INVALID_STATE, &format!("{} is pending deletion.", arn(&id))).await;
    assert_eq!(schedule(&kms, &id).await, (false, None, None));
    kms.cancel_key_deletion().key_id(&id).send().await.unwrap();
    assert_eq!(schedule(&kms, &id).await, set);

    // Before the spec, too.
    server.alter_key(&id, |key| key.spec = KeySpec::Rsa2048);
    check("DisabledException", &format!("{} is disabled.", arn(&id))).await;
    server.alter_key(&id, |key| {
        key.origin = Origin::External;
        key.state = KeyState::PendingImport;
    });
    let text = format!("{} is pending import.", arn(&id));
    refused(kms.rotate_key_on_demand().key_id(&id).send().await, INVALID_STATE, &text);
}

#[tokio::test(flavor = "multi_thread")]
async fn asymmetric_and_hmac_keys_do_not_rotate() {
    let server = Server::start();
    let kms = server.kms();
    for spec in [KeySpec::Rsa2048, KeySpec::EccNistP256, KeySpec::Hmac256, KeySpec::MlDsa44] {
        for origin in [Origin::AwsKms, Origin::External] {
            let id = server.new_key();
            server.alter_key(&id, |key| (key.spec, key.origin) = (spec, origin));
            refused(kms.enable_key_rotation().key_id(&id).send().await, UNSUPPORTED, "");
            refused(kms.rotate_key_on_demand().key_id(&id).send().await, UNSUPPORTED, "");
            kms.disable_key_rotation().key_id(&id).send().await.unwrap();
            assert_eq!(schedule(&kms, &id).await, (false, None, None));
            assert_eq!(list(&kms, &id, IncludeKeyMaterial::RotationsOnly).await, []);
            let all = kms.list_key_rotations().key_id(&id);
            let all = all.include_key_material(IncludeKeyMaterial::AllKeyMaterial).send().await;
            refused(all, UNSUPPORTED, "");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_of_other_origins_do_not_rotate_by_themselves() {
    let server = Server::start();
    let kms = server.kms();
    for origin in [Origin::External, Origin::AwsCloudHsm, Origin::ExternalKeyStore] {
        let id = server.new_key();
        server.alter_key(&id, |key| key.origin = origin);
        let text =
            format!("{} origin is {origin} which is not valid for this operation.", arn(&id));
        refused(kms.enable_key_rotation().key_id(&id).send().await, UNSUPPORTED, &text);
        refused(kms.disable_key_rotation().key_id(&id).send().await, UNSUPPORTED, &text);
        assert_eq!(schedule(&kms, &id).await, (false, None, None));
        let on_demand = kms.rotate_key_on_demand().key_id(&id).send().await;
        match origin {
            Origin::External => refused(
                on_demand,
                INVALID_STATE,
                &format!("No available key material pending rotation for the key: {}.", arn(&id)),
            ),
            _ => refused(on_demand, UNSUPPORTED, &text),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_rotate_with_their_primary_key_only() {
    let server = Server::start();
    let id = server.new_multi_region_key(&[OTHER_REGION]);
    let kms = server.in_region(OTHER_REGION).kms();
    let arn = format!("arn:aws:kms:{OTHER_REGION}:{ACCOUNT}:key/{id}");
    let text = format!("{arn} is not a multi-region primary key.");
    refused(kms.enable_key_rotation().key_id(&id).send().await, UNSUPPORTED, &text);
    refused(kms.disable_key_rotation().key_id(&id).send().await, UNSUPPORTED, &text);
    refused(kms.rotate_key_on_demand().key_id(&id).send().await, UNSUPPORTED, &text);
}

#[tokio::test(flavor = "multi_thread")]
async fn related_keys_rotate_together() {
    let server = Server::start();
    let id = server.new_multi_region_key(&[OTHER_REGION]);
    let (kms, elsewhere) = (server.kms(), server.in_region(OTHER_REGION).kms());
    let next = async |kms: &Client| {
        let status = kms.get_key_rotation_status().key_id(&id).send().await.unwrap();
        (status.rotation_period_in_days(), status.next_rotation_date().copied())
    };
    let listed = async |kms: &Client| -> Vec<_> {
        let materials = list(kms, &id, IncludeKeyMaterial::AllKeyMaterial).await;
        let shown = |entry: RotationsListEntry| {
            (entry.key_material_id, entry.key_material_state, entry.rotation_date)
        };
        materials.into_iter().map(shown).collect()
    };
    enable(&kms, &id, Some(90)).await;
    assert_eq!(next(&elsewhere).await, next(&kms).await);

    for done in 1..=2 {
        rotate(&server, &id).await;
        let (here, there) = (listed(&kms).await, listed(&elsewhere).await);
        assert_eq!((here.len(), &here), (done + 1, &there));
        // It is the same material, not only the same id.
        let made = kms.encrypt().key_id(&id).plaintext(b"x".as_slice().into()).send().await;
        let blob = made.unwrap().ciphertext_blob.unwrap();
        let opened = elsewhere.decrypt().ciphertext_blob(blob).send().await.unwrap();
        assert_eq!(opened.plaintext.unwrap().as_ref(), b"x");
        let records = server.events("eventName=SynchronizeMultiRegionKey");
        assert_eq!(records.len(), done);
    }
    // Another replica gets all of it at once; a change of roles changes nothing.
    kms.replicate_key().key_id(&id).replica_region(THIRD_REGION).send().await.unwrap();
    let third = server.in_region(THIRD_REGION).kms();
    assert_eq!(listed(&third).await, listed(&kms).await);
    assert_eq!(next(&third).await, next(&kms).await);
    kms.update_primary_region().key_id(&id).primary_region(OTHER_REGION).send().await.unwrap();
    assert_eq!(next(&elsewhere).await, next(&kms).await);
    elsewhere.disable_key_rotation().key_id(&id).send().await.unwrap();
    assert_eq!(next(&kms).await, (None, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotation_on_demand_changes_what_encrypts_and_nothing_else() {
    let server = Server::start();
    let (kms, id) = (server.kms(), server.new_key());
    let describe =
        async || kms.describe_key().key_id(&id).send().await.unwrap().key_metadata.unwrap();
    let before = describe().await;
    enable(&kms, &id, Some(90)).await;
    let set = schedule(&kms, &id).await;
    let encrypt = async || {
        let made = kms.encrypt().key_id(&id).plaintext(b"x".as_slice().into()).send().await;
        made.unwrap().ciphertext_blob.unwrap()
    };
    let old = encrypt().await;
    rotate(&server, &id).await;

    let after = describe().await;
    let (first, second) = (before.current_key_material_id(), after.current_key_material_id());
    assert_ne!(first, second);
    let mut expected = before.clone();
    expected.current_key_material_id = second.map(str::to_owned);
    assert_eq!(after, expected);
    for (blob, material) in [(old, first), (encrypt().await, second)] {
        let opened = kms.decrypt().ciphertext_blob(blob).send().await.unwrap();
        assert_eq!(opened.plaintext.unwrap().as_ref(), b"x");
        assert_eq!(opened.key_material_id.as_deref(), material);
    }
    let data_key = kms.generate_data_key().key_id(&id).number_of_bytes(16).send().await.unwrap();
    assert_eq!(data_key.key_material_id(), second);
    // The schedule goes on, and nothing is in progress any more.
    assert_eq!(schedule(&kms, &id).await, set);
    assert_eq!(status(&kms, &id).await.on_demand_rotation_start_date(), None);

    let done = RotationsListEntry::builder()
        .key_id(arn(&id))
        .set_key_material_id(second.map(str::to_owned))
        .key_material_state(KeyMaterialState::Current)
        .rotation_date(rotation_date(&server, &id))
        .rotation_type(RotationType::OnDemand)
        .build();
    let done = [done];
    assert_eq!(list(&kms, &id, IncludeKeyMaterial::RotationsOnly).await, done);
    let initial = RotationsListEntry::builder()
        .key_id(arn(&id))
        .set_key_material_id(first.map(str::to_owned))
        .key_material_state(KeyMaterialState::NonCurrent)
        .build();
    assert_eq!(
        list(&kms, &id, IncludeKeyMaterial::AllKeyMaterial).await,
        [[initial], done].concat()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_rotates_on_demand_25_times() {
    let server = Server::start();
    let (kms, id) = (server.kms(), server.new_key());
    for _ in 0..25 {
        rotate(&server, &id).await;
    }
    refused(
        kms.rotate_key_on_demand().key_id(&id).send().await,
        "LimitExceededException",
        &format!(
            "The on-demand rotations limit has been reached for the given keyId. No more \
             on-demand rotations can be performed for this key: {}",
            arn(&id)
        ),
    );

    for (include, count) in
        [(IncludeKeyMaterial::RotationsOnly, 25), (IncludeKeyMaterial::AllKeyMaterial, 26)]
    {
        let (mut seen, mut marker) = (Vec::new(), None);
        loop {
            let call = kms.list_key_rotations().key_id(&id).include_key_material(include.clone());
            let page = call.limit(10).set_marker(marker).send().await.unwrap();
            assert_eq!(page.truncated(), page.next_marker().is_some());
            seen.extend(page.rotations().iter().cloned());
            marker = page.next_marker;
            if marker.is_none() {
                break;
            }
            assert_eq!(seen.len() % 10, 0);
        }
        let ids = |entries: &[RotationsListEntry]| -> Vec<_> {
            entries.iter().map(|entry| entry.key_material_id.clone()).collect()
        };
        assert_eq!(ids(&seen), ids(&list(&kms, &id, include).await));
        let materials: BTreeSet<_> = seen.iter().map(|entry| entry.key_material_id()).collect();
        assert_eq!((seen.len(), materials.len()), (count, count));
        let (last, others) = seen.split_last().unwrap();
        assert_eq!(last.key_material_state(), Some(&KeyMaterialState::Current));
        let old = Some(&KeyMaterialState::NonCurrent);
        assert!(others.iter().all(|entry| entry.key_material_state() == old));
    }

    // A marker is for one list of one key.
    let page = kms.list_key_rotations().key_id(&id).limit(1).send().await.unwrap();
    let marker = page.next_marker.unwrap();
    let other = kms.list_key_rotations().key_id(server.new_key()).marker(&marker).send().await;
    refused(other, "InvalidMarkerException", "The marker is not valid.");
    let all = kms.list_key_rotations().key_id(&id).marker(&marker);
    let all = all.include_key_material(IncludeKeyMaterial::AllKeyMaterial).send().await;
    refused(all, "InvalidMarkerException", "The marker is not valid.");
    refused(
        kms.list_key_rotations().key_id(&id).limit(1_001).send().await,
        "ValidationException",
        &invalid(
            "Value '1001' at 'limit' failed to satisfy constraint: Member must have value less \
             than or equal to 1000",
        ),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_rotation_at_a_time() {
    let server = Server::start();
    let (kms, id) = (server.kms(), server.new_key());
    // An updating key takes the call, and rotates only when that is over.
    server.alter_key(&id, |key| key.state = KeyState::Updating);
    kms.rotate_key_on_demand().key_id(&id).send().await.unwrap();
    let started = status(&kms, &id).await.on_demand_rotation_start_date().copied();
    let noted = server.find_key(&id).on_demand_ms.unwrap();
    assert_eq!(started.map(whole_ms), Some(DateTime::from_millis(noted)));
    refused(
        kms.rotate_key_on_demand().key_id(&id).send().await,
        "ConflictException",
        &format!("{} has an on-demand rotation in progress.", arn(&id)),
    );
    assert_eq!(list(&kms, &id, IncludeKeyMaterial::RotationsOnly).await, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn none_on_demand_shortly_before_an_automatic_one() {
    let server = Server::start();
    let (kms, id) = (server.kms(), server.new_key());
    const MINUTE_MS: i64 = 60_000;
    let due_in = |minutes: i64| {
        let next_ms = server.clock.now_ms() + minutes * MINUTE_MS;
        server.alter_key(&id, |key| key.rotation = Some(Rotation { period_days: 90, next_ms }));
    };
    due_in(30);
    rotate(&server, &id).await;
    due_in(20);
    refused(
        kms.rotate_key_on_demand().key_id(&id).send().await,
        "ConflictException",
        &format!("{} has an automatic rotation within the next 20 minutes.", arn(&id)),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn imported_material_becomes_current_when_it_is_rotated_to() {
    let server = Server::start();
    let (kms, id) = (server.kms(), server.new_key());
    let first = server.find_key(&id).current_material().unwrap().id.to_string();
    let waiting = pending(&server, &server.find_key(&id));
    let second = waiting.id.to_string();
    server.alter_key(&id, |key| {
        key.origin = Origin::External;
        key.materials.push(waiting);
    });
    let imported = |material: &str| {
        RotationsListEntry::builder()
            .key_id(arn(&id))
            .key_material_id(material)
            .import_state(ImportState::Imported)
    };
    let initial =
        || imported(&first).expiration_model(ExpirationModelType::KeyMaterialDoesNotExpire);
    let next = || {
        imported(&second)
            .key_material_description("from the vault")
            .expiration_model(ExpirationModelType::KeyMaterialExpires)
            .valid_to(DateTime::from_millis(EXPIRES_MS))
    };
    assert_eq!(list(&kms, &id, IncludeKeyMaterial::RotationsOnly).await, []);
    assert_eq!(
        list(&kms, &id, IncludeKeyMaterial::AllKeyMaterial).await,
        [
            initial().key_material_state(KeyMaterialState::Current).build(),
            next().key_material_state(KeyMaterialState::PendingRotation).build(),
        ]
    );
    // As long as a replica lacks it, it cannot be rotated to.
    let put_off = |state| {
        server.alter_key(&id, |key| key.materials[1].state = state);
    };
    put_off(MaterialState::PendingMultiRegionImportAndRotation);
    refused(
        kms.rotate_key_on_demand().key_id(&id).send().await,
        INVALID_STATE,
        &format!("No available key material pending rotation for the key: {}.", arn(&id)),
    );
    put_off(MaterialState::PendingRotation);

    rotate(&server, &id).await;
    let done = next()
        .key_material_state(KeyMaterialState::Current)
        .rotation_date(rotation_date(&server, &id))
        .rotation_type(RotationType::OnDemand)
        .build();
    let done = [done];
    assert_eq!(list(&kms, &id, IncludeKeyMaterial::RotationsOnly).await, done);
    // Material that is gone is still remembered.
    server.alter_key(&id, |key| key.materials[0].token = None);
    let gone = RotationsListEntry::builder()
        .key_id(arn(&id))
        .key_material_id(&first)
        .import_state(ImportState::PendingImport)
        .key_material_state(KeyMaterialState::NonCurrent)
        .build();
    assert_eq!(list(&kms, &id, IncludeKeyMaterial::AllKeyMaterial).await, [[gone], done].concat());
}
