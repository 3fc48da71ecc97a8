//! Secrets that have their mark in the middle, or only a form: rows of the kind that the validators
//! have, since a tokenizer finds them by their runs.
//!
//! Invariant: rows only. Samples are put together from parts, so that no scanner of sources takes
//! them for secrets in use.

use super::CHANCE;
use super::alphabet::{ALNUM, Alphabet, BASE_64, DIGITS, HEX, URL_64};
use super::form::{Form, n, r, t};
use crate::policy::pii::validators::entity::{EntityType, Shape};

const TILDE: Alphabet = Alphabet::of("0-9a-zA-Z_.~-");
const MNO: Alphabet = Alphabet::of("MNO");
const SUFFIX: Alphabet = Alphabet::of("A-D");
const END: Alphabet = Alphabet::of("AQgw");

/// A row whose secrets are one run of letters, digits and the bytes of `$extra`.
macro_rules! bare {
    ($name:literal, $extra:literal, $parts:expr) => {{
        const FORM: Form = Form { prefixes: &[], parts: &$parts, entropy: CHANCE };
        const LONGEST: usize = match FORM.max() {
            Some(longest) => longest,
            None => 0,
        };
        fn validate(candidate: &[u8]) -> bool {
            FORM.fits(candidate)
        }
        let shape = Shape::Run { min: FORM.min() as u8, max: LONGEST as u8, extra: $extra };
        EntityType::new($name, "secret", shape, validate, LONGEST).mask(0)
    }};
}

/// The rows.
pub const ENTITIES: &[EntityType] = &[
    bare!("telegram_bot_token", ":_-", [r(DIGITS, 8, 10), t(":AA"), n(URL_64, 33)]).samples(
        &[concat!("110201543", ":AAHdqTcvCH1vGWJxfSeofSAs", "0K5PALDsawx")],
        &["110201543:ABHdqTcvCH1vGWJxfSeofSAs0K5PALDsawx", "110201543:AAHdqTcvCH1vGWJxf"],
    ),
    bare!("discord_bot_token", "._-",
        [n(MNO, 1), r(URL_64, 23, 27), t("."), n(URL_64, 6), t("."), r(URL_64, 27, 40)])
    .samples(
        &[concat!("MTk4NjIyNDgzNDcxOTI1MjQ4", ".Cl2FMQ", ".ZnCjm1XVW7vRze4b7Cq4se7kKWs")],
        &["ATk4NjIyNDgzNDcxOTI1MjQ4.Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs", "MTk4.Cl2FMQ.ZnCjm1"],
    ),
    bare!("terraform_cloud_token", "._-", [n(ALNUM, 14), t(".atlasv1."), r(URL_64, 60, 70)]).samples(
        &[concat!(
            "A7bC9dE2fG4hI6",
            ".atlasv1.",
            "0Zx1Cv2Bn3Mq4Wl5Ek6Rj7Th8Yg9Uf0Id1Os2Pa3Qz4Xw5Sc6Ed7Vr8Fb9TgAb"
        )],
        &["A7bC9dE2fG4hI6.atlasv2.0Zx1Cv2Bn3Mq4Wl5Ek6Rj7Th8Yg9Uf0Id1Os2Pa3Qz4Xw5Sc6Ed7Vr8Fb9TgAb"],
    ),
    bare!("mailchimp_key", "-", [n(HEX, 32), t("-us"), r(DIGITS, 1, 2)]).samples(
        &[concat!("0a1b2c3d4e5f60718293a4b5c6d7e8f9", "-us21")],
        &["0a1b2c3d4e5f60718293a4b5c6d7e8f9-eu21", "0a1b2c3d4e5f60718293a4b5c6d7e8f-us21"],
    ),
    bare!("azure_client_secret", "_.~-", [n(TILDE, 3), n(DIGITS, 1), t("Q~"), r(TILDE, 31, 34)]).samples(
        &[concat!("aB3", "8Q~", "x1Y2z3A4b5C6d7E8f9G0h1I2j3K4l5M6n7")],
        &["aB3xQ~x1Y2z3A4b5C6d7E8f9G0h1I2j3K4l5M6n7", "aB38Q~x1Y2z3"],
    ),
    bare!("azure_devops_token", "", [n(ALNUM, 76), t("AZDO"), n(ALNUM, 4)]).samples(
        &[concat!(
            "Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3",
            "Ab4Cd5Ef6Gh7Ij8Kl9Mn0Op1Qr2St3Uv4W5X6Y",
            "AZDO",
            "a1B2"
        )],
        &["Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3Ab4Cd5Ef6Gh7Ij8Kl9Mn0Op1Qr2St3Uv4W5X6YAZDXa1B2"],
    ),
    bare!("azure_search_key", "", [n(ALNUM, 42), t("AzSe"), n(SUFFIX, 1), n(ALNUM, 5)]).samples(
        &[concat!("Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3Ab4", "AzSe", "Da1B2c")],
        &["Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3Ab4AzSeZa1B2c"],
    ),
    bare!("azure_registry_key", "+/", [n(BASE_64, 42), t("+ACR"), n(SUFFIX, 1), n(ALNUM, 5)]).samples(
        &[concat!("Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3A+b", "+ACR", "Da1B2c")],
        &["Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3A+b-ACRDa1B2c"],
    ),
    bare!("azure_function_key", "_=-", [n(URL_64, 44), t("AzFu"), n(URL_64, 5), n(END, 1), t("==")]).samples(
        &[concat!("Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3A_b9c", "AzFu", "a1B2cQ==")],
        &["Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx2Yz3A_b9cAzFua1B2cQ="],
    ),
    bare!("new_relic_license_key", "", [n(HEX, 36), t("NRAL")]).samples(
        &[concat!("0a1b2c3d4e5f60718293a4b5c6d7e8f901a2", "NRAL")],
        &["0a1b2c3d4e5f60718293a4b5c6d7e8f901a2NRAX"],
    ),
    bare!("maxmind_license_key", "_", [n(ALNUM, 6), t("_"), n(ALNUM, 29), t("_mmk")]).samples(
        &[concat!("Ab1Cd2", "_", "Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx", "_mmk")],
        &["Ab1Cd2_Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx_mmx", "Ab1Cd_Ef3Gh4Ij5Kl6Mn7Op8Qr9St0Uv1Wx_mmk"],
    ),
    bare!("ngrok_token", "_", [t("2"), n(ALNUM, 26), t("_"), n(ALNUM, 21)]).samples(
        &[concat!("2Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr", "_", "9St0Uv1Wx2Yz3Ab4Cd5Ef")],
        &["3Ab1Cd2Ef3Gh4Ij5Kl6Mn7Op8Qr_9St0Uv1Wx2Yz3Ab4Cd5Ef"],
    ),
];
