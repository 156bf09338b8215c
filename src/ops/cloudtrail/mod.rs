//! AWS CloudTrail: the book as its clients look it up, and the trail of log files
//! (AWS CloudTrail API Reference). There is one trail, made by the settings of the
//! server, and every account sees it as its own.
//!
//! Deliberately absent: the delivery of log files (`audit::trail`), and all that
//! makes or changes trails, channels and event data stores.

use super::ctx::Ctx;
use super::operation::Entry;

mod describe_trails;
mod get_trail;
mod get_trail_status;
mod list_public_keys;
mod list_trails;
mod lookup_events;
mod shapes;

/// The operations, sorted by name.
pub static TABLE: &[Entry<Ctx>] = &[
    Entry::of::<describe_trails::DescribeTrails>(),
    Entry::of::<get_trail::GetTrail>(),
    Entry::of::<get_trail_status::GetTrailStatus>(),
    Entry::of::<list_public_keys::ListPublicKeys>(),
    Entry::of::<list_trails::ListTrails>(),
    Entry::of::<lookup_events::LookupEvents>(),
];

/// The operations of AWS CloudTrail that this server does not have (botocore
/// 1.44.5), sorted.
pub const UNSUPPORTED: &[&str] = &[
    "AddTags",
    "CancelQuery",
    "CreateChannel",
    "CreateDashboard",
    "CreateEventDataStore",
    "CreateTrail",
    "DeleteChannel",
    "DeleteDashboard",
    "DeleteEventDataStore",
    "DeleteResourcePolicy",
    "DeleteTrail",
    "DeregisterOrganizationDelegatedAdmin",
    "DescribeQuery",
    "DisableFederation",
    "EnableFederation",
    "GenerateQuery",
    "GetChannel",
    "GetDashboard",
    "GetEventConfiguration",
    "GetEventDataStore",
    "GetEventSelectors",
    "GetImport",
    "GetInsightSelectors",
    "GetQueryResults",
    "GetResourcePolicy",
    "ListChannels",
    "ListDashboards",
    "ListEventDataStores",
    "ListImportFailures",
    "ListImports",
    "ListInsightsData",
    "ListInsightsMetricData",
    "ListQueries",
    "ListTags",
    "PutEventConfiguration",
    "PutEventSelectors",
    "PutInsightSelectors",
    "PutResourcePolicy",
    "RegisterOrganizationDelegatedAdmin",
    "RemoveTags",
    "RestoreEventDataStore",
    "SearchSampleQueries",
    "StartDashboardRefresh",
    "StartEventDataStoreIngestion",
    "StartImport",
    "StartLogging",
    "StartQuery",
    "StopEventDataStoreIngestion",
    "StopImport",
    "StopLogging",
    "UpdateChannel",
    "UpdateDashboard",
    "UpdateEventDataStore",
    "UpdateTrail",
];
