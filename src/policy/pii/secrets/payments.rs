//! Keys of those who move money, and of shops.
//!
//! Invariant: rows only.

use super::alphabet::{
    ALNUM, BASE_64_PADDED, DIGITS, HEX, HEX_ANY, SMALL, URL_64, URL_64_PADDED, UUID,
};
use super::form::{ENDLESS, n, r, t};
use super::{SecretFormat, prefixed};

/// The formats of this family.
pub(super) const FORMATS: &[SecretFormat] = &[
    prefixed!("stripe_secret_key", ["sk_live_", "sk_test_", "sk_prod_"], [r(ALNUM, 24, 247)]),
    prefixed!("stripe_restricted_key", ["rk_live_", "rk_test_", "rk_prod_"], [r(ALNUM, 24, 247)]),
    prefixed!("webhook_signing_secret", ["whsec_"], [r(BASE_64_PADDED, 32, 90)]),
    prefixed!("square_access_token", ["sq0atp-"], [n(URL_64, 22)]),
    prefixed!("square_client_secret", ["sq0csp-"], [n(URL_64, 43)]),
    prefixed!("square_personal_token", ["EAAA"], [n(URL_64, 60)]),
    prefixed!(
        "braintree_access_token",
        ["access_token$production$", "access_token$sandbox$"],
        [n(SMALL, 16), t("$"), n(HEX, 32)]
    ),
    prefixed!("shopify_access_token", ["shpat_"], [n(HEX_ANY, 32)]),
    prefixed!("shopify_custom_app_token", ["shpca_"], [n(HEX_ANY, 32)]),
    prefixed!("shopify_private_app_token", ["shppa_"], [n(HEX_ANY, 32)]),
    prefixed!("shopify_shared_secret", ["shpss_"], [n(HEX_ANY, 32)]),
    prefixed!(
        "plaid_access_token",
        ["access-sandbox-", "access-development-", "access-production-"],
        [n(UUID, 36)]
    ),
    prefixed!("razorpay_key_id", ["rzp_live_", "rzp_test_"], [n(ALNUM, 14)]),
    prefixed!("flutterwave_secret_key", ["FLWSECK_TEST-", "FLWSECK-"], [n(SMALL, 32), t("-X")]),
    prefixed!("flutterwave_public_key", ["FLWPUBK_TEST-", "FLWPUBK-"], [n(SMALL, 32), t("-X")]),
    prefixed!(
        "mercadopago_token",
        ["APP_USR-"],
        [r(DIGITS, 12, 19), t("-"), n(DIGITS, 6), t("-"), n(HEX, 32), t("-"), r(DIGITS, 5, 12)]
    ),
    prefixed!("pagarme_secret_key", ["ak_live_", "ak_test_"], [n(ALNUM, 30)]),
    prefixed!(
        "asaas_api_key",
        ["aact_prod_", "aact_hmlg_", "aact_"],
        [r(BASE_64_PADDED, 60, ENDLESS)]
    ),
    prefixed!(
        "paddle_api_key",
        ["pdl_live_apikey_", "pdl_sdbx_apikey_"],
        [n(SMALL, 26), t("_"), n(ALNUM, 22), t("_"), n(ALNUM, 3)]
    ),
    prefixed!("duffel_token", ["duffel_test_", "duffel_live_"], [n(URL_64_PADDED, 43)]),
    prefixed!("easypost_key", ["EZAK", "EZTK"], [n(ALNUM, 54)]),
    prefixed!("shippo_token", ["shippo_live_", "shippo_test_"], [n(HEX, 40)]),
    prefixed!("lob_key", ["live_", "test_"], [n(HEX, 35)]),
    prefixed!("gocardless_token", ["live_", "sandbox_"], [n(URL_64, 40)]).certainty(80),
];
