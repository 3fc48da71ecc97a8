//! Keys of the tools that offices work with: tasks, notes, tables, drawings, forms, files.
//!
//! Invariant: rows only.

use super::alphabet::{ALNUM, DIGITS, DOTTED, HEX, URL_64, URL_64_PADDED};
use super::form::{ENDLESS, n, r, t};
use super::{SecretFormat, prefixed};

/// The formats of this family.
pub(super) const FORMATS: &[SecretFormat] = &[
    prefixed!("linear_api_key", ["lin_api_"], [n(ALNUM, 40)]),
    prefixed!("linear_oauth_token", ["lin_oauth_"], [n(HEX, 64)]),
    prefixed!("notion_token", ["ntn_"], [n(DIGITS, 11), n(ALNUM, 35)]),
    prefixed!("notion_legacy_token", ["secret_"], [n(ALNUM, 43)]),
    prefixed!("airtable_token", ["pat"], [n(ALNUM, 14), t("."), n(HEX, 64)]),
    prefixed!("figma_token", ["figd_"], [r(URL_64, 38, 48)]),
    prefixed!("trello_token", ["ATTA"], [n(HEX, 72)]),
    prefixed!("dropbox_short_token", ["sl."], [r(DOTTED, 130, ENDLESS)]),
    prefixed!("typeform_token", ["tfp_"], [r(DOTTED, 44, 60)]),
    prefixed!("asana_token", ["1/", "2/"], [n(DIGITS, 16), t(":"), n(HEX, 32)]),
    prefixed!(
        "asana_token_of_workspace",
        ["2/"],
        [n(DIGITS, 16), t("/"), n(DIGITS, 16), t(":"), n(HEX, 32)]
    ),
    prefixed!("beamer_api_token", ["b_"], [n(URL_64_PADDED, 44)]).certainty(85),
];
