//! Every limit of the server, named, with its unit. Nothing a caller sends may
//! grow without one of these.

/// Request body of the KMS protocol, bytes. AWS's largest request is
/// ImportKeyMaterial, below 32 KiB; a policy of 32 KiB escaped twice is larger.
pub const KMS_BODY_BYTES: usize = 256 * 1024;
/// Request body of the REST API, bytes: a full batch of large items.
pub const REST_BODY_BYTES: usize = 16 * 1024 * 1024;
/// Nesting of objects and arrays in a request body. A DynamoDB value of 32
/// levels takes two JSON levels each, and stands four levels deep.
pub const JSON_DEPTH: usize = 96;
/// All request headers together, bytes.
pub const HEADER_BYTES: usize = 16 * 1024;
/// How long a request's body may take to arrive, milliseconds.
pub const BODY_READ_MS: u64 = 30_000;
/// A query string, bytes.
pub const QUERY_BYTES: usize = 8 * 1024;
/// `User-Agent` in a record, characters; AWS cuts longer ones too.
pub const USER_AGENT_CHARS: usize = 1_024;
/// A session token, bytes of text.
pub const SESSION_TOKEN_BYTES: usize = 4_096;
/// How long open connections get to finish when the server stops, seconds.
pub const SHUTDOWN_S: u64 = 30;
/// Request headers, in number.
pub const HEADERS: usize = 128;
/// Headers that one signature covers; the SDKs sign about ten.
pub const SIGNED_HEADERS: usize = 64;

/// Open client connections.
pub const CONNECTIONS: usize = 1_024;
/// Calls between authentication and answer; one more gets ThrottlingException.
pub const IN_FLIGHT_CALLS: usize = 512;
/// RSA data key pairs that are made at a time; each takes a core for up to
/// seconds, and others wait for their turn.
pub const RSA_KEY_PAIRS_AT_ONCE: usize = 2;
/// Units of work that wait for the database writer.
pub const WRITER_QUEUE_UNITS: usize = 2_048;
/// Units of work in one database transaction.
pub const WRITER_BATCH_UNITS: usize = 512;
/// How long an answer waits for its record to become durable, milliseconds.
pub const COMMIT_WAIT_MS: u64 = 10_000;

/// Plaintext of one Encrypt call, bytes (AWS's own limit).
pub const PLAINTEXT_BYTES: usize = 4_096;
/// Ciphertext blob, bytes (AWS's own limit).
pub const CIPHERTEXT_BYTES: usize = 6_144;
/// Bytes in one GenerateRandom or GenerateDataKey call (AWS's own limit).
pub const RANDOM_BYTES_MAX: i64 = 1_024;
/// Keys and values of an encryption context together, bytes.
pub const ENCRYPTION_CONTEXT_BYTES: usize = 8_192;

/// Policy document, bytes (AWS's own limit for key policies).
pub const POLICY_BYTES: usize = 32_768;
/// Nesting of brackets in policy text; Cedar's parser recurses.
pub const POLICY_DEPTH: usize = 32;
/// Statements in one policy document.
pub const POLICY_STATEMENTS: usize = 100;
/// Identity policies attached to one user or role.
pub const ATTACHED_POLICIES: usize = 10;

/// Tags on one key (AWS's own limit).
pub const TAGS_PER_KEY: usize = 50;
/// Aliases of one key (AWS's own limit).
pub const ALIASES_PER_KEY: usize = 50;
/// Customer managed keys in one account and Region (AWS's own limit).
pub const KEYS_PER_REGION: usize = 100_000;
/// Rotations on demand of one key (AWS's own limit).
pub const ON_DEMAND_ROTATIONS: usize = 25;
/// Users, and also roles, in one account.
pub const PRINCIPALS_PER_ACCOUNT: usize = 5_000;
/// Access keys of one user (AWS's own limit).
pub const ACCESS_KEYS_PER_USER: usize = 2;

/// Rows in one page of an audit query.
pub const AUDIT_PAGE_ROWS: usize = 1_000;
/// Items in one encrypt or decrypt batch.
pub const BATCH_ITEMS: usize = 100;
/// One item, bytes as DynamoDB JSON. DynamoDB's own limit is 400 KB of item.
pub const ITEM_BYTES: usize = 1024 * 1024;
/// Attributes of one item.
pub const ITEM_ATTRIBUTES: usize = 1_000;
/// Item schema document, bytes.
pub const ITEM_SCHEMA_BYTES: usize = 64 * 1024;
/// Versions of one item schema.
pub const ITEM_SCHEMA_VERSIONS: i64 = 1_000;
/// Data keys of one item that are tried for decryption.
pub const DATA_KEYS_TRIED: usize = 4;
/// Item schemas in one account and Region.
pub const ITEM_SCHEMAS: usize = 1_000;

/// Derived SigV4 signing keys kept in memory.
pub const SIGNING_KEYS_CACHED: usize = 4_096;
/// How far behind the server's clock a signature may be, seconds.
pub const CLOCK_SKEW_PAST_S: i64 = 900;
/// How far ahead of the server's clock a signature may be, seconds.
pub const CLOCK_SKEW_AHEAD_S: i64 = 300;
