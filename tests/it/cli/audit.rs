//! The commands that take the book out of a server, or follow it.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use serde_json::{Value, json};

use super::{ACCOUNT, Program, REGION};
use crate::fixture::program::spawn;
use crate::fixture::wait_until;

#[test]
fn the_book_is_exported_to_a_file() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    for name in ["a", "b"] {
        program.json(&["principal", "create-user", name]);
    }
    let export = |format: &str| {
        let arguments =
            ["audit", "export", "--event-name", "CreateUser", "--not", "error-code=any"];
        let file = ["--format", format, "--output", "book"];
        let told = program.json(&[&arguments[..], &file].concat());
        let text = std::fs::read_to_string(program.path("book")).unwrap();
        assert_eq!(told, json!({ "output": "book", "events": 2, "bytes": text.len() }));
        text
    };
    let lines = export("ndjson");
    let mode = std::fs::metadata(program.path("book")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let query = ["audit", "query", "--event-name", "CreateUser", "--all", "--json"];
    assert_eq!(lines, program.run(&query).stdout);
    let json: Value = serde_json::from_str(&export("json")).unwrap();
    let records: Vec<String> =
        json["Records"].as_array().unwrap().iter().map(Value::to_string).collect();
    assert_eq!(records.iter().map(|record| format!("{record}\n")).collect::<String>(), lines);
    let table = export("csv");
    assert_eq!(table.lines().count(), 3);
    assert!(table.lines().nth(1).unwrap().contains(",iam.wardbook,CreateUser,false,,"));

    let bad = ["audit", "export", "--from", "yesterday", "--output", "other"];
    program.run(&bad).refused(1, "ValidationException");
    program.run(&["audit", "export", "--output", "none/x"]).refused(1, "cannot write none/x");
    assert!(!program.path("other").exists());
    let names = std::fs::read_dir(program.path("")).unwrap();
    let left = names.filter(|name| {
        name.as_ref().unwrap().file_name().to_str().is_some_and(|name| name.ends_with(".part"))
    });
    assert_eq!(left.count(), 0);
}

#[test]
fn the_book_is_followed() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    program.json(&["principal", "create-user", "a"]);
    let follow = ["audit", "query", "--follow", "--after", "0", "--event-name", "CreateUser"];
    let mut command = program.command(&[&follow[..], &["--json"]].concat());
    let mut child = spawn(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut next = || {
        let record: Value = serde_json::from_str(&said.next().unwrap().unwrap()).unwrap();
        record["requestParameters"]["userName"].clone()
    };
    assert_eq!(next(), "a");
    program.json(&["principal", "create-user", "b"]);
    assert_eq!(next(), "b");
    drop(child.kill());
    drop(child.wait());
    program.run(&["audit", "query", "--follow", "--all"]).refused(2, "--follow");
    program.run(&["audit", "query", "--follow", "--after", "99999"]).refused(1, "lastEventId");
}

#[test]
fn following_ends_with_its_time() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    let follow = ["audit", "query", "--follow", "--after", "0", "--to", "2020-01-01"];
    let ended = program.run(&follow);
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(0), ""), "{}", ended.stderr);
    let asked = program.run(&["audit", "query", "--event-name", "FollowEvents", "--json"]);
    assert_eq!(asked.stdout.lines().count(), 1, "{}", asked.stdout);
}

/// A server that breaks the stream where it begins is not asked for ever.
#[test]
fn a_stream_that_breaks_is_an_error() {
    let mut program = Program::new();
    program.init();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    program.set("WARDBOOK_ENDPOINT", &format!("http://{}", listener.local_addr().unwrap()));
    let server = std::thread::spawn(move || {
        // First behind two records, then where these ended.
        for stream in [":\nid: 7\n\nid: 8\ndata: {}\n\n", ":\nid: 8\n\n"] {
            let (mut connection, _) = listener.accept().unwrap();
            let asked = BufReader::new(connection.try_clone().unwrap()).lines().next().unwrap();
            assert!(asked.unwrap().contains("/v1/audit/events/follow?lastEventId="));
            let head = "HTTP/1.1 200 OK\r\ncontent-length: 9999\r\n\r\n";
            connection.write_all(format!("{head}{stream}").as_bytes()).unwrap();
        }
    });
    let ended = program.run(&["audit", "query", "--follow", "--after", "7", "--json"]);
    server.join().unwrap();
    assert_eq!(ended.stdout, "{}\n");
    assert!(ended.stderr.contains("the connection to the server is gone"), "{}", ended.stderr);
    assert_ne!(ended.code, Some(0));
}

#[test]
fn the_view_is_asked_in_sql() {
    let mut program = Program::new();
    program.init();
    let server = program.serve(&[]);
    program.json(&["principal", "create-user", "a"]);
    let sql = |statement: &str, more: &[&str]| {
        program.run(&[&["audit", "sql", "--data", "data", statement], more].concat())
    };
    let created = "select event_name, error_code, count(*) as n, 1.5 from events \
                   where event_name = 'CreateUser' group by 1";
    let table = sql(created, &[]).stdout;
    let rows: Vec<Vec<&str>> =
        table.lines().map(|line| line.split_whitespace().collect()).collect();
    assert_eq!(rows[0], ["event_name", "error_code", "n", "1.5"]);
    assert_eq!(rows[1][..2], ["CreateUser", "-"]);
    let lines = sql(created, &["--json"]).stdout;
    let row: Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((&row["event_name"], &row["error_code"]), (&json!("CreateUser"), &Value::Null));
    let cut = sql("select seq from events order by seq", &["--limit", "1"]);
    assert_eq!(cut.stdout, "seq\n1\n");
    assert!(cut.stderr.contains("There are more rows"), "{}", cut.stderr);
    let joined = "with days as (select substr(event_time, 1, 10) as day from events) \
                  select day, count(*) from days group by day having count(*) > 0";
    assert_eq!(sql(joined, &[]).code, Some(0));
    let window = "select seq, row_number() over (partition by event_name order by seq) from events";
    assert_eq!(sql(window, &[]).code, Some(0));

    let reads = "select f.plain from field_reads f join events e on e.seq = f.seq";
    assert_eq!(sql(reads, &[]).stdout, "plain\n");

    for statement in [
        "select shared from event_field_reads",
        "with field_reads as (select reference from event_field_reads) select * from field_reads",
        "select * from keys",
        "select body from event_log",
        "select value from names",
        "with events as (select body from event_log) select * from events",
        "with events as (select value from names) select * from events, main.events",
        "with behind_0_ as (select value from names) select * from behind_0_",
        "select name from temp.sqlite_master",
        "select count(*) from keys",
        "select count(*) from sqlite_schema",
        "select count(*) from temp.sqlite_schema",
        "select * from sqlite_schema",
        "select * from pragma_table_list",
        "delete from events",
        "delete from event_log",
        "create table x (y)",
        "create temp table x as select 1",
        "create temp view events as select * from event_log",
        "attach 'x.db' as x",
        "vacuum into 'x.db'",
        "pragma query_only = off",
        "begin",
        "select load_extension('x')",
        "select 1; select 2",
        "selct 1",
    ] {
        sql(statement, &[]).refused(1, "the statement is refused");
    }
    let endless =
        "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n";
    sql(endless, &["--seconds", "0"]).refused(1, "the statement took longer than 0 seconds");

    drop(server);
    // A copy of the file alone, which nobody can write.
    std::fs::copy(program.path("data/wardbook.db"), program.path("copy.db")).unwrap();
    let copy = ["audit", "sql", "--data", "copy.db", "select count(*) as n from events", "--json"];
    assert_eq!(program.run(&copy).code, Some(0));
    program.run(&["audit", "sql", "--data", "none", "select 1"]).refused(1, "No such file");
}

#[test]
fn statements_of_any_kind_are_answered() {
    let program = Program::new();
    program.json(&["init", "--data", "data", "--account", ACCOUNT, "--region", REGION]);
    let sql = |statement: &str, more: &[&str]| {
        program.run(&[&["audit", "sql", "--data", "data", statement], more].concat())
    };
    let csv = sql("select '=1' as a, -1 as b, null as c, x'0aff' as d", &["--format", "csv"]);
    assert_eq!(csv.stdout, "a,b,c,d\n'=1,-1,,0aff\n");
    let named_twice = sql("select 1 as a, 2 as a, 3 as \"a:1\", 4 as a", &["--json"]).stdout;
    assert_eq!(named_twice, "{\"a\":1,\"a:1\":2,\"a:1:1\":3,\"a:2\":4}\n");
    let infinite = sql("select 9e999 as a, -9e999 as b, 9e999 - 9e999 as c", &["--json"]).stdout;
    assert_eq!(infinite, "{\"a\":\"Infinity\",\"b\":\"-Infinity\",\"c\":null}\n");
    for statement in ["", " ; ", "/* select 1 */"] {
        sql(statement, &[]).refused(1, "the statement is refused: it asks for nothing");
    }
}

/// How far the search index is, as its file says.
fn indexed(program: &Program) -> i64 {
    let index = rusqlite::Connection::open(program.path("data/index.db")).unwrap();
    index.query_row("select seq from progress", [], |row| row.get(0)).unwrap()
}

#[test]
fn the_search_index_is_verified() {
    let mut program = Program::new();
    program.init();
    let server = program.serve(&[]);
    program.json(&["principal", "create-user", "ada"]);
    let created = program.json(&["audit", "query", "--event-name", "CreateUser"]);
    assert_eq!(created["eventName"], "CreateUser");
    let last = program.json(&["audit", "sql", "--data", "data", "select max(seq) n from events"]);
    wait_until(|| indexed(&program) >= last["n"].as_i64().unwrap());
    server.stop(rustix::process::Signal::TERM);

    let verify = ["audit", "verify", "--data", "data", "--index"];
    let report = program.json(&verify);
    assert_eq!(report["intact"], true);
    let compared = &report["index"];
    assert_eq!(compared["state"], "compared");
    let taken_in = compared["records"].as_i64().unwrap();
    assert_eq!(taken_in, indexed(&program));
    assert_eq!(taken_in + compared["behind"].as_i64().unwrap(), report["records"]);
    let said = program.run(&verify);
    assert!(said.stdout.contains("the search index has what the log says"), "{}", said.stdout);

    let change = |sql: &str| {
        let index = rusqlite::Connection::open(program.path("data/index.db")).unwrap();
        index.execute_batch(sql).unwrap();
    };
    // Nobody finds ada's record by its event any more.
    change("delete from postings where value = (select id from texts where value = 'CreateUser')");
    let changed = program.run(&verify);
    assert_eq!(changed.code, Some(1), "{}", changed.stderr);
    assert!(changed.stdout.contains("search index"), "{}", changed.stdout);
    let without = program.run(&verify[..4]);
    assert_eq!(without.code, Some(0), "{}", without.stderr);

    change("pragma user_version = 1");
    let other = program.run(&verify);
    assert!(
        other.code == Some(0) && other.stdout.contains("of another program"),
        "{}",
        other.stdout
    );
    for file in ["index.db", "index.db-wal", "index.db-shm"] {
        std::fs::remove_file(program.path("data").join(file)).ok();
    }
    let none = program.run(&verify);
    assert!(none.code == Some(0) && none.stdout.contains("no search index"), "{}", none.stdout);
}

/// Nobody looks at the clock within one.
#[test]
fn one_function_of_a_statement_is_bounded() {
    let program = Program::new();
    program.json(&["init", "--data", "data", "--account", ACCOUNT, "--region", REGION]);
    for long in [
        "select length(zeroblob(2000000000))",
        "select replace(hex(zeroblob(8000000)), '0', 'aaaa') like 'a'",
        "select 'a' like '%' || replace(hex(zeroblob(600)), '0', 'a%')",
    ] {
        program
            .run(&["audit", "sql", "--data", "data", long])
            .refused(1, "the statement is refused");
    }
}

#[test]
fn the_field_read_book_answers() {
    let mut program = Program::new();
    program.init();
    let _server = program.serve(&[]);
    let schema = json!({
        "tableName": "People", "partitionKeyName": "id", "keyId": "alias/aws/dynamodb",
        "algorithmSuite": "0x6700",
        "attributeActionsOnEncrypt": { "id": "SIGN_ONLY", "ssn": "ENCRYPT_AND_SIGN" },
    });
    program.write("people.json", &schema.to_string());
    program.json(&["schema", "apply", "people.json"]);
    let convert = |verb: &str, stdin: &str| {
        let asked = ["items", verb, "--schema", "people", "--format", "json"];
        let ended = program.run_with(&asked, stdin);
        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        ended.stdout
    };
    let people = "{\"id\":\"41\",\"ssn\":\"1\"}\n{\"id\":\"42\",\"ssn\":\"2\"}\n";
    let encrypted = convert("encrypt", people);
    assert_eq!(convert("decrypt", &encrypted), people);

    let ask = |more: &[&str]| program.run(&[&["audit", "field-reads"], more].concat());
    let of_one = ["--table", "people", "--key", "42", "--attribute", "ssn"];
    let table = ask(&of_one).stdout;
    let row = table.lines().nth(1).unwrap();
    for text in ["user/admin", "People", "42", "ssn=plain", "returned", "AdministratorAccess"] {
        assert!(row.contains(text), "{table}");
    }
    assert_eq!(table.lines().count(), 2);
    let lines = ask(&[&of_one[..], &["--json"]].concat()).stdout;
    let read: Value = serde_json::from_str(&lines).unwrap();
    assert_eq!((&read["attributes"], &read["item"]), (&json!({ "ssn": "plain" }), &json!(1)));
    assert_eq!(ask(&["--count-by", "attribute"]).stdout, "GROUP  READS\nssn    2\n");
    let counted = ask(&["--count-by", "kind", "--json"]).stdout;
    assert_eq!(counted, "{\"group\":\"returned\",\"reads\":2}\n");
    let first = ask(&["--limit", "1", "--json"]);
    let cursor = first.stderr.trim().rsplit(' ').next().unwrap();
    let second = ask(&["--limit", "1", "--json", "--cursor", cursor]).stdout;
    assert_ne!(second, first.stdout);
    ask(&["--key", "42"]).refused(1, "key needs table");
    ask(&["--sort-key", "42"]).refused(2, "--key");

    let view = "select item, kind, table_name, schema_version, plain, masked from field_reads";
    let asked = program.run(&["audit", "sql", "--data", "data", "--format", "csv", view]).stdout;
    let want = "item,kind,table_name,schema_version,plain,masked\n\
                0,returned,People,1,\"[\"\"ssn\"\"]\",\n1,returned,People,1,\"[\"\"ssn\"\"]\",\n";
    assert_eq!(asked, want);
}
