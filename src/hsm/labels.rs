//! Every derivation and every hash of this module has its own label, and all of
//! them stand in this one list.

/// What a derived key or digest is for. The label is the first part of the
/// input and no label is the beginning of another, so no two uses of one parent
/// key can ever meet. The texts are part of the stored formats: they never change.
#[derive(Clone, Copy)]
pub(super) struct Label(&'static str);

impl Label {
    /// Personalization string of the random bit generator.
    pub(super) const DRBG: Self = Self("wardbook/1/drbg");
    /// Key-encryption key of a protector -> its published check id.
    pub(super) const PROTECTOR_CHECK: Self = Self("wardbook/1/protector-check");
    /// Key-encryption key of a protector -> key that seals the root key.
    pub(super) const ROOT_KEY: Self = Self("wardbook/1/root-key");
    /// Root key -> its published check id.
    pub(super) const ROOT_CHECK: Self = Self("wardbook/1/root-check");
    /// Root key -> key that seals a domain key.
    pub(super) const DOMAIN_KEY: Self = Self("wardbook/1/domain-key");
    /// Domain key -> key that seals a backing key.
    pub(super) const BACKING_KEY: Self = Self("wardbook/1/backing-key");
    /// Backing key -> key that encrypts one caller's plaintext.
    pub(super) const ENCRYPT: Self = Self("wardbook/1/encrypt");
    /// Key id and what identifies the backing key -> id of the key material (a
    /// digest).
    pub(super) const MATERIAL_ID: Self = Self("wardbook/1/material-id");
    /// Binding and exported key token -> name of the opened key in memory (a
    /// digest).
    pub(super) const OPENED_KEY: Self = Self("wardbook/1/opened-key");
    /// Domain key -> key that seals a secret access key.
    pub(super) const ACCESS_KEY: Self = Self("wardbook/1/access-key");
    /// Domain key -> key that seals the content of a session token.
    pub(super) const SESSION_TOKEN: Self = Self("wardbook/1/session-token");
    /// Domain key -> key that seals a key which signs the audit log.
    pub(super) const AUDIT_KEY: Self = Self("wardbook/1/audit-key");
    /// Domain key -> key that seals what an import token carries.
    pub(super) const IMPORT_TOKEN: Self = Self("wardbook/1/import-token");
    /// Domain key -> key that seals what a grant token names.
    pub(super) const GRANT_TOKEN: Self = Self("wardbook/1/grant-token");
    /// Domain key -> key that seals a key which signs digests of the trail.
    pub(super) const TRAIL_KEY: Self = Self("wardbook/1/trail-key");
    /// Root key -> key that seals the naming key.
    pub(super) const NAMING_KEY: Self = Self("wardbook/1/naming-key");
    /// Root key -> key that seals the key of a backup.
    pub(super) const BACKUP_KEY: Self = Self("wardbook/1/backup-key");
    /// Naming key and a table -> key that makes references to the items of the
    /// table.
    pub(super) const ITEM_REFERENCE: Self = Self("wardbook/1/item-reference");
    /// Naming key -> key of the pseudonyms of one context.
    pub(super) const PSEUDONYM: Self = Self("wardbook/1/pseudonym");

    pub(super) const fn as_bytes(self) -> &'static [u8] {
        self.0.as_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::Label;

    /// The labels as they stand in this file, so that none can be left out.
    fn all() -> Vec<&'static str> {
        let (list, _) = include_str!("labels.rs").split_once("#[cfg(test)]").unwrap();
        let text = |line: &'static str| Some(line.split_once("Self(\"")?.1.split_once('"')?.0);
        list.lines().filter_map(text).collect()
    }

    #[test]
    fn no_label_begins_with_another() {
        let all = all();
        assert!(all.len() >= 14 && all.contains(&Label::AUDIT_KEY.0));
        for (i, one) in all.iter().enumerate() {
            // A zero byte ends the label in the derivation; none may hold one.
            assert!(one.bytes().all(|b| b.is_ascii_graphic()));
            for (j, other) in all.iter().enumerate() {
                assert!(i == j || !one.starts_with(other), "{one} begins with {other}");
            }
        }
    }
}
