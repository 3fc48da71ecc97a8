//! Values without a telling beginning, known by the name that they are assigned to and by their
//! length: the names are those of the vendors' own documentation and programs.
//!
//! Invariant: names are lower case, with underscores; a dash or a blank stands for one.

use super::alphabet::{
    ALNUM, Alphabet, BASE_64, BASE_64_PADDED, CAPITALS, HEX, SMALL, URL_64, UUID,
};
use super::form::{ENDLESS, n, r, t};
use super::{SecretFormat, assigned};

const PAT: Alphabet = Alphabet::of("a-z2-7");
const DJANGO: Alphabet = Alphabet::of("0-9a-z!@#$%^&*()_=+-");
const PLUS: Alphabet = Alphabet::of("0-9a-zA-Z_+-");

/// The formats of this family.
pub(super) const FORMATS: &[SecretFormat] = &[
    // Clouds.
    assigned!(
        "aws_secret_access_key",
        ["aws_secret_access_key", "aws_secret_key", "secret_access_key", "secretaccesskey"],
        [n(BASE_64, 40)]
    ),
    assigned!(
        "aws_session_token",
        ["aws_session_token", "session_token", "sessiontoken"],
        [r(BASE_64_PADDED, 100, ENDLESS)]
    ),
    assigned!(
        "azure_storage_key",
        ["accountkey", "azure_storage_key", "azure_storage_account_key"],
        [n(BASE_64, 86), t("==")]
    ),
    assigned!(
        "azure_shared_access_key",
        ["sharedaccesskey", "shared_access_key"],
        [n(BASE_64, 43), t("=")]
    ),
    assigned!("azure_openai_key", ["azure_openai_api_key", "azure_openai_key"], [n(HEX, 32)]),
    assigned!(
        "azure_devops_legacy_token",
        ["azure_devops_pat", "azure_devops_ext_pat", "azure_devops_token"],
        [n(PAT, 52)]
    ),
    assigned!(
        "alibaba_secret_key",
        ["aliyun_access_key_secret", "access_key_secret", "accesskeysecret"],
        [n(ALNUM, 30)]
    ),
    assigned!(
        "tencent_secret_key",
        ["tencentcloud_secret_key", "tencent_secret_key"],
        [n(ALNUM, 32)]
    ),
    assigned!(
        "ibm_cloud_key",
        ["ibmcloud_api_key", "ibm_cloud_api_key", "iam_apikey"],
        [n(URL_64, 44)]
    ),
    assigned!(
        "cloudflare_global_key",
        ["cloudflare_api_key", "cf_api_key", "x_auth_key"],
        [n(HEX, 37)]
    ),
    assigned!("cloudflare_api_token", ["cloudflare_api_token", "cf_api_token"], [n(URL_64, 40)]),
    assigned!(
        "fastly_token",
        ["fastly_api_key", "fastly_api_token", "fastly_key"],
        [n(URL_64, 32)]
    ),
    assigned!("linode_token", ["linode_token", "linode_api_token"], [n(HEX, 64)]),
    assigned!("vultr_key", ["vultr_api_key"], [n(CAPITALS, 36)]),
    assigned!("hetzner_token", ["hcloud_token", "hetzner_token"], [n(ALNUM, 64)]),
    assigned!("scaleway_secret_key", ["scw_secret_key", "scaleway_secret_key"], [n(UUID, 36)]),
    assigned!("heroku_legacy_key", ["heroku_api_key"], [n(UUID, 36)]),
    assigned!("vercel_legacy_token", ["vercel_token", "vercel_api_token"], [n(ALNUM, 24)]),
    // Infrastructure.
    assigned!("consul_token", ["consul_http_token", "consul_token"], [n(UUID, 36)]),
    assigned!("nomad_token", ["nomad_token"], [n(UUID, 36)]),
    assigned!("vault_legacy_token", ["vault_token"], [t("s."), n(ALNUM, 24)]),
    assigned!("okta_api_token", ["okta_api_token", "okta_token"], [t("00"), n(URL_64, 40)]),
    assigned!("rails_secret_key_base", ["secret_key_base"], [n(HEX, 128)]),
    assigned!("laravel_app_key", ["app_key"], [t("base64:"), n(BASE_64, 43), t("=")]),
    assigned!("django_secret_key", ["django_secret_key", "secret_key"], [n(DJANGO, 50)]),
    assigned!(
        "meraki_key",
        ["meraki_dashboard_api_key", "x_cisco_meraki_api_key", "meraki_api_key"],
        [n(HEX, 40)]
    ),
    assigned!("rapidapi_key", ["rapidapi_key", "x_rapidapi_key"], [n(ALNUM, 50)]),
    assigned!("make_api_token", ["make_api_token", "make_api_key", "make_token"], [n(UUID, 36)]),
    assigned!(
        "algolia_key",
        ["algolia_api_key", "algolia_admin_key", "algolia_admin_api_key"],
        [n(HEX, 32)]
    ),
    // Models.
    assigned!("cohere_key", ["cohere_api_key", "co_api_key"], [n(ALNUM, 40)]),
    assigned!("mistral_key", ["mistral_api_key"], [n(ALNUM, 32)]),
    assigned!("assemblyai_key", ["assemblyai_api_key"], [n(HEX, 32)]),
    assigned!("deepgram_key", ["deepgram_api_key"], [n(HEX, 40)]),
    assigned!("wandb_key", ["wandb_api_key"], [n(HEX, 40)]),
    // Watching and building.
    assigned!("datadog_api_key", ["datadog_api_key", "dd_api_key"], [n(HEX, 32)]),
    assigned!(
        "datadog_application_key",
        ["datadog_app_key", "datadog_application_key", "dd_app_key", "dd_application_key"],
        [n(HEX, 40)]
    ),
    assigned!("sentry_legacy_token", ["sentry_auth_token"], [n(HEX, 64)]),
    assigned!("rollbar_token", ["rollbar_access_token", "rollbar_token"], [n(HEX, 32)]),
    assigned!("pagerduty_key", ["pagerduty_api_key", "pagerduty_token"], [n(PLUS, 20)]),
    assigned!("opsgenie_key", ["opsgenie_api_key"], [n(UUID, 36)]),
    assigned!("honeycomb_key", ["honeycomb_api_key", "honeycomb_writekey"], [n(ALNUM, 32)]),
    assigned!("codecov_token", ["codecov_token"], [n(UUID, 36)]),
    assigned!("snyk_legacy_token", ["snyk_token", "snyk_api_token"], [n(UUID, 36)]),
    assigned!("travis_token", ["travis_token", "travis_ci_token"], [n(URL_64, 22)]),
    // Messages and networks.
    assigned!("twilio_auth_token", ["twilio_auth_token", "twilio_token"], [n(HEX, 32)]),
    assigned!(
        "mailgun_signing_key",
        ["mailgun_api_key", "mailgun_signing_key"],
        [n(HEX, 32), t("-"), n(HEX, 8), t("-"), n(HEX, 8)]
    ),
    assigned!(
        "postmark_token",
        ["postmark_server_token", "x_postmark_server_token", "postmark_api_token"],
        [n(UUID, 36)]
    ),
    assigned!("messagebird_key", ["messagebird_api_key", "messagebird_access_key"], [n(ALNUM, 25)]),
    assigned!(
        "zendesk_token",
        ["zendesk_api_token", "zendesk_token", "zendesk_secret_key"],
        [n(ALNUM, 40)]
    ),
    assigned!(
        "intercom_token",
        ["intercom_access_token", "intercom_token"],
        [n(BASE_64_PADDED, 60)]
    ),
    assigned!("discord_client_secret", ["discord_client_secret"], [n(URL_64, 32)]),
    assigned!(
        "facebook_app_secret",
        ["facebook_app_secret", "fb_app_secret", "facebook_secret"],
        [n(HEX, 32)]
    ),
    assigned!(
        "twitter_consumer_secret",
        ["twitter_api_secret", "twitter_consumer_secret", "consumer_secret"],
        [n(ALNUM, 50)]
    ),
    assigned!(
        "twitter_access_token_secret",
        ["twitter_access_token_secret", "twitter_access_secret"],
        [n(ALNUM, 45)]
    ),
    assigned!(
        "linkedin_client_secret",
        ["linkedin_client_secret", "linkedin_secret"],
        [n(ALNUM, 16)]
    ),
    assigned!(
        "spotify_client_secret",
        ["spotify_client_secret", "spotipy_client_secret"],
        [n(HEX, 32)]
    ),
    // Money.
    assigned!("plaid_secret", ["plaid_secret"], [n(HEX, 30)]),
    assigned!("razorpay_key_secret", ["razorpay_key_secret", "razorpay_secret"], [n(ALNUM, 24)]),
    assigned!("paypal_client_secret", ["paypal_client_secret", "paypal_secret"], [n(URL_64, 80)]),
    assigned!(
        "binance_secret_key",
        ["binance_secret_key", "binance_api_secret", "binance_api_key"],
        [n(ALNUM, 64)]
    ),
    assigned!(
        "kraken_secret",
        ["kraken_api_secret", "kraken_secret", "kraken_private_key"],
        [n(BASE_64, 86), t("==")]
    ),
    // Offices.
    assigned!("asana_client_secret", ["asana_client_secret"], [n(HEX, 32)]),
    assigned!("trello_key", ["trello_api_key", "trello_key"], [n(HEX, 32)]),
    assigned!("dropbox_app_secret", ["dropbox_app_secret", "dropbox_secret"], [n(SMALL, 15)]),
    assigned!("box_client_secret", ["box_client_secret"], [n(ALNUM, 32)]),
];
