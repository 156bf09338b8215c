//! Queries over a real store.

use std::sync::Arc;

use tempfile::TempDir;

use super::*;
use crate::audit::FilterValue;
use crate::base::limits;
use crate::store::testing::Counting;
use crate::store::{self, NewEvent, Settings, Share, Store, Unit};

fn open(folder: &TempDir) -> Store {
    let store = Store::open(folder.path(), Settings::default(), marks).unwrap();
    store.appoint(Counting::from(store.health().last_seq)).unwrap();
    store
}

async fn commit(store: &Store, event: NewEvent) -> i64 {
    store.commit(Unit { changes: Vec::new(), event, further: Vec::new() }).await.unwrap().seq()
}

/// Waits until the index has every record, so that a page looks at nothing else:
/// what it may read beyond the index is little in tests.
async fn all_indexed(store: &Store) {
    while store.health().indexed_seq < store.health().last_seq {
        tokio::task::yield_now().await;
    }
}

fn all() -> Filter {
    Filter { limit: 10, ..Filter::default() }
}

/// A filter as a caller writes it: `name=value`, with `!` before those that
/// must not be.
fn written(texts: &[&str]) -> Filter {
    let term = |text: &&str| {
        let (not, text) = text.strip_prefix('!').map_or((false, *text), |text| (true, text));
        let (name, value) = text.split_once('=').unwrap();
        Term { any_of: vec![FilterValue::parse(Name::parse(name).unwrap(), value).unwrap()], not }
    };
    let terms = texts.iter().map(term).collect();
    Filter { selection: Selection { terms, ..Selection::default() }, ..all() }
}

fn of(selection: Selection) -> Filter {
    Filter { selection, ..all() }
}

/// The records of three calls, a second apart, and the oldest first.
async fn three(store: &Store) -> Vec<String> {
    let session = Principal::RoleSession {
        account: account(),
        role_id: "AROAEXAMPLE".to_owned(),
        role_name: "app".to_owned(),
        name: "i-0123".to_owned(),
    };
    let mut by_session =
        Case { time_ms: 2_000, read_only: false, ..Case::decrypt(caller(session)) };
    by_session.caller.source_ip = Some("2001:db8::1".parse().unwrap());
    by_session.caller.request_id = RequestId::from_random([1; 16]);
    let denied = Case {
        time_ms: 3_000,
        error: Some(("AccessDenied", "no".to_owned())),
        arns: vec![OTHER.to_owned()],
        ..Case::new(ada(), "Encrypt")
    };
    let mut texts = Vec::new();
    for case in [Case { time_ms: 1_000, ..Case::decrypt(ada()) }, by_session, denied] {
        commit(store, case.with(|record| prepare(record).unwrap())).await;
        texts.push(case.canonical());
    }
    texts
}

#[tokio::test]
async fn a_record_comes_back_byte_for_byte_by_every_field() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let texts = three(&store).await;
    let check = |filter: Filter, want: &[usize]| {
        let page = query(&store, &filter).unwrap();
        let want: Vec<&String> = want.iter().map(|i| &texts[*i]).collect();
        assert_eq!(page.records.iter().collect::<Vec<_>>(), want, "{filter:?}");
        assert_eq!(page.next_cursor, None);
    };
    check(all(), &[2, 1, 0]);
    let of_account =
        |account: &str| of(Selection { account: Some(account.to_owned()), ..Selection::default() });
    check(of_account("111122223333"), &[2, 1, 0]);
    check(of_account("444455556666"), &[]);
    check(of(Selection { from_ms: Some(2_000), ..Selection::default() }), &[2, 1]);
    check(of(Selection { to_ms: Some(2_000), ..Selection::default() }), &[0]);
    let ada = "principal=arn:aws:iam::111122223333:user/ada";
    let session = "principal=arn:aws:sts::111122223333:assumed-role/app/i-0123";
    let key = format!("keyId={KEY}");
    let resource = format!("resource={OTHER}");
    let not_key = format!("!keyId={KEY}");
    let cases: &[(&[&str], &[usize])] = &[
        (&[ada], &[2, 0]),
        (&["!principal=arn:aws:iam::111122223333:user/ada"], &[1]),
        (&[session], &[1]),
        (&["principal=arn:aws:iam::111122223333:role/app"], &[1]),
        (&["principal=arn:aws:iam::111122223333:role/ap"], &[]),
        (&["accessKeyId=AKIAEXAMPLE"], &[2, 1, 0]),
        (&[&key], &[1, 0]),
        (&[&not_key], &[2]),
        (&["keyId=0987dcba-09fe-87dc-65ba-ab0987654321"], &[2]),
        (&["keyId=none"], &[]),
        (&[&resource], &[2]),
        (&["eventName=Decrypt"], &[1, 0]),
        (&["eventSource=kms.amazonaws.com"], &[2, 1, 0]),
        (&["errorCode=AccessDenied"], &[2]),
        (&["errorCode=any"], &[2]),
        (&["errorCode=none"], &[1, 0]),
        (&["!errorCode=AccessDenied"], &[1, 0]),
        (&["requestId=01010101-0101-4101-8101-010101010101"], &[1]),
        (&["eventId=09090909-0909-0909-0909-090909090909"], &[2, 1, 0]),
        (&["sourceIp=2001:db8::1"], &[1]),
        (&["sourceIp=2001:db8::/32"], &[1]),
        (&["sourceIp=192.0.2.0/24", "eventName=Decrypt"], &[0]),
        (&["!sourceIp=192.0.2.0/24"], &[1]),
        (&["readOnly=true", ada], &[2, 0]),
        (&["readOnly=false"], &[1]),
        (&["context=tenant"], &[1, 0]),
        (&["context=tenant=7"], &[1, 0]),
        (&["!context=tenant=7"], &[2]),
        (&["context=tenant="], &[]),
        (&["context=7"], &[]),
    ];
    for (texts, want) in cases {
        check(written(texts), want);
    }
}

#[tokio::test]
async fn values_are_alternatives_and_text_is_read() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let texts = three(&store).await;
    let check = |filter: Filter, want: &[usize]| {
        let page = query(&store, &filter).unwrap();
        let want: Vec<&String> = want.iter().map(|i| &texts[*i]).collect();
        assert_eq!(page.records.iter().collect::<Vec<_>>(), want, "{filter:?}");
    };
    let either = Term {
        any_of: vec![
            FilterValue::parse(Name::EventName, "Encrypt").unwrap(),
            FilterValue::parse(Name::SourceIp, "2001:db8::1").unwrap(),
        ],
        not: false,
    };
    check(of(Selection { terms: vec![either.clone()], ..Selection::default() }), &[2, 1]);
    let neither = Term { not: true, ..either };
    check(of(Selection { terms: vec![neither], ..Selection::default() }), &[0]);
    let with_text = |text: &str| Filter { text: vec![text.to_owned()], ..all() };
    check(with_text("I-0123"), &[1]);
    check(with_text("\"eventname\":\"encrypt\""), &[2]);
    check(with_text("never written"), &[]);
    check(Filter { text: vec!["i-0123".to_owned()], ..written(&["eventName=Encrypt"]) }, &[]);
}

#[tokio::test]
async fn pages_go_on_until_there_is_nothing_left() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    for n in 0..300 {
        let error = (n == 3).then(|| ("AccessDenied", "a needle".to_owned()));
        let case = Case { time_ms: n * 1_000, error, ..Case::decrypt(ada()) };
        commit(&store, case.with(|record| prepare(record).unwrap())).await;
    }
    all_indexed(&store).await;
    let every: Vec<Page> = pages(&store, all()).collect::<Result<_, _>>().unwrap();
    assert_eq!(every.iter().map(|page| page.records.len()).sum::<usize>(), 300);
    assert!(every.iter().all(|page| page.records.len() <= 10));
    let searched: Vec<Option<i64>> = every.iter().map(|page| page.searched_to_ms).collect();
    assert_eq!(searched[0], Some(290_000));
    let filter = Filter { text: vec!["NEEDLE".to_owned()], ..all() };
    let found: Vec<Page> = pages(&store, filter).collect::<Result<_, _>>().unwrap();
    // In pages of bounded work, so all but the last are empty.
    let rows: Vec<usize> = found.iter().map(|page| page.records.len()).collect();
    assert_eq!((rows.iter().sum::<usize>(), rows.last()), (1, Some(&1)));
    assert!(rows.len() > 1);
    assert_eq!(found.last().unwrap().searched_to_ms, None);
}

#[test]
fn values_that_a_filter_cannot_have() {
    for (name, text) in [
        (Name::SourceIp, "10.0.0.0/33"),
        (Name::SourceIp, "10.0.0.0/+8"),
        (Name::SourceIp, "10.0.0.0/"),
        (Name::SourceIp, "somewhere"),
        (Name::RequestId, "1234"),
        (Name::EventId, ""),
        (Name::ReadOnly, "True"),
        (Name::Resource, "alias/app"),
    ] {
        assert!(
            matches!(FilterValue::parse(name, text), Err(Error::Value { .. })),
            "{name:?} {text}"
        );
    }
    for (text, name) in Name::ALL {
        assert_eq!((Name::parse(text), name.as_str()), (Some(name), text));
    }
}

#[tokio::test]
async fn counts_are_of_the_selection() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    three(&store).await;
    let counted = |texts: &[&str], by: &[&str]| {
        let of = |name: &&str| GROUPINGS.iter().find(|(known, _)| known == name).unwrap().1;
        let by = [by.first().map(of), by.get(1).map(of)];
        let counts = count(&store, &written(texts).selection, by, 10).unwrap();
        let rows = counts.groups.into_iter().map(|group| (group.shares, group.events));
        (rows.collect::<Vec<_>>(), counts.events)
    };
    let text = |text: &str| Share::Text(text.to_owned());
    assert_eq!(counted(&[], &[]).1, 3);
    assert_eq!(counted(&["eventName=Decrypt"], &[]), (vec![(vec![], 2)], 2));
    assert_eq!(
        counted(&[], &["eventName", "errorCode"]).0,
        [(vec![text("Decrypt"), Share::None], 2), (vec![text("Encrypt"), text("AccessDenied")], 1),]
    );
    let role = "arn:aws:iam::111122223333:role/app";
    assert_eq!(
        counted(&["readOnly=false"], &["day", "principal"]).0,
        [(vec![Share::Time(0), text(role)], 1)]
    );
    for rows in [0, limits::AUDIT_PAGE_ROWS + 1] {
        let refused = count(&store, &Selection::default(), [None, None], rows);
        assert!(matches!(refused, Err(Error::PageRows)));
    }
}

#[tokio::test]
async fn a_cursor_belongs_to_its_filter() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let texts = three(&store).await;
    let filter = Filter { limit: 2, ..all() };
    let page = query(&store, &filter).unwrap();
    assert_eq!(page.records, [texts[2].clone(), texts[1].clone()]);
    let next = Filter { cursor: page.next_cursor, limit: 5, ..filter.clone() };
    let last = query(&store, &next).unwrap();
    assert_eq!(last.records, [texts[0].clone()]);
    assert_eq!(last.next_cursor, None);
    let other = Filter { selection: written(&["readOnly=true"]).selection, ..next.clone() };
    assert!(matches!(query(&store, &other), Err(Error::Cursor)));
    let other = Filter { text: vec!["a".to_owned()], ..next };
    assert!(matches!(query(&store, &other), Err(Error::Cursor)));
    let forged = Filter { cursor: Some("AAAA".to_owned()), ..filter };
    assert!(matches!(query(&store, &forged), Err(Error::Cursor)));
    for limit in [0, limits::AUDIT_PAGE_ROWS + 1] {
        assert!(matches!(query(&store, &Filter { limit, ..all() }), Err(Error::PageRows)));
    }
}

#[tokio::test]
async fn grants_materials_regions_and_tables_are_found() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let grant = "ab".repeat(32);
    let made = Case {
        response: Some(json(&format!(r#"{{"grantId":"{grant}"}}"#))),
        ..Case::new(ada(), "CreateGrant")
    };
    let by_grant = format!(r#"[{{"determining":[{{"source":"grant","policy":"{grant}"}}]}}]"#);
    let used = Case { decisions: Some(json(&by_grant)), ..Case::decrypt(ada()) };
    let odd = Case { request: Some(json(r#"{"grantId":7}"#)), ..Case::new(ada(), "RevokeGrant") };
    let item = json(r#"{"table":"people"}"#);
    let events = [
        made.with(|record| prepare(record).unwrap()),
        used.with(|record| {
            let own = Own { item: Some(&item), ..record.own };
            prepare(&Record { own, key_material: Some("00ff"), ..*record }).unwrap()
        }),
        odd.with(|record| prepare(record).unwrap()),
    ];
    for event in events {
        commit(&store, event).await;
    }
    let found = |filter: &str| -> Vec<String> {
        let page = query(&store, &written(&[filter])).unwrap();
        let records = page.records.iter().map(|text| serde_json::from_str::<Value>(text).unwrap());
        records.map(|record| record["eventName"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(found(&format!("grantId={grant}")), ["Decrypt", "CreateGrant"]);
    assert_eq!(found("keyMaterialId=00ff"), ["Decrypt"]);
    assert_eq!(found("table=people"), ["Decrypt"]);
    assert_eq!(found("!table=people"), ["RevokeGrant", "CreateGrant"]);
    assert_eq!(found("awsRegion=eu-central-1").len(), 3);
    assert!(found("awsRegion=eu-west-1").is_empty());
    let wrong = FilterValue::parse(Name::GrantId, "ab").unwrap_err();
    assert!(matches!(wrong, Error::Value { name: "grantId", .. }));
}

/// A page ends with the bytes that it may have, however well they are compressed.
#[tokio::test]
async fn a_page_of_long_records_is_short() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let long = json(&format!(r#"{{"name":"{}"}}"#, "a".repeat(100_000)));
    for _ in 0..100 {
        let case = Case { request: Some(long.clone()), ..Case::new(ada(), "Encrypt") };
        commit(&store, case.with(|record| prepare(record).unwrap())).await;
    }
    all_indexed(&store).await;
    let filter = Filter { limit: limits::AUDIT_PAGE_ROWS, ..all() };
    let found: Vec<Page> = pages(&store, filter).map(|page| page.unwrap()).collect();
    assert_eq!(found.iter().map(|page| page.records.len()).sum::<usize>(), 100);
    assert_eq!(found.len(), 2);
    let bytes = |page: &Page| page.records.iter().map(String::len).sum::<usize>();
    let most = limits::AUDIT_PAGE_BYTES + RECORD_BYTES;
    let first = bytes(&found[0]);
    assert!((limits::AUDIT_PAGE_BYTES..most).contains(&first), "{first} of {most}");
    // So do pieces of exports.
    let mut export = Export::new(&store, all_of(100), Form::Ndjson).unwrap();
    let mut sizes = Vec::new();
    while let Some(piece) = export.piece(&store).unwrap() {
        sizes.push(piece.len());
    }
    let lines = found.iter().map(|page| bytes(page) + page.records.len());
    assert_eq!(sizes.iter().sum::<usize>(), lines.sum::<usize>());
    assert!(sizes.iter().all(|size| *size < most), "{sizes:?}");
}

fn all_of(limit: usize) -> Filter {
    Filter { limit, ..Filter::default() }
}

#[tokio::test]
async fn a_damaged_record_is_named() {
    let good = Case::decrypt(ada()).with(|record| prepare(record).unwrap());
    let other = Case::new(ada(), "Encrypt").with(|record| prepare(record).unwrap());
    for bad in [
        NewEvent { leaf: [0; 32], ..good.clone() },
        NewEvent { format: 1, ..good.clone() },
        NewEvent { format: 3, ..good.clone() },
        NewEvent { dictionary: 99, ..good.clone() },
        NewEvent { body: other.body, ..good.clone() },
        NewEvent { body: good.body[1..].to_vec(), ..good.clone() },
        NewEvent { body: Vec::new(), ..good.clone() },
    ] {
        let folder = TempDir::new().unwrap();
        let store = open(&folder);
        commit(&store, good.clone()).await;
        assert_eq!(query(&store, &all()).unwrap().records.len(), 1);
        commit(&store, bad).await;
        assert!(matches!(query(&store, &all()), Err(Error::Corrupt { seq: 2 })));
    }
}

#[tokio::test]
async fn a_store_that_fails_is_the_source() {
    let folder = TempDir::new().unwrap();
    let store = Arc::new(open(&folder));
    std::fs::remove_file(folder.path().join("index.db")).unwrap();
    store.close();
    let failed = query(&store, &all()).unwrap_err();
    assert!(matches!(failed, Error::Store(store::Error::Unavailable(_))), "{failed:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Every record, small or large, comes out of the press as it went in.
    #[test]
    fn bodies_round_trip(request in "\\PC{0,400}", repeat in 1..200_usize) {
        let text = serde_json::to_string(&request.repeat(repeat)).unwrap();
        let case = Case { request: Some(json(&text)), ..Case::new(ada(), "Encrypt") };
        let stored = case.stored();
        let opened = Opener::default().open(&stored).unwrap();
        prop_assert_eq!(opened.record().unwrap(), case.canonical());
    }
}

/// Of all that was done with a key, the newest use: not what failed, nor what
/// only read. The other key of a call with two was used as well.
#[tokio::test]
async fn the_last_use_of_a_key() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    const OWNER: &str = "111122223333";
    const USES: &[&str] = &["Decrypt", "ReEncrypt", "Sign"];
    assert_eq!(last_use(&store, OWNER, KEY, USES, 0).unwrap(), None);
    three(&store).await;
    let used = last_use(&store, OWNER, KEY, USES, 0).unwrap().unwrap();
    assert_eq!((used.event_name.as_str(), used.time_ms), ("Decrypt", 2_000));
    assert_eq!(used.request_id, Some(RequestId::from_random([1; 16]).to_string()));
    // Its one call was refused.
    assert_eq!(last_use(&store, OWNER, OTHER, USES, 0).unwrap(), None);
    let both = vec![KEY.to_owned(), OTHER.to_owned()];
    let two = Case { time_ms: 4_000, arns: both, ..Case::new(ada(), "ReEncrypt") };
    commit(&store, two.with(|record| prepare(record).unwrap())).await;
    for n in 0..100 {
        let case = Case { time_ms: 5_000 + n, ..Case::new(ada(), "DescribeKey") };
        commit(&store, case.with(|record| prepare(record).unwrap())).await;
    }
    // Another account's copy of it, which came after, is not the owner's to find.
    let in_book_of = AccountId::parse("444455556666").unwrap();
    let arns = vec![KEY.to_owned(), OTHER.to_owned()];
    let copy = Case { time_ms: 4_001, arns, in_book_of, ..Case::new(ada(), "ReEncrypt") };
    commit(&store, copy.with(|record| prepare(record).unwrap())).await;
    for key in [KEY, OTHER] {
        let used = last_use(&store, OWNER, key, USES, 0).unwrap().unwrap();
        assert_eq!((used.event_name.as_str(), used.time_ms), ("ReEncrypt", 4_000));
    }
    assert_eq!(last_use(&store, OWNER, KEY, &["Sign"], 0).unwrap(), None);
}

/// A role finds all its sessions, a session only itself; and once it is erased,
/// nothing of it finds the record, in the index as before it.
#[tokio::test]
async fn what_was_erased_finds_nothing() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    three(&store).await;
    let session = "principal=arn:aws:sts::111122223333:assumed-role/app/i-0123";
    let cases: &[(&str, usize, usize)] = &[
        (session, 1, 0),
        ("principal=arn:aws:iam::111122223333:role/app", 1, 1),
        ("sourceIp=2001:db8::1", 1, 0),
        ("context=tenant=7", 2, 1),
        ("context=tenant", 2, 2),
    ];
    let rows = |text: &str| query(&store, &written(&[text])).unwrap().records.len();
    for (text, before, _) in cases {
        assert_eq!(rows(text), *before, "{text}");
    }
    let fields = vec![Field::UserIdentity, Field::SourceIpAddress, Field::EncryptionContext];
    let of = Events::That(Filter { cursor: None, ..written(&[session]) });
    let by = RequestId::from_random([8; 16]);
    let planned = plan_erasure(&store, &Erasure { of, fields, by }).unwrap();
    assert_eq!(planned.event_ids.len(), 1);
    let event = Case::new(ada(), "EraseEventFields").with(|record| prepare(record).unwrap());
    let unit = Unit { changes: vec![planned.change], event, further: Vec::new() };
    store.commit(unit).await.unwrap();
    // Within the round of the index that takes in the record of it.
    all_indexed(&store).await;
    for (text, _, after) in cases {
        assert_eq!(rows(text), *after, "{text}");
    }
}

#[tokio::test]
async fn an_export_is_the_pages_and_news_are_all_that_came() {
    let folder = TempDir::new().unwrap();
    let store = open(&folder);
    let mut texts = three(&store).await;
    texts.extend(three(&store).await);
    for (written, fit) in [(&[][..], 6), (&["eventName=Encrypt"], 2), (&["errorCode=none"], 4)] {
        let filter = Filter { limit: 2, ..self::written(written) };
        let paged: Vec<String> =
            pages(&store, filter.clone()).flat_map(|page| page.unwrap().records).collect();
        let (mut lines, mut rows) = (String::new(), String::new());
        for (form, all) in [(Form::Ndjson, &mut lines), (Form::Csv, &mut rows)] {
            let mut export = Export::new(&store, filter.clone(), form).unwrap();
            while let Some(piece) = export.piece(&store).unwrap() {
                all.push_str(&String::from_utf8(piece).unwrap());
            }
        }
        let want: String = paged.iter().map(|record| format!("{record}\n")).collect();
        assert_eq!((lines, paged.len()), (want, fit), "{written:?}");
        assert_eq!(rows.matches("\r\n").count(), fit + 1);
        assert_eq!(rows.matches("eventTime").count(), 1);

        let mut oldest_first = paged;
        oldest_first.reverse();
        let news = newer(&store, &filter, 0).unwrap();
        let came: Vec<&String> = news.records.iter().map(|recorded| &recorded.record).collect();
        assert_eq!((came, news.seq), (oldest_first.iter().collect(), 6), "{written:?}");
    }
    let news = newer(&store, &all(), 4).unwrap();
    let seqs: Vec<i64> = news.records.iter().map(|recorded| recorded.position.seq).collect();
    assert_eq!((seqs, news.seq), (vec![5, 6], 6));
    let news = newer(&store, &Filter { text: vec!["NO SUCH".to_owned()], ..all() }, 0).unwrap();
    assert_eq!((news.records.len(), news.seq), (0, 6));
    assert_eq!(newer(&store, &all(), 6).unwrap().seq, 6);
}
