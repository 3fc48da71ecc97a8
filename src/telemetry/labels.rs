//! The closed sets that metric labels come from, where the model has none.

use http::StatusCode;

/// How a call to a platform went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryOutcome {
    /// A success, read to its end.
    Success,
    /// A 4xx other than 429.
    Rejected,
    /// A 429.
    Limited,
    /// A 5xx.
    Failed,
    /// No connection.
    Unreachable,
    /// One of the four clocks ran out.
    TimedOut,
    /// The answer broke off before its end, or was not what the API promises.
    Broken,
    /// The gateway stopped it, because its run was stopped.
    Cancelled,
    /// Never sent: the breaker was open, or no permit was free.
    Refused,
}

impl TryOutcome {
    /// Every outcome, in the order of their numbers.
    pub const ALL: [Self; 9] = [
        Self::Success,
        Self::Rejected,
        Self::Limited,
        Self::Failed,
        Self::Unreachable,
        Self::TimedOut,
        Self::Broken,
        Self::Cancelled,
        Self::Refused,
    ];

    /// As it stands in the figures.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Rejected => "rejected",
            Self::Limited => "limited",
            Self::Failed => "failed",
            Self::Unreachable => "unreachable",
            Self::TimedOut => "timed_out",
            Self::Broken => "broken",
            Self::Cancelled => "cancelled",
            Self::Refused => "refused",
        }
    }
}

/// The class of an answer's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StatusClass {
    /// 1xx and 2xx.
    Success,
    /// 3xx.
    Redirect,
    /// 4xx.
    Caller,
    /// 5xx.
    Server,
    /// None: the caller left before there was one.
    Left,
}

impl StatusClass {
    /// Every class, in the order of their numbers.
    pub const ALL: [Self; 5] =
        [Self::Success, Self::Redirect, Self::Caller, Self::Server, Self::Left];

    /// The class of a status.
    pub fn of(status: StatusCode) -> Self {
        match status.as_u16() / 100 {
            3 => Self::Redirect,
            4 => Self::Caller,
            5 => Self::Server,
            _ => Self::Success,
        }
    }

    /// As it stands in the figures.
    pub const fn label(self) -> &'static str {
        match self {
            Self::Success => "2xx",
            Self::Redirect => "3xx",
            Self::Caller => "4xx",
            Self::Server => "5xx",
            Self::Left => "left",
        }
    }
}
