//! The limits of items, their schemas and their streams. Everybody names them as those of
//! [`limits`](super::limits).

/// Items in one encrypt or decrypt batch.
pub const BATCH_ITEMS: usize = 100;
/// Calls of KMS that one batch has under way at once, for items that are asked for
/// alone.
pub const KEY_CALLS_AT_ONCE: usize = 16;
/// One item that is to be encrypted, bytes of JSON text. DynamoDB's 400 KB come to at
/// most 3.7 million, those of empty strings in a list: `{"S":""},` counts one byte
/// there. Only numbers that are written out with a hundred zeros can take more.
pub const ITEM_BYTES: usize = 4 * 1024 * 1024;
/// One that is encrypted, bytes: serialization, Base64 and tags make it larger.
pub const ENCRYPTED_ITEM_BYTES: usize = 8 * 1024 * 1024;
/// Values of one item: lists, maps, and the members of sets included. Each is some 50
/// bytes in memory, and at least one of DynamoDB's 400 KB.
pub const ITEM_VALUES: usize = 400 * 1024;
/// Values of one that is encrypted, which has header and footer beside.
pub const ENCRYPTED_ITEM_VALUES: usize = ITEM_VALUES + 2;
/// Values of all items of one batch, which are in memory at once. In
/// [`ITEMS_BODY_BYTES`](super::limits::ITEMS_BODY_BYTES) there could be eight million.
pub const BATCH_VALUES: usize = 2_000_000;
/// Levels of nesting in an item, the top-level value being the first; also
/// DynamoDB's limit.
pub const ITEM_DEPTH: usize = 32;
/// One JSON document that is to be encrypted, bytes.
pub const DOCUMENT_BYTES: usize = 1024 * 1024;
/// One that is encrypted, bytes: Base64 and tags make it larger.
pub const ENCRYPTED_DOCUMENT_BYTES: usize = 2 * 1024 * 1024;
/// Values of one document, lists and objects included.
pub const DOCUMENT_VALUES: usize = 100_000;
/// Values of one that is encrypted, which has header and footer beside.
pub const ENCRYPTED_DOCUMENT_VALUES: usize = DOCUMENT_VALUES + 2;
/// Values of one document that are signed one by one.
pub const DOCUMENT_LEAVES: usize = 10_000;
/// Paths of all of them together, bytes: each is hashed.
pub const DOCUMENT_PATHS_BYTES: usize = 4 * 1024 * 1024;
/// Name of a member of a document, bytes.
pub const DOCUMENT_NAME_BYTES: usize = 4 * 1024;
/// Paths in one schema of documents.
pub const DOCUMENT_RULES: usize = 500;
/// One such path, bytes.
pub const DOCUMENT_PATH_BYTES: usize = 1_024;
/// Paths of identifying values in one schema of documents.
pub const DOCUMENT_IDS: usize = 8;
/// Logical table name, bytes (DynamoDB's limit for a table ARN).
pub const TABLE_NAME_BYTES: usize = 1_024;
/// Name of an attribute, bytes (DynamoDB's limit).
pub const ATTRIBUTE_NAME_BYTES: usize = 65_535;
/// Name of a key attribute, bytes (DynamoDB's limit).
pub const KEY_NAME_BYTES: usize = 255;
/// Item schema document, bytes.
pub const ITEM_SCHEMA_BYTES: usize = 64 * 1024;
/// Versions of one item schema.
pub const ITEM_SCHEMA_VERSIONS: i64 = 1_000;
/// Labels that a schema gives one attribute.
pub const ATTRIBUTE_LABELS: usize = 16;
/// Labels that a schema keeps of attributes and paths that it does not have any more:
/// each of them is looked at in every call that reads documents.
pub const ITEM_SCHEMA_LABELS_KEPT: usize = 2_000;
/// A label of an attribute, bytes.
pub const ATTRIBUTE_LABEL_BYTES: usize = 64;
/// What a caller says that items are read for, bytes.
pub const PURPOSE_BYTES: usize = 128;
/// Purposes that a schema allows.
pub const PURPOSES: usize = 100;
/// Characters that a mask leaves of a text.
pub const MASK_KEPT_CHARS: usize = 16;
/// Text that stands in the place of a masked value, bytes.
pub const MASK_CONSTANT_BYTES: usize = 64;
/// Attributes that one call can ask for.
pub const ATTRIBUTES_ASKED: usize = 200;
/// Their names together, bytes of JSON: a quarter of the longest record.
pub const ATTRIBUTES_ASKED_BYTES: usize = 32 * 1024;
/// Encrypted attributes, by name, that the policy is asked about in one call: only
/// such names as some version of the schema encrypts.
pub const ATTRIBUTES_DECIDED: usize = 1_000;
/// All versions of all item schemas in one account and Region, bytes: they are
/// held in memory.
pub const ITEM_SCHEMAS_BYTES: usize = 64 * 1024 * 1024;
/// KMS keys of one item schema beside the first: each costs every item a call of
/// KMS and some 290 bytes.
pub const ADDITIONAL_KEYS: usize = 7;
/// Data keys of one item that are tried for decryption: all that a schema of
/// this server writes.
pub const DATA_KEYS_TRIED: usize = ADDITIONAL_KEYS + 1;
/// Item schemas in one account and Region.
pub const ITEM_SCHEMAS: usize = 1_000;

/// Streams of items at the same time. Each has its lines and what it answers in the room
/// of [`LARGE_BODIES_BYTES`](super::limits::LARGE_BODIES_BYTES) until the client has taken
/// it. Beside that it has as much as every body, two pieces on their way, and of an answer
/// that is more than twice as long as its lines what does not go into the room.
pub const ITEM_STREAMS: usize = 32;
/// Of those, how many may be of one account.
pub const ITEM_STREAMS_OF_ACCOUNT: usize = 16;
/// How long a stream of items goes on, seconds: as long as a signature is good, whatever
/// its caller shows.
pub const ITEM_STREAM_S: u64 = 900;
/// How long the lines of one batch of a stream may take to arrive, milliseconds, whatever
/// comes meanwhile.
pub const ITEM_BATCH_READ_MS: u64 = 30_000;
/// How long a stream waits for another line before those that came are answered, and for
/// anything before it looks at the clock, milliseconds.
pub const ITEM_STREAM_PAUSE_MS: u64 = 500;
/// What a stream passes on to its connection at once, bytes.
pub const ITEM_STREAM_PIECE_BYTES: usize = 64 * 1024;
