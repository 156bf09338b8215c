//! Brings a database up to the schema that this program knows.

use rusqlite::Connection;

use super::tx::classify;
use crate::store::Error;

/// Takes every step that the database has not taken, each in a transaction of
/// its own together with its number.
pub(super) fn migrate(connection: &Connection, steps: &[&str]) -> Result<(), Error> {
    let known = i64::try_from(steps.len()).unwrap_or(i64::MAX);
    let found = version(connection)?;
    if found > known {
        return Err(Error::SchemaTooNew { found, known });
    }
    let taken = usize::try_from(found).unwrap_or(0);
    for (number, step) in (1_i64..).zip(steps).skip(taken) {
        let sql = format!("begin immediate;\n{step}\n;pragma user_version = {number};\ncommit;");
        connection.execute_batch(&sql).map_err(|cause| classify("migrate.step", cause))?;
    }
    Ok(())
}

/// The number of the last step that the database has taken.
pub(super) fn version(connection: &Connection) -> Result<i64, Error> {
    connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(|cause| classify("migrate.version", cause))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::migrations::BOOK;

    #[test]
    fn takes_each_step_once_and_refuses_a_newer_database() {
        let connection = Connection::open_in_memory().unwrap();
        let steps = ["create table a (x integer);", "create table b (x integer)"];
        migrate(&connection, &steps[..1]).unwrap();
        assert_eq!(version(&connection).unwrap(), 1);
        migrate(&connection, &steps).unwrap();
        migrate(&connection, &steps).unwrap();
        assert_eq!(version(&connection).unwrap(), 2);
        connection.execute("insert into b values (1)", []).unwrap();
        let refused = migrate(&connection, &steps[..1]);
        assert!(matches!(refused, Err(Error::SchemaTooNew { found: 2, known: 1 })));
    }

    #[test]
    fn roles_from_before_trust_their_account() {
        let connection = Connection::open_in_memory().unwrap();
        let (before, _) = BOOK.split_at(3);
        migrate(&connection, before).unwrap();
        let rows = "insert into principals values ('AIDA1', '444455556666', 'user', 'u', 7);\
                    insert into principals values ('AROA1', '444455556666', 'role', 'r', 9);";
        connection.execute_batch(rows).unwrap();
        migrate(&connection, BOOK).unwrap();
        let text = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, String>(0));
        let trust = text("select trust || trust_principals from principals where kind = 'role'");
        // As `default_trust_policy` has it.
        let want = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":["sts:AssumeRole","sts:TagSession"]}]}{}"#;
        assert_eq!(trust.unwrap(), want);
        let others = "select count(*) || '' from principals where kind = 'user' and trust is null";
        assert_eq!(text(others).unwrap(), "1");
        let account = text("select account || ' ' || created_ms from accounts");
        assert_eq!(account.unwrap(), "444455556666 7");
    }

    #[test]
    fn a_step_that_fails_is_not_taken() {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, &["create table a (x integer); nonsense;"]).unwrap_err();
        assert_eq!(version(&connection).unwrap(), 0);
    }
}
