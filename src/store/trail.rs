//! Rows of the trail: how far the book is delivered as log files, the newest
//! digest of each chain, the files that none covers yet, and the signing keys.

use super::{Error, Query, Row, Tx};

/// How far the delivery is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub started_ms: i64,
    /// All records up to this place are in files.
    pub delivered_seq: i64,
    /// Stamp of the newest files.
    pub delivered_ms: i64,
    /// End of the newest digests.
    pub digest_ms: i64,
    /// Files that are being written; they have to be, before any other.
    pub plan: Option<Plan>,
    /// End of the digests that are being written; the same.
    pub planned_digest_ms: Option<i64>,
}

/// A delivery that has been decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The last record in it.
    pub seq: i64,
    /// The stamp of its files, epoch milliseconds.
    pub stamp_ms: i64,
}

/// An account in a Region: each has a chain of digests.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Chain {
    pub account: String,
    pub region: String,
}

/// What the next digest of a chain says of the one before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DigestRow {
    pub bucket: String,
    pub object: String,
    /// SHA-256 of the uncompressed file, hex.
    pub hash: String,
    /// Hex.
    pub signature: String,
}

/// A log file that was delivered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileRow {
    pub bucket: String,
    pub object: String,
    /// SHA-256 of the uncompressed file, hex.
    pub hash: String,
    pub oldest_ms: i64,
    pub newest_ms: i64,
}

/// A key that signs digests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRow {
    /// MD5 of `public`, hex: CloudTrail's name of a key.
    pub fingerprint: String,
    /// RSAPublicKey as DER.
    pub public: Vec<u8>,
    pub sealed: Vec<u8>,
    pub valid_from_ms: i64,
    pub valid_to_ms: i64,
}

/// Finds how far the delivery is; `None` before the first.
///
/// # Errors
/// As the database answers, for every function here.
pub fn find_progress(tx: &mut dyn Tx) -> Result<Option<Progress>, Error> {
    let read = |row: &Row| {
        let plan = match (row.opt_int(4)?, row.opt_int(5)?) {
            (Some(seq), Some(stamp_ms)) => Some(Plan { seq, stamp_ms }),
            _ => None,
        };
        Ok(Progress {
            started_ms: row.int(0)?,
            delivered_seq: row.int(1)?,
            delivered_ms: row.int(2)?,
            digest_ms: row.int(3)?,
            plan,
            planned_digest_ms: row.opt_int(6)?,
        })
    };
    tx.rows(&FIND_PROGRESS, &[])?.first().map(read).transpose()
}

/// Writes how far the delivery is.
///
/// # Errors
/// As [`find_progress`].
pub fn set_progress(tx: &mut dyn Tx, progress: &Progress) -> Result<(), Error> {
    let args = [
        progress.started_ms.into(),
        progress.delivered_seq.into(),
        progress.delivered_ms.into(),
        progress.digest_ms.into(),
        progress.plan.map(|plan| plan.seq).into(),
        progress.plan.map(|plan| plan.stamp_ms).into(),
        progress.planned_digest_ms.into(),
    ];
    tx.run(&SET_PROGRESS, &args).map(drop)
}

/// Forgets what was planned and not kept as done. What is delivered next has other
/// names.
///
/// # Errors
/// As [`find_progress`].
pub fn forget_plans(tx: &mut dyn Tx) -> Result<(), Error> {
    tx.run(&FORGET_PLANS, &[]).map(drop)
}

/// Every chain, with its newest digest.
///
/// # Errors
/// As [`find_progress`].
pub fn list_chains(tx: &mut dyn Tx) -> Result<Vec<(Chain, Option<DigestRow>)>, Error> {
    let read = |row: &Row| {
        let chain = Chain { account: row.text(0)?.to_owned(), region: row.text(1)?.to_owned() };
        let texts = (row.opt_text(2)?, row.opt_text(3)?, row.opt_text(4)?, row.opt_text(5)?);
        let newest = match texts {
            (Some(bucket), Some(object), Some(hash), Some(signature)) => Some(DigestRow {
                bucket: bucket.to_owned(),
                object: object.to_owned(),
                hash: hash.to_owned(),
                signature: signature.to_owned(),
            }),
            _ => None,
        };
        Ok((chain, newest))
    };
    tx.rows(&LIST_CHAINS, &[])?.iter().map(read).collect()
}

/// Makes a chain, unless it is there.
///
/// # Errors
/// As [`find_progress`].
pub fn ensure_chain(tx: &mut dyn Tx, chain: &Chain) -> Result<(), Error> {
    tx.run(&ENSURE_CHAIN, &[(&chain.account).into(), (&chain.region).into()]).map(drop)
}

/// Writes the newest digest of a chain.
///
/// # Errors
/// As [`find_progress`].
pub fn set_digest(tx: &mut dyn Tx, chain: &Chain, digest: &DigestRow) -> Result<(), Error> {
    let args = [
        (&chain.account).into(),
        (&chain.region).into(),
        (&digest.bucket).into(),
        (&digest.object).into(),
        (&digest.hash).into(),
        (&digest.signature).into(),
    ];
    tx.run(&SET_DIGEST, &args).map(drop)
}

/// Adds a file that no digest covers yet.
///
/// # Errors
/// As [`find_progress`].
pub fn insert_file(
    tx: &mut dyn Tx,
    chain: &Chain,
    file: &FileRow,
    delivered_ms: i64,
) -> Result<(), Error> {
    let args = [
        (&chain.account).into(),
        (&chain.region).into(),
        (&file.bucket).into(),
        (&file.object).into(),
        (&file.hash).into(),
        file.oldest_ms.into(),
        file.newest_ms.into(),
        delivered_ms.into(),
    ];
    tx.run(&INSERT_FILE, &args).map(drop)
}

/// At most `limit` files of a chain that no digest covers and that were
/// delivered before `before_ms`, oldest first, each with its id.
///
/// # Errors
/// As [`find_progress`].
pub fn list_files(
    tx: &mut dyn Tx,
    chain: &Chain,
    before_ms: i64,
    limit: usize,
) -> Result<Vec<(i64, FileRow)>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let args = [(&chain.account).into(), (&chain.region).into(), before_ms.into(), limit.into()];
    let read = |row: &Row| {
        let file = FileRow {
            bucket: row.text(1)?.to_owned(),
            object: row.text(2)?.to_owned(),
            hash: row.text(3)?.to_owned(),
            oldest_ms: row.int(4)?,
            newest_ms: row.int(5)?,
        };
        Ok((row.int(0)?, file))
    };
    tx.rows(&LIST_FILES, &args)?.iter().map(read).collect()
}

/// Forgets the files that [`list_files`] listed, of which the last was `last_id`: a
/// digest covers them.
///
/// # Errors
/// As [`find_progress`].
pub fn delete_files(
    tx: &mut dyn Tx,
    chain: &Chain,
    before_ms: i64,
    last_id: i64,
) -> Result<(), Error> {
    let args = [(&chain.account).into(), (&chain.region).into(), before_ms.into(), last_id.into()];
    tx.run(&DELETE_FILES, &args).map(drop)
}

/// Every key that signs or signed digests, oldest first.
///
/// # Errors
/// As [`find_progress`].
pub fn list_keys(tx: &mut dyn Tx) -> Result<Vec<KeyRow>, Error> {
    let read = |row: &Row| {
        Ok(KeyRow {
            fingerprint: row.text(0)?.to_owned(),
            public: row.blob(1)?.to_vec(),
            sealed: row.blob(2)?.to_vec(),
            valid_from_ms: row.int(3)?,
            valid_to_ms: row.int(4)?,
        })
    };
    tx.rows(&LIST_KEYS, &[])?.iter().map(read).collect()
}

/// Adds a key.
///
/// # Errors
/// [`Error::Duplicate`] if it is there.
pub fn insert_key(tx: &mut dyn Tx, key: &KeyRow) -> Result<(), Error> {
    let args = [
        (&key.fingerprint).into(),
        (&key.public).into(),
        (&key.sealed).into(),
        key.valid_from_ms.into(),
        key.valid_to_ms.into(),
    ];
    tx.run(&INSERT_KEY, &args).map(drop)
}

/// Makes a key valid from `from_ms` on, if it was only later.
///
/// # Errors
/// As [`find_progress`].
pub fn widen_key(tx: &mut dyn Tx, fingerprint: &str, from_ms: i64) -> Result<(), Error> {
    tx.run(&WIDEN_KEY, &[fingerprint.into(), from_ms.into()]).map(drop)
}

/// Puts a new sealing of a key in the place of the old one.
///
/// # Errors
/// As [`find_progress`].
pub fn reseal_key(tx: &mut dyn Tx, fingerprint: &str, sealed: &[u8]) -> Result<(), Error> {
    tx.run(&RESEAL_KEY, &[fingerprint.into(), sealed.into()]).map(drop)
}

const FIND_PROGRESS: Query = Query {
    name: "trail.find_progress",
    sql: "select started_ms, delivered_seq, delivered_ms, digest_ms, planned_seq, planned_ms, \
          planned_digest_ms from trail where id = 1",
};
const SET_PROGRESS: Query = Query {
    name: "trail.set_progress",
    sql: "insert into trail (id, started_ms, delivered_seq, delivered_ms, digest_ms, \
          planned_seq, planned_ms, planned_digest_ms) values (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7) \
          on conflict (id) do update set delivered_seq = excluded.delivered_seq, \
          delivered_ms = excluded.delivered_ms, digest_ms = excluded.digest_ms, \
          planned_seq = excluded.planned_seq, planned_ms = excluded.planned_ms, \
          planned_digest_ms = excluded.planned_digest_ms",
};
const FORGET_PLANS: Query = Query {
    name: "trail.forget_plans",
    sql: "update trail set planned_seq = null, planned_ms = null, planned_digest_ms = null",
};
const LIST_CHAINS: Query = Query {
    name: "trail.list_chains",
    sql: "select account, region, digest_bucket, digest_object, digest_hash, digest_signature \
          from trail_chains order by account, region",
};
const ENSURE_CHAIN: Query = Query {
    name: "trail.ensure_chain",
    sql: "insert into trail_chains (account, region) values (?1, ?2) \
          on conflict (account, region) do nothing",
};
const SET_DIGEST: Query = Query {
    name: "trail.set_digest",
    sql: "update trail_chains set digest_bucket = ?3, digest_object = ?4, digest_hash = ?5, \
          digest_signature = ?6 where account = ?1 and region = ?2",
};
const INSERT_FILE: Query = Query {
    name: "trail.insert_file",
    sql: "insert into trail_files (account, region, bucket, object, hash, oldest_ms, newest_ms, \
          delivered_ms) values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
};
const LIST_FILES: Query = Query {
    name: "trail.list_files",
    sql: "select id, bucket, object, hash, oldest_ms, newest_ms from trail_files \
          where account = ?1 and region = ?2 and delivered_ms < ?3 order by id limit ?4",
};
const DELETE_FILES: Query = Query {
    name: "trail.delete_files",
    sql: "delete from trail_files where account = ?1 and region = ?2 and delivered_ms < ?3 \
          and id <= ?4",
};
const LIST_KEYS: Query = Query {
    name: "trail.list_keys",
    sql: "select fingerprint, public, sealed, valid_from_ms, valid_to_ms from trail_keys \
          order by valid_from_ms, fingerprint",
};
const INSERT_KEY: Query = Query {
    name: "trail.insert_key",
    sql: "insert into trail_keys (fingerprint, public, sealed, valid_from_ms, valid_to_ms) \
          values (?1, ?2, ?3, ?4, ?5)",
};
const WIDEN_KEY: Query = Query {
    name: "trail.widen_key",
    sql: "update trail_keys set valid_from_ms = ?2 where fingerprint = ?1 and valid_from_ms > ?2",
};
const RESEAL_KEY: Query = Query {
    name: "trail.reseal_key",
    sql: "update trail_keys set sealed = ?2 where fingerprint = ?1",
};
