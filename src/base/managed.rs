//! The services that have a KMS key of their own in every account and Region,
//! made on first use.

use super::ids::AliasName;
use super::names::wire_names;

wire_names! {
    /// A service with an AWS managed key; the name is that in
    /// `alias/aws/<name>`.
    pub enum ManagedService {
        Acm = "acm",
        DynamoDb = "dynamodb",
        Ebs = "ebs",
        ElasticFileSystem = "elasticfilesystem",
        Es = "es",
        Glue = "glue",
        KinesisVideo = "kinesisvideo",
        Lambda = "lambda",
        Rds = "rds",
        Redshift = "redshift",
        S3 = "s3",
        SecretsManager = "secretsmanager",
        Ssm = "ssm",
        Xray = "xray",
    }
}

/// What the aliases of AWS managed keys begin with.
const PREFIX: &str = "alias/aws/";

impl ManagedService {
    /// The predefined alias of the service's key; `None` for no service.
    #[must_use]
    pub fn alias(self) -> Option<AliasName> {
        AliasName::parse(&format!("{PREFIX}{self}"))
    }

    /// The service whose predefined alias this is.
    #[must_use]
    pub fn of_alias(alias: &str) -> Option<Self> {
        Self::parse(alias.strip_prefix(PREFIX)?)
    }

    /// The service as `kms:ViaService` names it, without Region and domain.
    #[must_use]
    pub const fn endpoint(self) -> &'static str {
        match self {
            // Volumes belong to EC2's endpoint.
            Self::Ebs => "ec2",
            other => other.as_str(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_has_an_alias() {
        assert!(ManagedService::NAMES.is_sorted());
        for service in ManagedService::ALL {
            let alias = service.alias().unwrap();
            assert!(alias.is_reserved());
            assert_eq!(ManagedService::of_alias(alias.as_str()), Some(*service));
        }
        assert_eq!(ManagedService::of_alias("alias/aws/other"), None);
        assert_eq!(ManagedService::of_alias("alias/s3"), None);
    }
}
