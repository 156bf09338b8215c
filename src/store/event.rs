//! One record on its way into the log: the searchable fields in clear, the
//! record itself as an opaque body, and what can be erased of it apart.

use super::Marks;
use super::field_reads::FieldReads;

/// A record that [`super::Store::commit`] appends to the log. The store does
/// not look into the bodies; `audit` makes them and reads them back.
#[derive(Clone, Debug)]
pub struct NewEvent {
    /// When the call was made, epoch milliseconds.
    pub time_ms: i64,
    /// The account in whose book the record stands, twelve digits.
    pub account: String,
    pub region: String,
    /// Such as `kms.amazonaws.com`.
    pub event_source: String,
    /// Such as `Decrypt`.
    pub event_name: String,
    /// ARN of the user or role, or the fixed name of one that has no ARN.
    pub principal: String,
    /// Unique id of the user or role, such as `AIDA...`.
    pub principal_id: Option<String>,
    /// Id of the access key that was used, or claimed.
    pub access_key: Option<String>,
    /// ARN of the key that the call is about.
    pub key: Option<String>,
    /// ARN of the other key of a call with two: ReEncrypt's destination.
    pub second_key: Option<String>,
    /// Id of the key material that was used.
    pub key_material: Option<String>,
    /// Error code of a call that failed.
    pub error: Option<String>,
    /// `None` for what the server did by itself.
    pub request_id: Option<[u8; 16]>,
    /// Of a call's own record, the request id.
    pub event_id: [u8; 16],
    pub read_only: bool,
    /// Version of the canonical form of the record.
    pub format: u8,
    /// Leaf hash of the record.
    pub leaf: [u8; 32],
    /// Which dictionary the bodies are compressed with.
    pub dictionary: u32,
    /// What of the record stays for ever, compressed.
    pub body: Vec<u8>,
    pub personal: Personal,
    /// What the call opened of items, if it did.
    pub field_reads: Option<FieldReads>,
    /// The record as text, which is not stored; `None` lets the search index read the
    /// row.
    pub text: Option<Text>,
}

/// A record on its way into the search index.
#[derive(Clone, Debug)]
pub struct Text {
    /// All of the record.
    pub whole: String,
    /// What the event with this text can be found by: the same that
    /// [`super::ReadMarks`] reads from its row, at less cost.
    pub marks: fn(&NewEvent, &str) -> Marks,
}

impl NewEvent {
    /// What the text says the record can be found by.
    pub(super) fn marks(&self) -> Option<Marks> {
        self.text.as_ref().map(|text| (text.marks)(self, &text.whole))
    }
}

/// What of a record can be erased.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Personal {
    /// What the commitments to the values are made with; `None` once one of the
    /// values was erased, since `body` then holds a salt for each that is left.
    pub salt: Option<[u8; 16]>,
    /// Address of the caller.
    pub source_ip: Option<String>,
    /// Name of the role's session, or the subject of a web identity.
    pub session: Option<String>,
    /// All values, as `audit` packs them.
    pub body: Vec<u8>,
}
