//! Ids: opaque strings with a type prefix, time-sortable (UUIDv7 behind the prefix).

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::clock::{Ids, Timestamp};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(Box<str>);

        impl $name {
            /// Draws a new one.
            pub fn new(ids: &dyn Ids, now: Timestamp) -> Self {
                let mut text = String::with_capacity($prefix.len() + 32);
                text.push_str($prefix);
                let mut hex = [0u8; 32];
                text.push_str(ids.next(now).simple().encode_lower(&mut hex));
                Self(text.into())
            }

            /// Takes one from a caller; none that is not of this type's form.
            pub fn parse(text: &str) -> Option<Self> {
                let rest = text.strip_prefix($prefix)?;
                let known = rest.len() == 32 && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
                known.then(|| Self(text.into()))
            }

            /// As text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// Names one run.
    RunId, "run_"
);
id!(
    /// Names one conversation, bound to the caller that opened it.
    ThreadId, "thr_"
);
id!(
    /// Names one agent that the gateway keeps.
    AgentId, "agt_"
);
id!(
    /// Names one callback: its `webhook-id`, the same at every try.
    CallbackId, "evt_"
);
id!(
    /// Names one record of the audit.
    RecordId, "rec_"
);
id!(
    /// Names one life of one process: what it drives is its own.
    BootId, "boot_"
);

impl ThreadId {
    /// The UUID behind the prefix, with its hyphens: what platforms that take a UUID are given.
    pub fn uuid(&self) -> String {
        let hex = &self.as_str()[4..];
        format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::CountingIds;

    #[test]
    fn an_id_is_read_back_and_nothing_else_is() {
        let id = RunId::new(&CountingIds::default(), Timestamp(0));
        assert_eq!(id.as_str(), "run_00000000000000000000000000000001");
        assert_eq!(RunId::parse(id.as_str()), Some(id));
        for wrong in [
            "",
            "run_",
            "thr_00000000000000000000000000000001",
            "run_0000000000000000000000000000000G",
        ] {
            assert_eq!(RunId::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_thread_shows_the_uuid_behind_it() {
        let id = ThreadId::new(&CountingIds::default(), Timestamp(0));
        assert_eq!(id.uuid(), "00000000-0000-0000-0000-000000000001");
    }
}
