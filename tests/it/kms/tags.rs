//! TagResource, UntagResource, ListResourceTags.

use aws_sdk_kms::types::Tag;

use super::{arn, invalid};
use crate::fixture::{Server, refused};

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().tag_key(key).tag_value(value).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_are_added_changed_and_taken_off() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let list = || async {
        let tags = kms.list_resource_tags().key_id(&id).send().await.unwrap();
        assert!(!tags.truncated());
        tags.tags.unwrap_or_default()
    };
    assert!(list().await.is_empty());
    let tags = kms.tag_resource().key_id(&id).tags(tag("b", "1")).tags(tag("a", ""));
    tags.send().await.unwrap();
    kms.tag_resource().key_id(arn(&id)).tags(tag("b", "2")).send().await.unwrap();
    assert_eq!(list().await, [tag("a", ""), tag("b", "2")]);
    let untag = kms.untag_resource().key_id(&id).tag_keys("a").tag_keys("never there");
    untag.send().await.unwrap();
    assert_eq!(list().await, [tag("b", "2")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn tags_follow_the_rules() {
    let server = Server::start();
    let kms = server.kms();
    let id = server.new_key();
    let put = |tags: Vec<Tag>| kms.tag_resource().key_id(&id).set_tags(Some(tags)).send();
    let exception = "TagException";
    refused(put(vec![tag("a", "1"), tag("a", "2")]).await, exception, "Duplicate tag keys");
    refused(put(vec![tag("AWS:x", "1")]).await, exception, "Tags beginning with aws: are reserved");
    let many = |from: u8, to: u8| (from..to).map(|at| tag(&at.to_string(), "")).collect();
    refused(put(many(0, 51)).await, exception, "Too many tags");
    put(many(0, 50)).await.unwrap();
    refused(put(vec![tag("one more", "")]).await, exception, "Too many tags");
    put(vec![tag("49", "changed")]).await.unwrap();
    refused(
        put(vec![tag(&"k".repeat(129), "")]).await,
        "ValidationException",
        &invalid(&format!(
            "Value '{}' at 'tags.1.member.tagKey' failed to satisfy constraint: Member must have \
             length less than or equal to 128",
            "k".repeat(129)
        )),
    );
    refused(
        put(vec![tag("k", &"v".repeat(257))]).await,
        "ValidationException",
        &invalid(&format!(
            "Value '{}...' at 'tags.1.member.tagValue' failed to satisfy constraint: Member must \
             have length less than or equal to 256",
            "v".repeat(256)
        )),
    );
    let page = kms.list_resource_tags().key_id(&id).limit(20).send().await.unwrap();
    assert_eq!(page.tags().len(), 20);
    assert!(page.truncated());
    let mut listed = 0;
    let mut pages = kms.list_resource_tags().key_id(&id).into_paginator().page_size(20).send();
    while let Some(page) = pages.next().await {
        listed += page.unwrap().tags().len();
    }
    assert_eq!(listed, 50);
    refused(
        kms.list_resource_tags().key_id(&id).limit(51).send().await,
        "ValidationException",
        &invalid(
            "Value '51' at 'limit' failed to satisfy constraint: Member must have value less \
             than or equal to 50",
        ),
    );
}
