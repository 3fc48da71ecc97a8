//! What stands behind the tokens of a conversation. The policy that puts tokens in the place of
//! values makes a vault; the gateway keeps it beside the conversation, and puts values back in what
//! the conversation's own caller reads, as the last thing that is done.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::model::principal::Principal;

/// Makes vaults of what was saved of them. The policy that makes vaults is one.
pub trait Vaults: Send + Sync {
    /// The vault of a caller's conversation with what was saved of it; none where that is
    /// nothing.
    fn restored(
        &self,
        principal: &Principal,
        conversation: &str,
        saved: &Value,
    ) -> Option<Arc<dyn TokenVault>>;
}

/// The values of one conversation of one caller. Its `Debug` prints numbers, never a value.
pub trait TokenVault: Any + Send + Sync + fmt::Debug {
    /// Whether there is nothing to put back.
    fn is_empty(&self) -> bool;

    /// The text with values in the place of its tokens; nothing where it has none.
    fn restore(&self, text: &str) -> Option<String>;

    /// The same in every string of a value, and in documents inside of strings.
    fn restore_json(&self, value: &mut Value);

    /// The same in what a tool was given, where only some values may be put back.
    fn restore_arguments(&self, value: &mut Value);

    /// How many values there are; grows, and never goes back.
    fn len(&self) -> usize;

    /// Everything in it, for a store that seals it. [`Vaults::restored`] reads it.
    fn saved(&self) -> Value;
}
