//! Keys of chats, mail, telephony and social networks, and hooks that post to them.
//!
//! Invariant: rows only. A hook is a URL that whoever knows it may call, so it is a secret as a
//! whole.

use super::alphabet::{ALNUM, Alphabet, CAPITALS, DIGITS, HEX, SMALL, URL_64, UUID};
use super::form::{ENDLESS, n, r, t};
use super::{SecretFormat, prefixed};

const PERCENT: Alphabet = Alphabet::of("0-9a-zA-Z%");
const PATH: Alphabet = Alphabet::of("0-9a-zA-Z+/");

/// The formats of this family.
pub(super) const FORMATS: &[SecretFormat] = &[
    prefixed!(
        "slack_bot_token",
        ["xoxb-"],
        [r(DIGITS, 10, 13), t("-"), r(DIGITS, 10, 13), t("-"), r(ALNUM, 18, 36)]
    ),
    prefixed!("slack_legacy_bot_token", ["xoxb-"], [r(DIGITS, 8, 14), t("-"), r(ALNUM, 18, 26)]),
    prefixed!(
        "slack_user_token",
        ["xoxp-", "xoxe-"],
        [
            r(DIGITS, 10, 13),
            t("-"),
            r(DIGITS, 10, 13),
            t("-"),
            r(DIGITS, 10, 13),
            t("-"),
            r(ALNUM, 28, 34)
        ]
    ),
    prefixed!("slack_config_access_token", ["xoxe.xoxp-1-", "xoxe.xoxb-1-"], [r(ALNUM, 163, 166)]),
    prefixed!("slack_config_refresh_token", ["xoxe-1-"], [n(ALNUM, 146)]),
    prefixed!(
        "slack_app_token",
        ["xapp-1-"],
        [r(CAPITALS, 9, 13), t("-"), r(DIGITS, 10, 13), t("-"), n(HEX, 64)]
    ),
    prefixed!(
        "slack_client_token",
        ["xoxc-", "xoxs-", "xoxo-"],
        [
            r(DIGITS, 9, 14),
            t("-"),
            r(DIGITS, 9, 14),
            t("-"),
            r(DIGITS, 9, 14),
            t("-"),
            r(SMALL, 10, 64)
        ]
    ),
    prefixed!("slack_workspace_token", ["xoxa-", "xoxr-"], [r(URL_64, 16, 80)]),
    prefixed!("slack_cookie_token", ["xoxd-"], [r(PERCENT, 40, ENDLESS)]),
    prefixed!(
        "slack_webhook",
        [
            "https://hooks.slack.com/services/T",
            "https://hooks.slack.com/workflows/T",
            "https://hooks.slack.com/triggers/T"
        ],
        [r(PATH, 40, 60)]
    ),
    prefixed!(
        "discord_webhook",
        ["https://discord.com/api/webhooks/", "https://discordapp.com/api/webhooks/"],
        [r(DIGITS, 17, 20), t("/"), r(URL_64, 60, 70)]
    ),
    prefixed!(
        "zapier_webhook",
        ["https://hooks.zapier.com/hooks/catch/"],
        [r(DIGITS, 5, 9), t("/"), r(SMALL, 6, 10)]
    )
    .certainty(90),
    prefixed!(
        "make_webhook",
        [
            "https://hook.make.com/",
            "https://hook.eu1.make.com/",
            "https://hook.eu2.make.com/",
            "https://hook.us1.make.com/",
            "https://hook.us2.make.com/",
            "https://hook.integromat.com/"
        ],
        [n(SMALL, 32)]
    ),
    prefixed!("twilio_api_key", ["SK"], [n(HEX, 32)]),
    prefixed!("sendgrid_token", ["SG."], [n(URL_64, 22), t("."), n(URL_64, 43)]),
    prefixed!("mailgun_key", ["key-"], [n(HEX, 32)]),
    prefixed!("mailgun_public_key", ["pubkey-"], [n(HEX, 32)]),
    prefixed!("mandrill_key", ["md-"], [n(URL_64, 22)]),
    prefixed!("brevo_api_key", ["xkeysib-"], [n(HEX, 64), t("-"), n(ALNUM, 16)]),
    prefixed!("brevo_smtp_key", ["xsmtpsib-"], [n(HEX, 64), t("-"), n(ALNUM, 16)]),
    prefixed!("resend_key", ["re_"], [n(ALNUM, 8), t("_"), n(ALNUM, 24)]),
    prefixed!("hubspot_token", ["pat-na1-", "pat-na2-", "pat-eu1-", "pat-ap1-"], [n(UUID, 36)]),
    prefixed!("facebook_page_token", ["EAAM", "EAAC"], [r(ALNUM, 100, ENDLESS)]),
    prefixed!("facebook_graph_token", ["EAACEdEose0cBA"], [r(ALNUM, 40, ENDLESS)]),
    prefixed!("twitter_bearer_token", ["AAAAAAAAAAAAAAAAAAAAA"], [r(PERCENT, 60, 120)]),
    prefixed!("instagram_token", ["IGQV"], [r(URL_64, 80, ENDLESS)]),
    prefixed!("firebase_messaging_key", ["AAAA"], [n(URL_64, 7), t(":APA91b"), n(URL_64, 134)]),
    prefixed!("twitch_oauth_token", ["oauth:"], [n(SMALL, 30)]),
    prefixed!(
        "salesforce_session",
        ["00D"],
        [n(ALNUM, 12), t("!"), r(Alphabet::of("0-9a-zA-Z_."), 60, 120)]
    ),
];
