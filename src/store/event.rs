//! One record on its way into the log: the searchable fields in clear, the
//! record itself as an opaque body.

/// A record that [`super::Store::commit`] appends to the log. The store does
/// not look into `body`; `audit` makes it and reads it back.
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
    /// ARN of the principal, or the fixed name of one that has no ARN.
    pub principal: String,
    /// ARN of the key that the call is about.
    pub key: Option<String>,
    /// ARN of the other key of a call with two: ReEncrypt's destination.
    pub second_key: Option<String>,
    /// Error code of a call that failed.
    pub error: Option<String>,
    /// Address of the caller.
    pub source_ip: Option<String>,
    /// `None` for what the server did by itself.
    pub request_id: Option<[u8; 16]>,
    pub event_id: [u8; 16],
    pub read_only: bool,
    /// Version of the canonical form of the record.
    pub format: u8,
    /// Leaf hash over the canonical form.
    pub leaf: [u8; 32],
    /// Which dictionary `body` is compressed with.
    pub dictionary: u32,
    /// The canonical form, compressed.
    pub body: Vec<u8>,
}
