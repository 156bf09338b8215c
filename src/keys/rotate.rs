//! Rotation of key material: when it is due, and what it changes. The older
//! materials stay and open for ever what they encrypted; the key's id and ARN
//! never change.

use std::sync::Arc;

use super::changes::UpdateKey;
use super::cipher::{Error, check_permit};
use super::create::generate_material;
use super::key::{Key, Material, Rotated, Rotation};
use super::multi_region::{others, share_material};
use super::registry::Registry;
use crate::base::arn::KeyArn;
use crate::base::ids::MaterialId;
use crate::base::spec::{KeyState, MaterialState, MultiRegionRole, Origin, RotationType};
use crate::base::timestamp::DAY_MS;
use crate::hsm::Hsm;
use crate::policy::actions::Action;
use crate::policy::decision::Permit;
use crate::store::Change;

/// Days from one automatic rotation to the next, where nobody says otherwise.
pub const DEFAULT_PERIOD_DAYS: i64 = 365;

impl Rotation {
    /// Automatic rotation that is switched on now.
    #[must_use]
    pub fn starting(now_ms: i64, period_days: i64) -> Self {
        let next_ms = now_ms.saturating_add(period_days.saturating_mul(DAY_MS));
        Self { period_days, next_ms }
    }

    /// The same after a rotation that was done now: the next date of the
    /// schedule. A rotation that comes late moves none of those after it.
    #[must_use]
    pub fn after(self, now_ms: i64) -> Self {
        let period_ms = self.period_ms();
        let since_ms = now_ms.saturating_sub(self.next_ms);
        let since_last_ms = since_ms.checked_rem_euclid(period_ms).unwrap_or(0);
        let next_ms = now_ms.saturating_add(period_ms.saturating_sub(since_last_ms));
        Self { next_ms, ..self }
    }

    /// Whether a rotation is due. It is, too, if the next one is further away
    /// than a schedule of this period can have it: the date was set while the
    /// clock was wrong, and must not keep the key from its rotation until then.
    #[must_use]
    pub fn is_due(self, now_ms: i64) -> bool {
        let until_ms = self.next_ms.saturating_sub(now_ms);
        until_ms <= 0 || until_ms > self.period_ms().saturating_add(DAY_MS)
    }

    fn period_ms(self) -> i64 {
        self.period_days.saturating_mul(DAY_MS)
    }
}

impl Key {
    /// Imported material that RotateKeyOnDemand makes the current one: every
    /// related key has it, and it is there.
    #[must_use]
    pub fn rotatable_material(&self) -> Option<&Material> {
        self.pending_material().filter(|pending| {
            pending.state == MaterialState::PendingRotation && pending.token.is_some()
        })
    }

    /// How many rotations on demand the key has had.
    #[must_use]
    pub fn rotations_on_demand(&self) -> usize {
        let rotated = self.materials.iter().filter_map(|material| material.rotated);
        rotated.filter(|rotated| rotated.kind == RotationType::OnDemand).count()
    }

    /// The rotation that is due, if one is. Only enabled keys rotate: what
    /// falls due meanwhile is done once the key is enabled again. Replicas
    /// follow their primary key.
    #[must_use]
    pub fn due_rotation(&self, now_ms: i64) -> Option<RotationType> {
        let is_replica = self.multi_region == Some(MultiRegionRole::Replica);
        if self.state != KeyState::Enabled || is_replica {
            return None;
        }
        let has_material = self.origin != Origin::External || self.rotatable_material().is_some();
        if self.on_demand_ms.is_some() && has_material {
            return Some(RotationType::OnDemand);
        }
        let automatic = self.rotation.filter(|rotation| rotation.is_due(now_ms));
        automatic.map(|_| RotationType::Automatic)
    }
}

/// A rotation, ready to be committed.
pub struct Rotating {
    /// The material that encrypts until then.
    pub previous: MaterialId,
    /// The one that encrypts from then on.
    pub current: MaterialId,
    /// The replicas that rotate with their primary key.
    pub replicas: Vec<KeyArn>,
    /// Of the key and of every key related to it.
    pub changes: Vec<Box<dyn Change>>,
}

/// Rotates a key, and the keys related to it with it: the current material
/// becomes one that only decrypts, and a fresh one, or the imported one that
/// waited for this, takes its place.
///
/// # Errors
/// [`Error::Permit`] for a permit of another key or use, [`Error::NoMaterial`]
/// if there is nothing to rotate from or to; else as the HSM answers.
pub fn rotate(
    hsm: &Hsm,
    registry: &Arc<Registry>,
    permit: &Permit,
    key: &Arc<Key>,
    rotated: Rotated,
) -> Result<Rotating, Error> {
    check_permit(permit, key, &[Action::SYSTEM_ROTATE_KEY])?;
    let previous = key.current_material().ok_or(Error::NoMaterial)?.id;
    let next = match key.origin {
        Origin::External => key.rotatable_material().ok_or(Error::NoMaterial)?.clone(),
        _ => generate_material(hsm, &key.arn, key.spec, rotated.at_ms).map_err(Error::Hsm)?,
    };
    let current = next.id;
    let mut changes: Vec<Box<dyn Change>> = Vec::new();
    let together = together(registry, key);
    for related in &together {
        let next = material_of(hsm, related, key, &next)?;
        changes.push(UpdateKey::new(registry, related, |key| make_current(key, next, rotated)));
    }
    let replicas = together.iter().filter(|related| related.arn != key.arn);
    let replicas = replicas.map(|replica| replica.arn.clone()).collect();
    Ok(Rotating { previous, current, replicas, changes })
}

/// Changes what a key shares with the keys related to it, such as its rotation,
/// in each of them.
pub fn change_shared(
    registry: &Arc<Registry>,
    key: &Arc<Key>,
    change: impl Fn(&mut Key),
) -> Vec<Box<dyn Change>> {
    let mut changes: Vec<Box<dyn Change>> = Vec::new();
    for related in together(registry, key) {
        changes.push(UpdateKey::new(registry, &related, &change));
    }
    changes
}

/// The key and, of a multi-Region key, every one related to it.
fn together(registry: &Registry, key: &Arc<Key>) -> Vec<Arc<Key>> {
    let mut together = others(registry, key);
    together.push(Arc::clone(key));
    together
}

/// The next material of `key` as `related` has it: sealed for its own Region.
fn material_of(hsm: &Hsm, related: &Key, key: &Key, next: &Material) -> Result<Material, Error> {
    if related.arn == key.arn {
        return Ok(next.clone());
    }
    match key.origin {
        // It was imported into each of them, and each has its own expiry.
        Origin::External => related.find_material(next.id).cloned().ok_or(Error::NoMaterial),
        _ => share_material(hsm, key, next, &related.arn.region).map_err(Error::Hsm),
    }
}

fn make_current(key: &mut Key, next: Material, rotated: Rotated) {
    for held in &mut key.materials {
        if held.state == MaterialState::Current {
            held.state = MaterialState::NonCurrent;
        }
    }
    let next = Material { state: MaterialState::Current, rotated: Some(rotated), ..next };
    match key.materials.iter_mut().find(|held| held.id == next.id) {
        Some(pending) => *pending = next,
        None => key.materials.push(next),
    }
    match rotated.kind {
        RotationType::OnDemand => key.on_demand_ms = None,
        RotationType::Automatic => {
            key.rotation = key.rotation.map(|rotation| rotation.after(rotated.at_ms));
        }
    }
}

#[cfg(test)]
#[expect(clippy::arithmetic_side_effects, reason = "small numbers; a wrong one fails the test")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const START_MS: i64 = 1_793_614_272_000;

    fn days(days: i64) -> i64 {
        days * DAY_MS
    }

    #[test]
    fn the_first_rotation_is_a_period_after_the_start() {
        let rotation = Rotation::starting(START_MS, 90);
        assert_eq!(rotation, Rotation { period_days: 90, next_ms: START_MS + days(90) });
        assert!(!rotation.is_due(START_MS));
        assert!(!rotation.is_due(START_MS + days(90) - 1));
        assert!(rotation.is_due(START_MS + days(90)));
        assert!(rotation.is_due(START_MS + days(9_000)));
    }

    #[test]
    fn a_late_rotation_keeps_to_the_schedule() {
        let rotation = Rotation::starting(START_MS, 90);
        let due_ms = rotation.next_ms;
        for (done_ms, next_ms) in [
            (due_ms, due_ms + days(90)),
            (due_ms + 59_999, due_ms + days(90)),
            (due_ms + days(90) - 1, due_ms + days(90)),
            (due_ms + days(90), due_ms + days(180)),
            (due_ms + days(1_000), due_ms + days(1_080)),
        ] {
            assert_eq!(rotation.after(done_ms), Rotation { period_days: 90, next_ms });
        }
    }

    #[test]
    fn a_clock_that_was_wrong_does_not_move_the_schedule() {
        let rotation = Rotation::starting(START_MS, 365);
        // Small steps back are no reason to rotate.
        assert!(!rotation.is_due(START_MS - days(1)));
        // Ten years ahead, a rotation, and back again.
        let ahead = rotation.after(START_MS + days(3_650));
        assert!(ahead.is_due(START_MS));
        assert_eq!(ahead.after(START_MS), rotation);
        assert!(!rotation.is_due(START_MS));
    }

    proptest! {
        #[test]
        fn the_next_date_is_on_the_schedule_and_within_a_period(
            period_days in 90..=2_560_i64,
            next_ms in 0..=i64::from(u32::MAX) * 1_000,
            now_ms in 0..=i64::from(u32::MAX) * 1_000,
        ) {
            let after = Rotation { period_days, next_ms }.after(now_ms);
            prop_assert_eq!((after.next_ms - next_ms) % days(period_days), 0);
            prop_assert!((1..=days(period_days)).contains(&(after.next_ms - now_ms)));
            prop_assert!(!after.is_due(now_ms));
        }

        #[test]
        fn no_date_overflows(next_ms: i64, now_ms: i64, period_days in 90..=2_560_i64) {
            let after = Rotation { period_days, next_ms }.after(now_ms);
            prop_assert!(after.next_ms > now_ms || now_ms == i64::MAX);
        }
    }
}
