use std::sync::{Arc, LazyLock};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

use crate::value::GroupKind;

/// Kinds that hold data, by default: `Kind.group` for objects, a resource type for the resources of a root module.
const STATEFUL: &[&str] = &[
    "PersistentVolume",
    "PersistentVolumeClaim",
    "StatefulSet.apps",
    "VolumeSnapshot*.snapshot.storage.k8s.io",
    "*Cluster.postgresql.cnpg.io",
    "postgresql.acid.zalan.do",
    "Kafka*.kafka.strimzi.io",
    "*.rds.services.k8s.aws",
    "*.sql.cnrm.cloud.google.com",
    "*.rds.aws.*upbound.io",
    "*_db_instance",
    "*_db_cluster*",
    "*_rds_cluster*",
    "*_sql_database*",
    "*_sql_server",
    "*_database",
    "*_dynamodb_table",
    "*_bigtable_*",
    "*_bigquery_*",
    "*_elasticache_*",
    "*_redis_*",
    "*_spanner_*",
    "*_cosmosdb_*",
    "*_postgresql_*",
    "*_mysql_*",
    "*_s3_bucket",
    "*_storage_bucket",
    "*_storage_account",
    "*_storage_container",
    "*_ebs_volume",
    "*_disk",
    "*_efs_file_system",
    "*_kms_key",
];

/// Kinds that give or take rights, by default.
const ACCESS: &[&str] = &[
    "*.rbac.authorization.k8s.io",
    "ServiceAccount",
    "*WebhookConfiguration.admissionregistration.k8s.io",
    "ValidatingAdmissionPolicy*.admissionregistration.k8s.io",
    "*.iam.services.k8s.aws",
    "*.iam.cnrm.cloud.google.com",
    "*_iam_*",
    "*_role_assignment",
    "*_role_definition",
    "*_policy_assignment",
    "*_service_account*",
    "*_s3_bucket_policy",
    "*_security_group*",
    "*_firewall*",
];

/// How many patterns a list may have.
const PATTERNS: usize = 1_000;

/// How long a pattern may be, in bytes.
const PATTERN_BYTES: usize = 256;

/// Kinds that rules know by name: those that hold data, and those that give rights.
///
/// A pattern is the written form of a kind, such as `StatefulSet.apps`, or the type of a resource, such as
/// `aws_db_instance`. `*` stands for any text.
///
/// ```
/// use gitops_core::review::Kinds;
/// use gitops_core::GroupKind;
/// let kinds = Kinds::default().also_stateful(["Database.example.org"])?;
/// assert!(kinds.is_stateful(&GroupKind::new("example.org", "Database").to_string()));
/// assert!(kinds.gives_rights("aws_iam_role") && !kinds.gives_rights("aws_vpc"));
/// # Ok::<(), gitops_core::review::KindPatternError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Kinds {
    stateful: Patterns,
    access: Patterns,
}

impl Default for Kinds {
    fn default() -> Self {
        static KNOWN: LazyLock<Kinds> = LazyLock::new(|| {
            let known = |list: &[&str]| Patterns::known(list).expect("the built-in patterns are valid");
            Kinds { stateful: known(STATEFUL), access: known(ACCESS) }
        });
        KNOWN.clone()
    }
}

impl Kinds {
    /// Also counts these kinds as holding data.
    ///
    /// # Errors
    /// A pattern that is no glob, or too long, or one too many.
    pub fn also_stateful<P: AsRef<str>>(
        mut self,
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, KindPatternError> {
        self.stateful = self.stateful.and(patterns)?;
        Ok(self)
    }

    /// Also counts these kinds as giving rights.
    ///
    /// # Errors
    /// As [`also_stateful`](Self::also_stateful).
    pub fn also_access<P: AsRef<str>>(
        mut self,
        patterns: impl IntoIterator<Item = P>,
    ) -> Result<Self, KindPatternError> {
        self.access = self.access.and(patterns)?;
        Ok(self)
    }

    /// Whether a kind holds data.
    pub fn is_stateful(&self, kind: &str) -> bool {
        self.stateful.is_match(kind)
    }

    /// Whether a kind gives or takes rights.
    pub fn gives_rights(&self, kind: &str) -> bool {
        self.access.is_match(kind)
    }

    /// Whether objects of a kind are the place of others: namespaces and definitions.
    pub fn is_container(&self, kind: &GroupKind) -> bool {
        matches!(
            (kind.group(), kind.kind()),
            ("", "Namespace") | ("apiextensions.k8s.io", "CustomResourceDefinition")
        )
    }
}

/// A pattern of kinds that can't be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{pattern}` is no pattern of kinds: {why}")]
pub struct KindPatternError {
    pattern: String,
    why: String,
}

/// Two sets of patterns. What is built in is compiled once in a process: compiled for each application of a review, it was half
/// of what a server with many of them held in memory.
#[derive(Clone, Debug)]
struct Patterns {
    known: Arc<GlobSet>,
    more: Option<Arc<GlobSet>>,
    /// The texts of those that were added.
    texts: Vec<String>,
}

impl Patterns {
    fn known(patterns: &[&str]) -> Result<Self, KindPatternError> {
        Ok(Self { known: Arc::new(set(patterns)?), more: None, texts: Vec::new() })
    }

    fn is_match(&self, kind: &str) -> bool {
        self.known.is_match(kind) || self.more.as_ref().is_some_and(|more| more.is_match(kind))
    }

    fn and<P: AsRef<str>>(mut self, more: impl IntoIterator<Item = P>) -> Result<Self, KindPatternError> {
        let before = self.texts.len();
        self.texts.extend(more.into_iter().map(|pattern| pattern.as_ref().to_owned()));
        if self.texts.len() > before {
            self.more = Some(Arc::new(set(&self.texts)?));
        }
        Ok(self)
    }
}

fn set<P: AsRef<str>>(patterns: &[P]) -> Result<GlobSet, KindPatternError> {
    let mut set = GlobSetBuilder::new();
    for (number, pattern) in patterns.iter().enumerate() {
        let pattern = pattern.as_ref();
        let fault =
            |why: String| KindPatternError { pattern: pattern.chars().take(PATTERN_BYTES).collect(), why };
        if pattern.is_empty() || pattern.len() > PATTERN_BYTES {
            return Err(fault(format!("it must have 1 to {PATTERN_BYTES} bytes")));
        }
        if number == PATTERNS {
            return Err(fault(format!("a list has at most {PATTERNS} patterns")));
        }
        set.add(GlobBuilder::new(pattern).build().map_err(|error| fault(error.kind().to_string()))?);
    }
    set.build().map_err(|error| KindPatternError { pattern: String::new(), why: error.kind().to_string() })
}
