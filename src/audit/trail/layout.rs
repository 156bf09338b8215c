//! The names of files (CloudTrail User Guide, "CloudTrail log file name format"
//! and "CloudTrail digest file structure").

use sha2::{Digest, Sha256};

use super::NAME;
use crate::base::ids::Region;
use crate::base::timestamp;
use crate::store::trail::{Chain, Plan};

/// The names of one chain's files.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout<'a> {
    pub(super) prefix: Option<&'a str>,
    pub(super) chain: &'a Chain,
}

impl Layout<'_> {
    /// The log file of a plan that begins with the record `first_seq`. The last part
    /// tells files of the same minute apart; it is random with AWS, and follows from
    /// the plan here, so that the same plan has the same names, and no other one has.
    pub(super) fn log_file(&self, plan: Plan, first_seq: i64) -> String {
        let Chain { account, region } = self.chain;
        let folder = self.folder("CloudTrail", plan.stamp_ms);
        let stamp = timestamp::basic_minute(plan.stamp_ms);
        let unique = unique(self.chain, first_seq, plan);
        format!("{folder}/{account}_CloudTrail_{region}_{stamp}_{unique}.json.gz")
    }

    /// The digest of the period that ends at `end_ms`, of the trail at home in `home`.
    pub(super) fn digest_file(&self, end_ms: i64, home: &Region) -> String {
        let Chain { account, region } = self.chain;
        let folder = self.folder("CloudTrail-Digest", end_ms);
        let stamp = timestamp::basic(end_ms);
        format!("{folder}/{account}_CloudTrail-Digest_{region}_{NAME}_{home}_{stamp}.json.gz")
    }

    fn folder(&self, kind: &str, at_ms: i64) -> String {
        let Chain { account, region } = self.chain;
        let day = timestamp::path_date(at_ms);
        let path = format!("AWSLogs/{account}/{kind}/{region}/{day}");
        match self.prefix {
            Some(prefix) => format!("{prefix}/{path}"),
            None => path,
        }
    }
}

/// Sixteen letters and digits.
fn unique(chain: &Chain, first_seq: i64, plan: Plan) -> String {
    const SIGNS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let Chain { account, region } = chain;
    let Plan { seq: last_seq, stamp_ms } = plan;
    let text = format!("{account}/{region}/{first_seq}/{last_seq}/{stamp_ms}");
    let digest: [u8; 32] = Sha256::digest(text).into();
    let sign = |byte: &u8| {
        let at = usize::from(*byte).checked_rem(SIGNS.len()).unwrap_or(0);
        SIGNS.get(at).copied().map_or('A', char::from)
    };
    digest.iter().take(16).map(sign).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_cloudtrail_has_them() {
        let chain = Chain { account: "111122223333".into(), region: "eu-west-1".into() };
        let layout = Layout { prefix: None, chain: &chain };
        let plan = Plan { seq: 7, stamp_ms: 1_793_614_272_000 };
        let name = layout.log_file(plan, 1);
        let start = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/11/02/\
                     111122223333_CloudTrail_eu-west-1_20261102T1011Z_";
        let unique = name.strip_prefix(start).unwrap().strip_suffix(".json.gz").unwrap();
        assert_eq!(unique.len(), 16);
        assert!(unique.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        assert_eq!(name, layout.log_file(plan, 1));
        assert_ne!(name, layout.log_file(plan, 2));
        // In the same minute.
        assert_ne!(name, layout.log_file(Plan { stamp_ms: plan.stamp_ms + 1, ..plan }, 1));
        let layout = Layout { prefix: Some("a/b"), chain: &chain };
        assert_eq!(
            layout.digest_file(plan.stamp_ms, &Region::parse("us-east-1").unwrap()),
            "a/b/AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/2026/11/02/\
             111122223333_CloudTrail-Digest_eu-west-1_wardbook_us-east-1_20261102T101112Z.json.gz"
        );
    }
}
