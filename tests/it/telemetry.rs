//! What the real program tells those who run it.

use std::fs;

use serde_json::json;

use crate::calls::Scene;
use crate::fixture::REGION;
use crate::fixture::collector::Collector;
use crate::fixture::program::Home;

#[test]
fn calls_are_seen_in_metrics_and_traces() {
    let (home, collector) = (Home::new(), Collector::start());
    let program = home.serve(&["--otlp-endpoint", &collector.url, "--key-metrics"]);
    let nobody = program.new_user("nobody", "");
    let scene = Scene::set(&program, "scene");
    let (_, unsigned) = scene.request("Decrypt");
    let answers = [
        scene.call(&program, "Decrypt"),
        scene.call(&program, "Decrypt"),
        scene.call_as(&program, &nobody, "Decrypt"),
        program.send(&unsigned),
    ];
    let metrics = program.look("/metrics");
    assert_eq!(metrics.header("content-type"), Some("text/plain; version=0.0.4; charset=utf-8"));
    let (metrics, key) = (metrics.text(), &scene.key);
    for line in [
        r#"wardbook_call_duration_seconds_count{wardbook_operation="Decrypt",wardbook_service="kms"} 2"#,
        r#"wardbook_call_duration_seconds_count{error_type="AccessDeniedException",wardbook_operation="Decrypt",wardbook_service="kms"} 1"#,
        r#"wardbook_call_duration_seconds_count{error_type="MissingAuthenticationTokenException",wardbook_operation="Decrypt",wardbook_service="kms"} 1"#,
        r#"wardbook_call_duration_seconds_count{wardbook_operation="CreateUser",wardbook_service="iam"} 2"#,
        &format!(
            r#"wardbook_key_requests_total{{cloud_region="{REGION}",wardbook_key="{key}",wardbook_operation="Decrypt"}} 2"#
        ),
        &format!(
            r#"wardbook_key_requests_total{{cloud_region="{REGION}",error_type="AccessDeniedException",wardbook_key="{key}",wardbook_operation="Decrypt"}} 1"#
        ),
        "wardbook_store_writable 1",
        "wardbook_store_queue_length 0",
    ] {
        assert!(metrics.lines().any(|other| other == line), "{line}\nis not in\n{metrics}");
    }
    // Nobody chooses what the labels say.
    program.call("A name that a stranger chose", &json!({}));
    let metrics = program.look("/metrics").text();
    assert!(metrics.contains(r#"wardbook_operation="UnknownOperation""#));
    assert!(!metrics.contains("stranger"));

    program.terminate();
    let posts = collector.posts();
    let sent = |path: &str| -> Vec<u8> {
        posts.iter().filter(|(other, _)| other == path).flat_map(|(_, body)| body.clone()).collect()
    };
    let (traces, numbers) = (sent("/v1/traces"), sent("/v1/metrics"));
    let holds = |bytes: &[u8], text: &str| {
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    for answer in &answers {
        assert!(holds(&traces, answer.request_id()), "{answer:?}");
    }
    assert!(holds(&traces, "AccessDeniedException"));
    assert!(holds(&numbers, "wardbook.call.duration"));
    assert!(holds(&numbers, "wardbook.store.wal.size"));
    // A log is for what is not ordinary.
    let log = fs::read_to_string(home.log()).unwrap();
    assert_eq!(log.lines().count(), 1, "{log}");
    assert!(log.ends_with(" INFO wardbook::app::serve: stopping\n"), "{log}");
}

/// A collector that is gone costs a line in the log, and no call.
#[test]
fn a_collector_that_is_gone_is_no_trouble() {
    let home = Home::new();
    let program = home.serve(&["--otlp-endpoint", "http://127.0.0.1:9"]);
    program.new_key();
    program.terminate();
    let log = fs::read_to_string(home.log()).unwrap();
    assert!(log.contains("the last telemetry was not sent"), "{log}");
}

#[test]
fn remotes_are_seen_before_anybody_has_called_them() {
    let home = Home::new();
    let config = home.data().with_file_name("settings.toml");
    // Of an account that is not there, or the server would ask it at the start.
    let settings = "[remotes.far]\nregion = 'us-west-2'\naccounts = ['444455556666']\n";
    fs::write(&config, settings).unwrap();
    let program = home.serve(&["--config", config.to_str().unwrap()]);
    let ready = program.look("/health/ready").json();
    assert_eq!(ready["status"], "ready");
    let far = json!({
        "breaker": "closed", "inFlight": 0, "lastAnswer": null, "lastFailure": null,
    });
    assert_eq!(ready["remotes"], json!({ "far": far }));
    let metrics = program.look("/metrics").text();
    let line = r#"wardbook_remote_available{wardbook_remote_name="far"} 1"#;
    assert!(metrics.lines().any(|other| other == line), "{metrics}");
}
