//! Keys of those who watch: logs, metrics, errors, alarms, product analytics.
//!
//! Invariant: rows only.

use super::alphabet::{ALNUM, BASE_64_PADDED, CAPITALS, HEX, SMALL, URL_64, UUID};
use super::form::{n, r, t};
use super::{SecretFormat, prefixed};

/// The formats of this family.
pub(super) const FORMATS: &[SecretFormat] = &[
    prefixed!("grafana_cloud_token", ["glc_"], [r(BASE_64_PADDED, 32, 400)]),
    prefixed!("grafana_service_account", ["glsa_"], [n(ALNUM, 32), t("_"), n(HEX, 8)]),
    prefixed!("grafana_api_key", ["eyJrIjoi"], [r(BASE_64_PADDED, 70, 400)]),
    prefixed!(
        "sentry_organisation_token",
        ["sntrys_eyJ"],
        [r(BASE_64_PADDED, 60, 400), t("_"), r(BASE_64_PADDED, 40, 48)]
    ),
    prefixed!("sentry_user_token", ["sntryu_"], [n(HEX, 64)]),
    prefixed!("new_relic_user_key", ["NRAK-"], [n(CAPITALS, 27)]),
    prefixed!("new_relic_insert_key", ["NRII-"], [n(URL_64, 32)]),
    prefixed!("new_relic_query_key", ["NRIQ-"], [n(URL_64, 32)]),
    prefixed!("new_relic_browser_key", ["NRJS-"], [n(HEX, 19)]),
    prefixed!(
        "dynatrace_token",
        ["dt0c01.", "dt0s01.", "dt0s16."],
        [n(CAPITALS, 24), t("."), n(CAPITALS, 64)]
    ),
    prefixed!("honeycomb_ingest_key", ["hcaik_", "hcbik_"], [n(SMALL, 58)]),
    prefixed!("posthog_personal_key", ["phx_"], [r(ALNUM, 43, 50)]),
    prefixed!("segment_public_api_token", ["sgp_"], [n(ALNUM, 64)]),
    prefixed!("launchdarkly_api_key", ["api-"], [n(UUID, 36)]),
];
