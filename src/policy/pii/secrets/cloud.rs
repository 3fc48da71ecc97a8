//! Keys of clouds, of hosting, of data bases and of stores of secrets.
//!
//! Invariant: rows only.

use super::alphabet::{
    ALNUM, BASE_32, BASE_64_PADDED, BECH_32, CAPITALS, DIGITS, DOTTED, HEX, SMALL, URL_64,
    URL_64_PADDED, UUID,
};
use super::form::{ENDLESS, n, r, t};
use super::{SecretFormat, prefixed};

/// The formats of this family.
pub(super) const FORMATS: &[SecretFormat] = &[
    // Amazon.
    prefixed!("aws_access_key_id", ["AKIA", "ASIA", "ABIA", "ACCA"], [n(BASE_32, 16)]),
    prefixed!("aws_bedrock_api_key", ["ABSK"], [r(BASE_64_PADDED, 109, 269)]),
    prefixed!("aws_bedrock_short_key", ["bedrock-api-key-"], [r(BASE_64_PADDED, 32, ENDLESS)]),
    prefixed!("amazon_mws_token", ["amzn.mws."], [n(UUID, 36)]),
    prefixed!("amazon_lwa_client_secret", ["amzn1.oa2-cs.v1."], [n(HEX, 64)]),
    // Google.
    prefixed!("gcp_api_key", ["AIza"], [n(URL_64, 35)]),
    prefixed!("gcp_oauth_client_secret", ["GOCSPX-"], [n(URL_64, 28)]),
    prefixed!("gcp_oauth_access_token", ["ya29."], [r(DOTTED, 30, ENDLESS)]),
    prefixed!("gcp_oauth_refresh_token", ["1//0"], [r(URL_64, 40, 120)]),
    // Others.
    prefixed!("alibaba_access_key_id", ["LTAI"], [r(ALNUM, 12, 20)]),
    prefixed!("tencent_secret_id", ["AKID"], [n(ALNUM, 32)]),
    prefixed!("yandex_api_key", ["AQVN"], [r(URL_64, 35, 38)]),
    prefixed!(
        "yandex_iam_token",
        ["t1."],
        [r(URL_64_PADDED, 20, 400), t("."), r(URL_64_PADDED, 86, 88)]
    ),
    prefixed!("yandex_static_key", ["YC"], [n(URL_64, 38)]),
    prefixed!("digitalocean_personal_token", ["dop_v1_"], [n(HEX, 64)]),
    prefixed!("digitalocean_oauth_token", ["doo_v1_"], [n(HEX, 64)]),
    prefixed!("digitalocean_refresh_token", ["dor_v1_"], [n(HEX, 64)]),
    prefixed!("scaleway_access_key", ["SCW"], [n(CAPITALS, 17)]),
    prefixed!("cloudflare_origin_ca_key", ["v1.0-"], [n(HEX, 24), t("-"), n(HEX, 146)]),
    prefixed!("heroku_api_key", ["HRKU-AA"], [n(URL_64, 58)]),
    prefixed!("fly_access_token", ["fo1_"], [n(URL_64, 43)]),
    prefixed!("fly_macaroon", ["fm1a_", "fm1r_", "fm2_"], [r(BASE_64_PADDED, 100, ENDLESS)]),
    prefixed!("render_api_key", ["rnd_"], [n(ALNUM, 32)]),
    prefixed!("netlify_token", ["nfp_", "nfc_", "nfo_", "nfu_"], [n(ALNUM, 36)]),
    prefixed!("vercel_token", ["vcp_", "vci_", "vca_", "vcr_", "vck_"], [r(ALNUM, 24, 80)]),
    prefixed!("scalingo_api_token", ["tk-us-"], [n(URL_64, 48)]),
    prefixed!("openshift_token", ["sha256~"], [n(URL_64, 43)]),
    prefixed!("ionic_api_token", ["ion_"], [n(SMALL, 42)]),
    prefixed!("deno_deploy_token", ["ddp_", "ddo_"], [n(ALNUM, 36)]),
    prefixed!("aiven_password", ["AVNS_"], [n(URL_64, 19)]),
    prefixed!("apify_api_token", ["apify_api_"], [r(ALNUM, 36, 40)]),
    // Data bases.
    prefixed!("supabase_access_token", ["sbp_"], [n(HEX, 40)]),
    prefixed!("supabase_secret_key", ["sb_secret_"], [n(URL_64, 22), t("_"), n(URL_64, 8)]),
    prefixed!("planetscale_password", ["pscale_pw_"], [r(DOTTED, 32, 64)]),
    prefixed!("planetscale_token", ["pscale_tkn_"], [r(DOTTED, 32, 64)]),
    prefixed!("planetscale_oauth_token", ["pscale_oauth_"], [r(DOTTED, 32, 64)]),
    prefixed!("neon_api_key", ["napi_"], [n(SMALL, 64)]),
    prefixed!("databricks_token", ["dapi"], [n(HEX, 32)]),
    prefixed!("databricks_token_numbered", ["dapi"], [n(HEX, 32), t("-"), n(DIGITS, 1)]),
    prefixed!("clickhouse_cloud_secret", ["4b1d"], [n(ALNUM, 38)]),
    prefixed!("cockroach_cloud_key", ["CCDB1_"], [n(ALNUM, 22), t("_"), n(ALNUM, 40)]),
    // Stores of secrets, and access to networks.
    prefixed!("vault_service_token", ["hvs."], [r(URL_64, 24, 200)]),
    prefixed!("vault_batch_token", ["hvb."], [r(URL_64, 138, 300)]),
    prefixed!("vault_recovery_token", ["hvr."], [r(URL_64, 24, 200)]),
    prefixed!("doppler_personal_token", ["dp.pt."], [r(ALNUM, 40, 44)]),
    prefixed!("doppler_cli_token", ["dp.ct."], [r(ALNUM, 40, 44)]),
    prefixed!("doppler_service_token", ["dp.st."], [r(ALNUM, 40, 44)]),
    prefixed!(
        "doppler_service_token_named",
        ["dp.st."],
        [r(URL_64, 2, 35), t("."), r(ALNUM, 40, 44)]
    ),
    prefixed!("doppler_account_token", ["dp.sa."], [r(ALNUM, 40, 44)]),
    prefixed!("doppler_scim_token", ["dp.scim."], [r(ALNUM, 40, 44)]),
    prefixed!("doppler_audit_token", ["dp.audit."], [r(ALNUM, 40, 44)]),
    prefixed!(
        "infisical_service_token",
        ["st."],
        [n(HEX, 24), t("."), n(HEX, 32), t("."), n(HEX, 32)]
    ),
    prefixed!("onepassword_service_account", ["ops_eyJ"], [r(BASE_64_PADDED, 250, ENDLESS)]),
    prefixed!(
        "onepassword_secret_key",
        ["A3-"],
        [
            n(CAPITALS, 6),
            t("-"),
            n(CAPITALS, 6),
            t("-"),
            n(CAPITALS, 5),
            t("-"),
            n(CAPITALS, 5),
            t("-"),
            n(CAPITALS, 5),
            t("-"),
            n(CAPITALS, 5)
        ]
    ),
    prefixed!(
        "onepassword_secret_key_unsplit",
        ["A3-"],
        [
            n(CAPITALS, 6),
            t("-"),
            n(CAPITALS, 11),
            t("-"),
            n(CAPITALS, 5),
            t("-"),
            n(CAPITALS, 5),
            t("-"),
            n(CAPITALS, 5)
        ]
    ),
    prefixed!("age_secret_key", ["AGE-SECRET-KEY-1"], [n(BECH_32, 58)]),
    prefixed!(
        "tailscale_key",
        ["tskey-"],
        [r(SMALL, 3, 12), t("-"), r(ALNUM, 10, 30), t("-"), r(ALNUM, 20, 50)]
    ),
    prefixed!("pulumi_access_token", ["pul-"], [n(HEX, 40)]),
    prefixed!(
        "defined_networking_key",
        ["dnkey-"],
        [n(URL_64_PADDED, 26), t("-"), n(URL_64_PADDED, 52)]
    ),
    prefixed!("launchdarkly_sdk_key", ["sdk-"], [n(UUID, 36)]),
    prefixed!("configcat_sdk_key", ["configcat-sdk-1/"], [n(URL_64, 22), t("/"), n(URL_64, 22)]),
    prefixed!("mapbox_secret_token", ["sk.eyJ1"], [r(URL_64, 40, 200), t("."), n(URL_64, 22)]),
    prefixed!("mapbox_public_token", ["pk.eyJ1"], [r(URL_64, 40, 200), t("."), n(URL_64, 22)]),
    prefixed!("okta_api_token_ssws", ["SSWS 00"], [n(URL_64, 40)]),
    prefixed!(
        "harness_token",
        ["pat.", "sat."],
        [n(URL_64, 22), t("."), n(ALNUM, 24), t("."), n(ALNUM, 20)]
    ),
    prefixed!("octopus_deploy_key", ["API-"], [n(CAPITALS, 26)]),
    prefixed!(
        "authress_access_key",
        ["sc_", "ext_", "scauth_", "authress_"],
        [
            r(SMALL, 5, 30),
            t("."),
            r(SMALL, 4, 6),
            t(".acc_"),
            r(URL_64, 10, 32),
            t("."),
            r(BASE_64_PADDED, 30, 120)
        ]
    ),
    prefixed!("switchyard_key", ["swy_"], [r(DOTTED, 1, 80), t("_"), n(ALNUM, 49)])
        .proved_by(switchyard_checksum),
];

/// CRC-32 over all but the last six characters, in base 62.
fn switchyard_checksum(candidate: &[u8]) -> bool {
    let Some((body, check)) = candidate.split_last_chunk::<6>() else { return false };
    super::developer::base_62_crc(body) == *check
}
