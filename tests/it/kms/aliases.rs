//! CreateAlias, UpdateAlias, DeleteAlias, ListAliases.

use super::{NO_KEY, alias_arn, arn, invalid};
use crate::fixture::{Server, refused};

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_points_to_one_key_at_a_time() {
    let server = Server::start();
    let kms = server.kms();
    let (first, second) = (server.new_key(), server.new_key());
    kms.create_alias().alias_name("alias/app").target_key_id(&first).send().await.unwrap();
    for name in ["alias/app".to_owned(), alias_arn("alias/app")] {
        let found = kms.describe_key().key_id(name).send().await.unwrap();
        assert_eq!(found.key_metadata.unwrap().key_id(), first);
    }
    let made = kms.list_aliases().key_id(&first).send().await.unwrap().aliases.unwrap();
    assert_eq!(made.len(), 1);
    assert_eq!(made[0].alias_name(), Some("alias/app"));
    assert_eq!(made[0].alias_arn(), Some(alias_arn("alias/app").as_str()));
    assert_eq!(made[0].target_key_id(), Some(first.as_str()));
    assert_eq!(made[0].creation_date(), made[0].last_updated_date());

    kms.update_alias().alias_name("alias/app").target_key_id(arn(&second)).send().await.unwrap();
    let found = kms.describe_key().key_id("alias/app").send().await.unwrap();
    assert_eq!(found.key_metadata.unwrap().key_id(), second);
    let moved = kms.list_aliases().key_id(&second).send().await.unwrap().aliases.unwrap();
    assert_eq!(moved[0].creation_date(), made[0].creation_date());

    kms.delete_alias().alias_name("alias/app").send().await.unwrap();
    refused(
        kms.describe_key().key_id("alias/app").send().await,
        "NotFoundException",
        &format!("Alias {} is not found.", alias_arn("alias/app")),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn names_follow_the_rules() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let create = |name: &str| kms.create_alias().alias_name(name).target_key_id(&id).send();
    let validation = "ValidationException";
    refused(
        create("app").await,
        validation,
        "Alias must start with the prefix \"alias/\". Please see \
         https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html",
    );
    refused(
        create("alias/a b").await,
        validation,
        &invalid(
            "Value 'alias/a b' at 'aliasName' failed to satisfy constraint: Member must satisfy \
             regular expression pattern: ^[a-zA-Z0-9:/_-]+$",
        ),
    );
    refused(
        create("alias/a:b").await,
        "InvalidAliasNameException",
        "alias/a:b contains invalid characters for an alias",
    );
    refused(create("alias/aws/mine").await, "NotAuthorizedException", "");
    refused(
        kms.create_alias().alias_name("alias/b").target_key_id("alias/a").send().await,
        validation,
        "Aliases must refer to keys. Not aliases",
    );
    refused(
        kms.create_alias().alias_name("alias/b").target_key_id(NO_KEY).send().await,
        "NotFoundException",
        &format!("Key '{}' does not exist", arn(NO_KEY)),
    );
    create("alias/app").await.unwrap();
    refused(
        create("alias/app").await,
        "AlreadyExistsException",
        &format!("An alias with the name {} already exists", alias_arn("alias/app")),
    );
    let missing = format!("Alias {} is not found.", alias_arn("alias/none"));
    refused(
        kms.update_alias().alias_name("alias/none").target_key_id(&id).send().await,
        "NotFoundException",
        &missing,
    );
    refused(
        kms.delete_alias().alias_name("alias/none").send().await,
        "NotFoundException",
        &missing,
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_to_be_deleted_gets_no_alias_but_loses_one() {
    let server = Server::start();
    let kms = server.kms();
    let (leaving, staying) = (server.new_key(), server.new_key());
    for name in ["alias/a", "alias/b"] {
        kms.create_alias().alias_name(name).target_key_id(&leaving).send().await.unwrap();
    }
    kms.schedule_key_deletion().key_id(&leaving).send().await.unwrap();
    let pending = format!("{} is pending deletion.", arn(&leaving));
    for name in ["alias/c", "alias/d"] {
        refused(
            kms.create_alias().alias_name(name).target_key_id(&leaving).send().await,
            "KMSInvalidStateException",
            &pending,
        );
    }
    kms.update_alias().alias_name("alias/a").target_key_id(&staying).send().await.unwrap();
    refused(
        kms.update_alias().alias_name("alias/a").target_key_id(&leaving).send().await,
        "KMSInvalidStateException",
        &pending,
    );
    kms.delete_alias().alias_name("alias/b").send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_are_listed_in_name_order_of_all_keys_or_one() {
    let server = Server::start();
    let kms = server.kms();
    let (one, other) = (server.new_key(), server.new_key());
    for (name, key) in [("c", &one), ("a", &other), ("b", &one), ("d/e", &one)] {
        let name = format!("alias/{name}");
        kms.create_alias().alias_name(name).target_key_id(key).send().await.unwrap();
    }
    let mut listed = Vec::new();
    let mut pages = kms.list_aliases().into_paginator().page_size(3).items().send();
    while let Some(alias) = pages.next().await {
        listed.push(alias.unwrap().alias_name.unwrap());
    }
    assert!(listed.is_sorted());
    listed.retain(|name| !name.starts_with("alias/aws/"));
    assert_eq!(listed, ["alias/a", "alias/b", "alias/c", "alias/d/e"]);
    let of_one = kms.list_aliases().key_id(&one).send().await.unwrap();
    let names: Vec<_> = of_one.aliases().iter().filter_map(|alias| alias.alias_name()).collect();
    assert_eq!(names, ["alias/b", "alias/c", "alias/d/e"]);
    refused(
        kms.list_aliases().limit(101).send().await,
        "ValidationException",
        &invalid(
            "Value '101' at 'limit' failed to satisfy constraint: Member must have value less \
             than or equal to 100",
        ),
    );
    // A marker belongs to its list.
    let marker = kms.list_aliases().limit(1).send().await.unwrap().next_marker.unwrap();
    let foreign = kms.list_aliases().key_id(&one).marker(marker).send().await.unwrap_err();
    assert!(foreign.into_service_error().is_invalid_marker_exception());
}
