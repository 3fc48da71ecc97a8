//! What the outcome of one try means for a callback, as Standard Webhooks suggests ("Delivery
//! success and failure"). Whoever delivers callbacks asks it after each try, and the
//! [`schedule`](super::schedule) for when the next one is.
//!
//! Invariant: pure. Only the receiver's own word (`410 Gone`) or a rule of ours ends a message
//! before its last try.

use std::time::Duration;

use http::StatusCode;

use crate::http::egress::answer::Answer;
use crate::http::egress::failure::Failure;
use crate::http::egress::refused::Refused;

/// What is to be done with the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was taken.
    Delivered,
    /// It is to be tried again, while there are tries left.
    Retry {
        /// What went wrong.
        why: Trouble,
        /// The wait that the receiver asks for.
        asked: Option<Duration>,
    },
    /// It is not to be tried again.
    Dead(End),
}

/// What goes wrong with a try. All of it may be another time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The receiver points elsewhere (3xx). Nobody follows: it may point to where nobody may call.
    Redirected(StatusCode),
    /// The receiver has too much to do (429, 502, 503, 504).
    Busy(StatusCode),
    /// Any other status.
    Status(StatusCode),
    /// The name gives no address, or the address no connection, or the connection no TLS.
    Unreachable,
    /// There was no answer in time.
    TooSlow,
    /// There was no answer, or it was not HTTP.
    Broken,
}

/// Why a message is not tried again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The receiver wants no more of them (410): not this message and no other.
    Gone,
    /// The address may not be called.
    Forbidden(Refused),
}

/// Judges the outcome of a try.
pub fn judge(outcome: &Result<Answer, Failure>) -> Verdict {
    let why = match outcome {
        Ok(answer) if answer.status.is_success() => return Verdict::Delivered,
        Ok(answer) if answer.status == StatusCode::GONE => return Verdict::Dead(End::Gone),
        Ok(answer) => {
            return Verdict::Retry { why: of_status(answer.status), asked: answer.retry_after };
        }
        Err(Failure::Forbidden(rule)) => return Verdict::Dead(End::Forbidden(*rule)),
        Err(Failure::NoAddress(_) | Failure::NotConnected(_) | Failure::Tls(_)) => {
            Trouble::Unreachable
        }
        Err(Failure::ConnectTimeout | Failure::Timeout) => Trouble::TooSlow,
        Err(Failure::Protocol(_)) => Trouble::Broken,
    };
    Verdict::Retry { why, asked: None }
}

fn of_status(status: StatusCode) -> Trouble {
    match status.as_u16() {
        300..=399 => Trouble::Redirected(status),
        429 | 502 | 503 | 504 => Trouble::Busy(status),
        _ => Trouble::Status(status),
    }
}

impl Trouble {
    /// A word for records and metrics; stable.
    pub const fn code(self) -> &'static str {
        match self {
            Trouble::Redirected(_) => "redirected",
            Trouble::Busy(_) => "busy",
            Trouble::Status(_) => "status",
            Trouble::Unreachable => "unreachable",
            Trouble::TooSlow => "too_slow",
            Trouble::Broken => "broken",
        }
    }
}

impl End {
    /// A word for records and metrics; stable.
    pub const fn code(self) -> &'static str {
        match self {
            End::Gone => "gone",
            End::Forbidden(_) => "forbidden",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::egress::address::Class;

    fn of(status: u16, retry_after: Option<u64>) -> Verdict {
        let retry_after = retry_after.map(Duration::from_secs);
        judge(&Ok(Answer { status: StatusCode::from_u16(status).unwrap(), retry_after }))
    }

    #[test]
    fn each_status_means_what_the_specification_says() {
        for status in 100..=999 {
            let code = StatusCode::from_u16(status).unwrap();
            let expected = match status {
                200..=299 => Verdict::Delivered,
                410 => Verdict::Dead(End::Gone),
                300..=399 => Verdict::Retry { why: Trouble::Redirected(code), asked: None },
                429 | 502..=504 => Verdict::Retry { why: Trouble::Busy(code), asked: None },
                _ => Verdict::Retry { why: Trouble::Status(code), asked: None },
            };
            assert_eq!(of(status, None), expected, "{status}");
        }
    }

    #[test]
    fn a_wait_is_heeded_where_there_is_another_try() {
        let Verdict::Retry { asked, .. } = of(503, Some(9)) else { panic!("it is tried again") };
        assert_eq!(asked, Some(Duration::from_secs(9)));
        assert_eq!(of(204, Some(9)), Verdict::Delivered);
        assert_eq!(of(410, Some(9)), Verdict::Dead(End::Gone));
    }

    #[test]
    fn a_try_without_an_answer_is_made_again_unless_a_rule_forbids_it() {
        let io = || std::io::Error::other("x");
        for (failure, expected) in [
            (Failure::NoAddress(io()), Trouble::Unreachable),
            (Failure::NotConnected(io()), Trouble::Unreachable),
            (Failure::Tls(Box::new(io())), Trouble::Unreachable),
            (Failure::ConnectTimeout, Trouble::TooSlow),
            (Failure::Timeout, Trouble::TooSlow),
        ] {
            let verdict = judge(&Err(failure));
            assert_eq!(verdict, Verdict::Retry { why: expected, asked: None });
        }
        let rule = Refused::Resolved(Class::Private);
        let verdict = judge(&Err(Failure::Forbidden(rule)));
        assert_eq!(verdict, Verdict::Dead(End::Forbidden(rule)));
    }
}
