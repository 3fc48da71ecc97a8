//! Why an address that a caller named is not called: one rule each. Whoever takes a callback says
//! it to the caller; whoever delivers one records it.
//!
//! Invariant: no sentence holds any of the URL, which may carry a secret.

use super::address::Class;

/// The rule that refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Longer than [`MAX_BYTES`](super::target::MAX_BYTES).
    #[error("is longer than 2048 bytes")]
    TooLong,
    /// Spaces, control characters, a backslash, or what is not ASCII.
    #[error("has characters that no URL has: it is printable ASCII without `\\`")]
    Characters,
    /// Neither `https:` nor `http:`.
    #[error("does not begin with `https://`")]
    Scheme,
    /// `http:`, which the operator has not allowed.
    #[error("is not `https:`")]
    Plain,
    /// A user or a password.
    #[error("has a user name before the host")]
    UserInfo,
    /// A `#`, which no server would see.
    #[error("has a fragment")]
    Fragment,
    /// No host.
    #[error("has no host")]
    NoHost,
    /// A host that is neither a name of DNS nor an address.
    #[error("has a host that is neither a name nor an address")]
    Host,
    /// A name that ends in a full stop.
    #[error("has a host that ends in `.`")]
    TrailingDot,
    /// An IPv4 address in another form than four decimal numbers.
    #[error("has a number for a host: an IPv4 address is four decimal numbers")]
    Number,
    /// An IPv6 address that names an interface of the machine.
    #[error("has an IPv6 address with a zone")]
    Zone,
    /// Not a number from 1 to 65535.
    #[error("has a port that is no number from 1 to 65535")]
    Port,
    /// A port of another protocol.
    #[error("has the port of another protocol")]
    OtherProtocol,
    /// A path or a query that HTTP cannot send.
    #[error("has a path that cannot be sent")]
    Path,
    /// An address that may not be called.
    #[error("is not a public address: it is {0}")]
    Address(Class),
    /// A name that gives, among others, an address that may not be called.
    #[error("has a name that gives an address which is not public: it is {0}")]
    Resolved(Class),
}
