//! Every limit that guards the server, named, with its unit. Nothing a caller
//! sends may grow without one of these. Those of items are written in
//! `item_limits`; AWS's quotas, which can be set, in `quotas`.

pub use super::item_limits::*;

/// Request body of the KMS protocol, bytes. AWS's largest request is
/// ImportKeyMaterial, below 32 KiB; a policy of 32 KiB escaped twice is larger.
pub const KMS_BODY_BYTES: usize = 256 * 1024;
/// Request body of the REST API, bytes: several policies, escaped.
pub const REST_BODY_BYTES: usize = 1024 * 1024;
/// Request body with items, bytes: a full batch of large ones.
pub const ITEMS_BODY_BYTES: usize = 16 * 1024 * 1024;
/// What request bodies that are read or worked on have beyond [`KMS_BODY_BYTES`], bytes
/// of all together: eight full batches of items. Whoever would need more gets
/// ThrottlingException; smaller bodies need none of it.
pub const LARGE_BODIES_BYTES: usize = 128 * 1024 * 1024;
/// Nesting of objects and arrays in a request body, but for the items in it, which are
/// read with a limit of their own ([`ITEM_DEPTH`]), each by itself.
pub const JSON_DEPTH: usize = 96;
/// All request headers together, bytes.
pub const HEADER_BYTES: usize = 16 * 1024;
/// How long the head of a connection's first request may take to arrive, milliseconds:
/// long enough that one which waits behind the largest bodies is not given up.
pub const HEAD_READ_MS: u64 = 15_000;
/// How long a client may take where it is its turn, from the end of an answer to the
/// whole head of the next request, say, seconds: more than for the first one.
pub const CLIENT_TURN_S: u64 = 20;
/// How long a request's body may take to arrive, milliseconds.
pub const BODY_READ_MS: u64 = 30_000;
/// The text of an error, characters. Ten faults with the longest lists of values
/// that AWS has are below 10,000.
pub const ERROR_TEXT_CHARS: usize = 16 * 1024;
/// The longest value that a validation text echoes, characters. AWS echoes
/// whole values; ours end in `...` so that an answer cannot grow with its call.
pub const ECHOED_CHARS: usize = 256;
/// A query string, bytes.
pub const QUERY_BYTES: usize = 8 * 1024;
/// `User-Agent` in a record, characters; AWS cuts longer ones too.
pub const USER_AGENT_CHARS: usize = 1_024;
/// `Host` in a record, characters; a name of the DNS has 253.
pub const HOST_CHARS: usize = 256;
/// A session token, bytes of text.
pub const SESSION_TOKEN_BYTES: usize = 4_096;
/// What a session token stands for when it is unpacked, bytes.
pub const SESSION_BYTES: usize = 32 * 1024;
/// Tags of one session (AWS's own limit).
pub const SESSION_TAGS: usize = 50;
/// A session policy, characters (AWS's own limit).
pub const SESSION_POLICY_CHARS: usize = 2_048;
/// A session that was made by a session of a role, seconds (AWS's own limit).
pub const CHAINED_SESSION_S: i64 = 3_600;
/// Parameters of one form of the query protocol.
pub const FORM_PARAMETERS: usize = 512;
/// The token of a web identity, bytes (AWS's own limit, in characters).
pub const WEB_IDENTITY_TOKEN_BYTES: usize = 20_000;
/// `sub` of a web identity, characters (OpenID Connect Core 1.0, section 2).
pub const SUBJECT_CHARS: usize = 255;
/// Audiences that one token names.
pub const TOKEN_AUDIENCES: usize = 16;
/// How far the clock of an OpenID Connect provider may be ahead, milliseconds.
pub const TOKEN_LEEWAY_MS: i64 = 60_000;
/// A file of an OpenID Connect provider's keys, bytes.
pub const JWKS_BYTES: usize = 256 * 1024;
/// Keys in such a file.
pub const JWKS_KEYS: usize = 64;
/// How long such a file is not looked at again, milliseconds.
pub const JWKS_LOOK_MS: u64 = 5_000;
/// Configured OpenID Connect providers.
pub const OIDC_PROVIDERS: usize = 64;
/// How long open connections get to finish when the server stops, seconds.
pub const SHUTDOWN_S: u64 = 30;
/// Request headers, in number.
pub const HEADERS: usize = 128;
/// Headers that one signature covers; the SDKs sign about ten.
pub const SIGNED_HEADERS: usize = 64;

/// Refusals of unknown callers that are recorded one by one at once, of all
/// addresses together. What is more is recorded as a sum.
pub const UNKNOWN_CALLS_BURST: u32 = 1_000;
/// Time in which one more such refusal is recorded by itself, milliseconds: at
/// most 17,280 a day, some megabytes.
pub const UNKNOWN_CALLS_PERIOD_MS: u64 = 5_000;
/// The same of one address, or of one /64 network of IPv6.
pub const UNKNOWN_CALLS_OF_ADDRESS_BURST: u32 = 100;
/// The same of one address, milliseconds.
pub const UNKNOWN_CALLS_OF_ADDRESS_PERIOD_MS: u64 = 10_000;
/// Addresses of unknown callers that are told apart at a time.
pub const UNKNOWN_CALLS_ADDRESSES: usize = 4_096;
/// Addresses that a sum of refusals shows.
pub const UNKNOWN_CALLS_ADDRESSES_SHOWN: usize = 16;
/// How long a sum of refusals waits to be recorded, milliseconds.
pub const UNKNOWN_CALLS_SUMMED_MS: u64 = 30_000;

/// Open client connections.
pub const CONNECTIONS: usize = 1_024;
/// Open files that a server may have: two for each connection, and as many for all else.
pub const OPEN_FILES: u64 = 4_096;
/// Calls between authentication and answer; one more gets ThrottlingException.
pub const IN_FLIGHT_CALLS: usize = 512;
/// RSA keys and key pairs that are made at a time; each takes a core for up to
/// seconds.
pub const RSA_KEYS_MADE_AT_ONCE: usize = 2;
/// Calls that make an RSA key, running or waiting; one more gets
/// ThrottlingException. A small part of [`IN_FLIGHT_CALLS`].
pub const RSA_KEYS_WAITED_FOR: usize = 32;
/// Of those, how many may be of one account.
pub const RSA_KEYS_WAITED_FOR_BY_ACCOUNT: usize = 16;
/// Policies that are compiled at a time; one at all its limits takes a core for
/// a quarter of a second.
pub const POLICIES_COMPILED_AT_ONCE: usize = 2;
/// Calls with a policy to compile, running or waiting; one more gets
/// ThrottlingException. A small part of [`IN_FLIGHT_CALLS`].
pub const POLICIES_WAITED_FOR: usize = 64;
/// Of those, how many may be of one account.
pub const POLICIES_WAITED_FOR_BY_ACCOUNT: usize = 32;
/// Searches through policies that run at a time; each has limits of its own.
pub const POLICY_SEARCHES_AT_ONCE: usize = 2;
/// Searches through policies, running or waiting; one more gets
/// ThrottlingException. A small part of [`IN_FLIGHT_CALLS`].
pub const POLICY_SEARCHES_WAITED_FOR: usize = 16;
/// Of those, how many may be of one account.
pub const POLICY_SEARCHES_WAITED_FOR_BY_ACCOUNT: usize = 8;
/// How long a search through policies goes on, seconds. One that takes longer
/// answers what it has found, and says that this is not all.
pub const POLICY_SEARCH_S: u64 = 5;
/// Principals that one search for who can do something looks at.
pub const PRINCIPALS_SEARCHED: usize = 1_000;
/// Rules of key policies that one search for who can do what looks at, those of
/// each principal and action anew.
pub const RULES_SEARCHED: usize = 100_000;
/// Grants of one key that one search for who can do something looks at.
pub const GRANTS_SEARCHED: usize = 1_000;
/// Keys in one page of what somebody can do.
pub const KEYS_SEARCHED: usize = 100;
/// Units of work that wait for the database writer.
pub const WRITER_QUEUE_UNITS: usize = 2_048;
/// Units of work in one database transaction.
pub const WRITER_BATCH_UNITS: usize = 512;
/// Committed records that wait in memory for the search index, which reads from the
/// log what finds no room.
pub const FRESH_RECORDS: usize = 8_192;
/// And bytes of them.
pub const FRESH_BYTES: usize = 16 << 20;
/// How long an answer waits for its record to become durable, milliseconds.
pub const COMMIT_WAIT_MS: u64 = 10_000;

/// The least time between two heads of the log that are kept beyond the next
/// commit, milliseconds of record time.
pub const CHECKPOINT_INTERVAL_MS: u64 = 1_000;
/// Of the heads that were kept, one in so many milliseconds stays; the youngest
/// of such a time stay all.
pub const CHECKPOINT_STEP_MS: i64 = 3_600_000;
/// The origin of a log, bytes. It stands in every checkpoint.
pub const LOG_ORIGIN_BYTES: usize = 255;
/// A signed note, bytes: room for a checkpoint with a few dozen cosignatures.
pub const NOTE_BYTES: usize = 64 * 1024;
/// A proof as a file, bytes: a note, the longest record in base64, and 64 hashes.
pub const PROOF_BYTES: usize = 512 * 1024;
/// How far from its end the file of witnessed checkpoints is searched for the
/// newest of this log, bytes.
pub const WITNESS_TAIL_BYTES: u64 = 64 * 1024 * 1024;
/// How long a witness may take to answer, milliseconds.
pub const WITNESS_WAIT_MS: u64 = 10_000;
/// The longest pause before a witness that failed is tried again, milliseconds.
pub const WITNESS_PAUSE_MS: u64 = 60_000;

/// The first pause before a server whose root key a remote key keeps tries again to
/// open it, milliseconds.
pub const UNSEAL_PAUSE_MS_MIN: u64 = 1_000;
/// The longest such pause, milliseconds.
pub const UNSEAL_PAUSE_MS_MAX: u64 = 60_000;
/// Protectors of one root key.
pub const ROOT_KEY_PROTECTORS: usize = 8;
/// The name of a protector, characters.
pub const PROTECTOR_NAME_CHARS: usize = 64;
/// The name of a remote in a sealed root key, characters.
pub const REMOTE_NAME_CHARS: usize = 64;
/// The ARN of a remote key in a sealed root key, characters (AWS's own limit of a
/// key id).
pub const REMOTE_KEY_ARN_CHARS: usize = 2_048;
/// A ciphertext that a remote key made, bytes (AWS's own limit of `CiphertextBlob`).
pub const REMOTE_CIPHERTEXT_BYTES: usize = 6_144;
/// Length of the write-ahead log, bytes, above which a copy of the book is given
/// up: it cannot begin anew before the copy is made.
pub const SNAPSHOT_WAL_BYTES: u64 = 1024 * 1024 * 1024;
/// What must stay free on the disk beside a copy of the book, bytes.
pub const SNAPSHOT_FREE_BYTES: u64 = 64 * 1024 * 1024;
/// Backups that are taken at the same time.
pub const BACKUPS_AT_ONCE: usize = 1;

/// Plaintext of one Encrypt call, bytes (AWS's own limit).
pub const PLAINTEXT_BYTES: usize = 4_096;
/// Message of one Sign or GenerateMac call, bytes (AWS's own limit).
pub const MESSAGE_BYTES: usize = 4_096;
/// Public key that a peer sends, bytes (AWS's own limit).
pub const PUBLIC_KEY_BYTES: usize = 8_192;
/// Ciphertext blob, bytes (AWS's own limit).
pub const CIPHERTEXT_BYTES: usize = 6_144;
/// Bytes in one GenerateRandom or GenerateDataKey call (AWS's own limit).
pub const RANDOM_BYTES_MAX: i64 = 1_024;
/// Keys and values of an encryption context together, bytes.
pub const ENCRYPTION_CONTEXT_BYTES: usize = 8_192;

/// Any policy document, bytes (AWS's own limit for key policies).
pub const POLICY_BYTES: usize = 32_768;
/// Nesting of brackets in policy text; Cedar's parser recurses.
pub const POLICY_DEPTH: usize = 32;
/// Statements in one policy document.
pub const POLICY_STATEMENTS: usize = 100;
/// Rules that one policy document becomes: the product of its statements' lists.
pub const POLICY_RULES: usize = 1_000;
/// Terms of the conditions of all rules that one JSON document becomes, each
/// rule's counted: what the validator looks at, for every kind of caller, action
/// and resource.
pub const POLICY_TERMS: usize = 20_000;
/// Characters of patterns that Cedar compares for one JSON document, those of each rule
/// counted. What is beyond is compared outside of Cedar, within [`POLICY_STEPS`].
pub const POLICY_PATTERN_CHARS: usize = 4_096;
/// Depth of the expression tree of one policy as the parser makes it, where
/// chains (`a || b || c`, `x.y.z`) go deeper as brackets do.
pub const POLICY_EXPRESSION_DEPTH: usize = 256;
/// Depth of a condition. Cedar's evaluator gives up when the stack of its
/// thread runs low: on 2 MiB at 450 levels, in an unoptimised build at 30 to 40.
pub const POLICY_EVALUATION_DEPTH: usize = 24;
/// Tests beside one key policy.
pub const POLICY_TESTS: usize = 200;
/// The tests beside one key policy, bytes.
pub const POLICY_TESTS_BYTES: usize = 64 * 1024;
/// Examples that a comparison of two policies shows.
pub const COMPARED_EXAMPLES: usize = 20;
/// Requests that a comparison of two policies asks about, each by both.
pub const COMPARED_REQUESTS: usize = 20_000;
/// Rules that a comparison of two policies looks at, those of each request anew.
pub const COMPARED_RULES: usize = 4_000_000;
/// Combinations of values that a comparison of two policies tries.
pub const COMPARED_SCENARIOS: usize = 512;
/// Condition keys that a comparison of two policies varies.
pub const COMPARED_WISHES: usize = 64;
/// Values of one condition key that a comparison of two policies tries.
pub const COMPARED_VALUES: usize = 8;
/// Values of a request that the explanation of one condition shows.
pub const EXPLAINED_VALUES: usize = 8;
/// Grants of a key that one explanation shows.
pub const EXPLAINED_GRANTS: usize = 100;
/// Ways to one action that are shown of one principal.
pub const WAYS_SHOWN: usize = 16;
/// Aliases of one key that policies can read; of a key with more, they read none
/// (AWS's own limit).
pub const ALIASES_IN_POLICIES: usize = 50;
/// Characters that one decision compares with patterns outside of Cedar, going
/// back in them included: a few milliseconds. A decision that takes more is a
/// denial.
pub const POLICY_STEPS: usize = 1_000_000;
/// Files of guardrails; every decision asks all of them.
pub const GUARDRAIL_FILES: usize = 20;
/// Identity policies attached to one user, role or group.
pub const ATTACHED_POLICIES: usize = 10;
/// Session policies that are kept compiled.
pub const SESSION_POLICIES_CACHED: usize = 1_024;
/// Rules that those have together; each takes some 10 KiB.
pub const SESSION_POLICY_RULES_CACHED: usize = 16_384;

/// Pairs of an encryption context that one grant constraint names (AWS's own
/// limit).
pub const GRANT_CONSTRAINT_PAIRS: usize = 8;
/// A value in a grant constraint, characters (AWS's own limit).
pub const GRANT_CONSTRAINT_CHARS: usize = 384;
/// Users, and also roles, in one account.
pub const PRINCIPALS_PER_ACCOUNT: usize = 5_000;
/// Groups in one account (AWS's own limit).
pub const GROUPS_PER_ACCOUNT: usize = 300;
/// Groups of one user (AWS's own limit).
pub const GROUPS_PER_USER: usize = 10;
/// Tags of one user or role (AWS's own limit).
pub const TAGS_PER_PRINCIPAL: usize = 50;
/// The key of a tag of a user or role, characters (AWS's own limit).
pub const TAG_KEY_CHARS: usize = 128;
/// The value of a tag of a user or role, characters (AWS's own limit).
pub const TAG_VALUE_CHARS: usize = 256;
/// The least that a role can have as its longest session, seconds, and what it
/// has if nothing is said (AWS's own limit).
pub const MAX_SESSION_SECONDS_MIN: i64 = 3_600;
/// The most that a role can have as its longest session, seconds (AWS's own
/// limit).
pub const MAX_SESSION_SECONDS_MAX: i64 = 43_200;
/// How long GetSessionToken's credentials may be good, seconds (AWS's own limit): no
/// session lasts longer.
pub const SESSION_TOKEN_SECONDS_MAX: i64 = 129_600;
/// Accounts in one server.
pub const ACCOUNTS: usize = 1_000;
/// Access keys of one user (AWS's own limit).
pub const ACCESS_KEYS_PER_USER: usize = 2;

/// Calls of remotes that the record of one call shows. Of a batch with more it says
/// how many there were.
pub const REMOTE_CALLS_SHOWN: usize = 8;

/// The longest canonical record, bytes. CloudTrail's own limit is 256 KB.
pub const RECORD_BYTES: usize = 128 * 1024;
/// The members of a record that hold JSON of the operation, bytes together; beyond
/// that the longest are left out.
pub const RECORD_MEMBERS_BYTES: usize = 100 * 1024;
/// Longest access key id in a record; that of an unauthenticated call is any
/// text. AWS's own limit.
pub const ACCESS_KEY_ID_BYTES: usize = 128;
/// The shortest access key id of users, characters (AWS's own limit).
pub const ACCESS_KEY_ID_MIN: usize = 16;
/// Rows in one page of an audit query.
pub const AUDIT_PAGE_ROWS: usize = 1_000;
/// Bytes of records after which a page of an audit query ends, as it does after the
/// rows that were asked for.
pub const AUDIT_PAGE_BYTES: usize = 8 * 1024 * 1024;
/// Records that one page of an audit query reads to find a text in them.
pub const AUDIT_TEXT_RECORDS: usize = 5_000;
/// Bytes of an item's key that the field-read book has in clear: the longest
/// partition and sort key of DynamoDB (2,048 and 1,024 bytes), in Base64 with their
/// types. No item of a table has more; a JSON document may.
pub const FIELD_READ_KEY_BYTES: usize = 4_104;
/// Records whose field reads one page looks at.
pub const FIELD_READ_RECORDS: usize = 2_000;
/// Values of one filter of an audit query.
pub const AUDIT_FILTER_VALUES: usize = 50;
/// Counts of the book that are made at the same time.
pub const AUDIT_COUNTS_AT_ONCE: usize = 2;
/// Counts of the book that are made or waited for.
pub const AUDIT_COUNTS_WAITED_FOR: usize = 16;
/// Of those, how many may be of one account.
pub const AUDIT_COUNTS_WAITED_FOR_BY_ACCOUNT: usize = 8;
/// Records that an export looks for at a time.
pub const AUDIT_EXPORT_ROWS: usize = 256;
/// Records in one piece of an export, or of what a follower gets: with records of
/// any length, no more than a page has.
pub const AUDIT_PIECE_ROWS: usize = 64;
/// The longest line of an export that proves itself, bytes: a record, 64 hashes,
/// and a salt for each of its values, however short they are.
pub const AUDIT_EXPORT_LINE_BYTES: usize = 8 * 1024 * 1024;
/// Records that erasures name, which a check of an export remembers.
pub const ERASURES_REMEMBERED: usize = 1_000_000;
/// Rows of one group of an export as Parquet, which is made in memory.
pub const AUDIT_EXPORT_GROUP_ROWS: usize = 8_192;
/// Bytes of the values in one such group, after which the next one begins.
pub const AUDIT_EXPORT_GROUP_BYTES: usize = 8 * 1024 * 1024;
/// Exports of the book that run at the same time.
pub const AUDIT_EXPORTS_AT_ONCE: usize = 8;
/// Of those, how many may be of one account.
pub const AUDIT_EXPORTS_OF_ACCOUNT: usize = 4;
/// How fast a client takes an export at least, bytes a second: on average, and
/// without the time that the server needs.
pub const AUDIT_EXPORT_RATE: u64 = 16 * 1024;
/// How long a client may take in any case, seconds.
pub const AUDIT_EXPORT_GRACE_S: u64 = 120;
/// Callers that follow the book at the same time.
pub const AUDIT_FOLLOWERS: usize = 64;
/// Of those, how many may be of one account.
pub const AUDIT_FOLLOWERS_OF_ACCOUNT: usize = 32;
/// How often a follower looks for new records, milliseconds.
pub const AUDIT_FOLLOW_LOOK_MS: u64 = 200;
/// After how long without a record a follower is sent a sign of life, seconds.
pub const AUDIT_FOLLOW_HEARTBEAT_S: u64 = 15;
/// How often it is asked whether a follower still may, seconds.
pub const AUDIT_FOLLOW_ASK_S: u64 = 30;
/// How long an answer is followed before it must be asked for anew, seconds: a
/// session may have ended meanwhile.
pub const AUDIT_FOLLOW_S: u64 = 900;
/// Rows in the answer of one SQL statement.
pub const SQL_ROWS: usize = 100_000;
/// The answer of one SQL statement, bytes.
pub const SQL_BYTES: usize = 64 * 1024 * 1024;
/// Memory that SQLite takes for one SQL statement, bytes.
pub const SQL_HEAP_BYTES: i64 = 512 * 1024 * 1024;
/// A text or blob that one SQL statement makes or reads, bytes. To find one text in
/// another takes as many steps as one times the other, and the time is not looked at
/// meanwhile: some seconds with texts of this size.
pub const SQL_TEXT_BYTES: i32 = 1024 * 1024;
/// A pattern of LIKE and GLOB in one SQL statement, bytes: matching takes as many steps
/// as the pattern times the text.
pub const SQL_PATTERN_BYTES: i32 = 1_000;
/// How many bytes of an answer are handed to its connection at a time.
pub const ANSWER_PIECE_BYTES: usize = 64 * 1024;
/// How fast a client must take a long answer, beyond [`PIECE_TAKEN_S`], bytes a second.
pub const ANSWER_BYTES_PER_S: u64 = 64 * 1024;
/// How long a client may take for one piece of an answer that comes in pieces,
/// seconds.
pub const PIECE_TAKEN_S: u64 = 60;
/// Groups that are kept while events are counted.
pub const AUDIT_COUNTED_GROUPS: usize = 100_000;
/// Events that one call takes personal data from.
pub const AUDIT_ERASE_EVENTS: usize = 1_000;
/// Pages of the book that one such call looks at.
pub const AUDIT_ERASE_PAGES: usize = 16;
/// Findings of one kind that a check of the book shows; it counts all.
pub const FINDINGS_SHOWN: u64 = 50;

/// Request rates watched at once: one for each account, Region and group of
/// operations that was called of late.
pub const RATES_WATCHED: usize = 4_096;
/// Keys that metrics tell apart; the others are one.
pub const KEYS_MEASURED: usize = 1_000;
/// Combinations of key, operation and outcome that metrics tell apart.
pub const KEY_SERIES: usize = 10_000;

/// Records in one log file of the trail.
pub const TRAIL_FILE_RECORDS: usize = 10_000;
/// Records of one delivery of the trail, bytes of JSON: what it holds in memory.
pub const TRAIL_DELIVERY_BYTES: usize = 16 * 1024 * 1024;
/// Log files that one digest of the trail lists; the next lists the others.
pub const TRAIL_DIGEST_FILES: usize = 5_000;
/// How long one object of the trail may take to be stored in S3, milliseconds.
pub const TRAIL_PUT_MS: u64 = 60_000;
/// Events in one page of LookupEvents (AWS's own limit).
pub const LOOKUP_EVENTS: i64 = 50;
/// The value of a lookup attribute, characters (AWS's own limit).
pub const LOOKUP_VALUE_CHARS: usize = 2_000;
/// Records that one page of LookupEvents looks into.
pub const LOOKUP_RECORDS: usize = 4_096;

/// Remotes of the settings.
pub const REMOTES: usize = 64;
/// Calls at a time to all remotes together: half of [`IN_FLIGHT_CALLS`], so that the
/// other half is left for everybody else while remotes hang.
pub const REMOTE_CALLS: usize = IN_FLIGHT_CALLS / 2;
/// An answer of a remote, bytes: the largest of those asked for has a ciphertext of
/// 6,144 bytes in base64.
pub const REMOTE_ANSWER_BYTES: u64 = 64 * 1024;
/// What a record says of a failure at a remote, characters.
pub const REMOTE_CAUSE_CHARS: usize = 512;
/// The request id of a remote, characters; AWS's have 36.
pub const REMOTE_REQUEST_ID_CHARS: usize = 128;
/// Failures in a row after which calls to a remote pause.
pub const REMOTE_FAILURES_IN_A_ROW: u32 = 5;
/// The first such pause, milliseconds.
pub const REMOTE_PAUSE_MS_MIN: u64 = 1_000;
/// The longest such pause, milliseconds.
pub const REMOTE_PAUSE_MS_MAX: u64 = 60_000;

/// Derived SigV4 signing keys kept in memory.
pub const SIGNING_KEYS_CACHED: usize = 4_096;
/// How far behind the server's clock a signature may be, seconds.
pub const CLOCK_SKEW_PAST_S: i64 = 900;
/// How far ahead of the server's clock a signature may be, seconds.
pub const CLOCK_SKEW_AHEAD_S: i64 = 300;
