//! The command line as users type it.

use clap::{CommandFactory, Parser};

use super::CommandLine;

#[test]
fn the_definition_holds_together() {
    CommandLine::command().debug_assert();
}

#[track_caller]
fn check(line: &str, accepted: bool) {
    let parsed = CommandLine::try_parse_from(line.split(' '));
    assert_eq!(parsed.is_ok(), accepted, "{line}");
}

#[test]
fn the_fixed_interfaces_are_accepted() {
    check("wardbook init --data d --account 111122223333 --region eu-central-1 --json", true);
    check("wardbook serve --data d --listen 127.0.0.1:0 --json", true);
    check("wardbook principal create-user ada --endpoint http://h --json", true);
    check("wardbook principal --endpoint http://h create-role r --json", true);
    check("wardbook principal attach-policy --user-name a --policy-name p file", true);
    check("wardbook principal list --json", true);
    check("wardbook principal create-access-key ada --json", true);
    check("wardbook principal delete-access-key ada AKIAEXAMPLE", true);
    check("wardbook principal deactivate-access-key ada AKIAEXAMPLE", true);
    check("wardbook audit query --event-name Decrypt --read-only true --limit 5", true);
    check("wardbook audit query --source-ip 10.0.0.0/8 --source-ip ::1 --not key-id=x", true);
    check("wardbook audit query --context tenant=7 --text needle --error-code any", true);
    check("wardbook audit count --by day,principal --json", true);
    check("wardbook audit export --format csv --output f --event-name Decrypt --text x", true);
    check("wardbook audit query --follow --after 7 --error-code any", true);
    check("wardbook audit sql --data d --format csv --limit 5 --seconds 9 select", true);
    check("wardbook items encrypt --schema customers --format dynamodb -", true);
    check("wardbook items decrypt --schema customers", true);
    check("wardbook describe-ops --json", true);
    check("wardbook policy explain --principal a --action kms:Decrypt --key k --context a=b", true);
    check("wardbook policy explain --request-id u --json", true);
    check("wardbook policy simulate --request-id u", true);
    check("wardbook policy simulate --principal a --action b --key k --policy f --via s", true);
    check("wardbook policy who-can --key k --action kms:Decrypt", true);
    check("wardbook policy what-can --principal a", true);
    check("wardbook policy diff old new", true);
    check("wardbook policy diff --key k new", true);
    check("wardbook policy put --key k file --tests t --no-wider", true);
    check("wardbook policy test policy tests", true);
    check("wardbook policy check --kind identity file", true);
    check("wardbook policy lint file --json", true);
    check("wardbook demo --json", true);
}

#[test]
fn what_makes_no_sense_is_refused() {
    check("wardbook", false);
    check("wardbook serve --passphrase secret", false);
    check("wardbook principal attach-policy --policy-name p file", false);
    check("wardbook principal attach-policy --user-name a --role-name b --policy-name p f", false);
    check("wardbook audit query --all --limit 5", false);
    check("wardbook audit query --follow --limit 5", false);
    check("wardbook audit query --after 5", false);
    check("wardbook audit export --format csv", false);
    check("wardbook items encrypt --schema s --format xml", false);
    check("wardbook policy explain --principal a", false);
    check("wardbook policy diff old", false);
    check("wardbook policy explain --request-id u --key k", false);
    check("wardbook policy explain --principal a --action b --context c", false);
    check("wardbook serve --passphrase-fd 3 --passphrase-file f", false);
}

/// Every command tells what it is; a line of help that is missing shows here.
#[test]
fn every_command_and_flag_has_help() {
    fn visit(command: &clap::Command, path: &str) {
        let path = format!("{path} {}", command.get_name());
        assert!(command.get_about().is_some(), "{path}");
        for argument in command.get_arguments() {
            let known = argument.get_help().is_some();
            assert!(known, "{path}: {}", argument.get_id());
        }
        for inner in command.get_subcommands() {
            visit(inner, &path);
        }
    }
    visit(&CommandLine::command(), "");
}
