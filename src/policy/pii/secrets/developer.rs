//! Keys of code hosts, of package registries, of builders and of tools for developers.
//!
//! Invariant: rows, and the checksum that GitHub's and npm's tokens share.

use super::alphabet::{
    ALNUM, BASE_64, BASE_64_PADDED, CAPITALS, DIGITS, HEX, SMALL, URL_64, URL_64_PADDED, UUID,
};
use super::form::{ENDLESS, n, r, t};
use super::{SecretFormat, prefixed};

/// The formats of this family.
pub(super) const FORMATS: &[SecretFormat] = &[
    // GitHub.
    prefixed!("github_personal_token", ["ghp_"], [n(ALNUM, 36)]).proved_by(github_checksum),
    prefixed!("github_oauth_token", ["gho_"], [n(ALNUM, 36)]).proved_by(github_checksum),
    prefixed!("github_user_token", ["ghu_"], [n(ALNUM, 36)]).proved_by(github_checksum),
    prefixed!("github_app_token", ["ghs_"], [n(ALNUM, 36)]).proved_by(github_checksum),
    prefixed!("github_refresh_token", ["ghr_"], [r(ALNUM, 36, 76)]).proved_by(github_checksum),
    prefixed!("github_fine_grained_token", ["github_pat_"], [n(ALNUM, 22), t("_"), n(ALNUM, 59)]),
    // GitLab.
    prefixed!("gitlab_personal_token", ["glpat-"], [n(URL_64, 20)]),
    prefixed!(
        "gitlab_routable_token",
        ["glpat-"],
        [r(URL_64, 27, 300), t("."), n(SMALL, 2), n(SMALL, 7)]
    ),
    prefixed!("gitlab_deploy_token", ["gldt-"], [r(URL_64, 20, 60)]),
    prefixed!("gitlab_runner_token", ["glrt-", "glrtr-"], [r(URL_64, 20, 60)]),
    prefixed!("gitlab_runner_registration", ["GR1348941"], [n(URL_64, 20)]),
    prefixed!("gitlab_job_token", ["glcbt-"], [r(HEX, 1, 5), t("_"), n(URL_64, 20)]),
    prefixed!("gitlab_trigger_token", ["glptt-"], [n(HEX, 40)]),
    prefixed!("gitlab_feed_token", ["glft-"], [n(URL_64, 20)]),
    prefixed!("gitlab_mail_token", ["glimt-"], [n(URL_64, 25)]),
    prefixed!("gitlab_agent_token", ["glagent-"], [n(URL_64, 50)]),
    prefixed!("gitlab_application_secret", ["gloas-"], [n(URL_64, 64)]),
    prefixed!("gitlab_scim_token", ["glsoat-"], [n(URL_64, 20)]),
    prefixed!("gitlab_flags_token", ["glffct-"], [n(URL_64, 20)]),
    // Atlassian and Sourcegraph.
    prefixed!("bitbucket_app_password", ["ATBB"], [n(ALNUM, 32)]),
    prefixed!("bitbucket_server_token", ["BBDC-"], [n(BASE_64, 44)]),
    prefixed!("atlassian_api_token", ["ATATT3"], [r(URL_64_PADDED, 100, 260)]),
    prefixed!("atlassian_access_token", ["ATCTT3"], [r(URL_64_PADDED, 100, 260)]),
    prefixed!("sourcegraph_token", ["sgp_"], [n(HEX, 40)]),
    prefixed!("sourcegraph_instance_token", ["sgp_"], [n(HEX, 16), t("_"), n(HEX, 40)]),
    prefixed!("sourcegraph_local_token", ["sgp_local_"], [n(HEX, 40)]),
    // Registries.
    prefixed!("npm_token", ["npm_"], [n(ALNUM, 36)]).proved_by(github_checksum),
    prefixed!("pypi_token", ["pypi-AgEIcHlwaS5vcmc"], [r(URL_64, 50, ENDLESS)]),
    prefixed!("pypi_test_token", ["pypi-AgENdGVzdC5weXBpLm9yZw"], [r(URL_64, 50, ENDLESS)]),
    prefixed!("rubygems_token", ["rubygems_"], [n(HEX, 48)]),
    prefixed!("crates_io_token", ["cio"], [n(ALNUM, 32)]),
    prefixed!("nuget_key", ["oy2"], [n(SMALL, 43)]),
    prefixed!("clojars_token", ["CLOJARS_"], [n(SMALL, 60)]),
    prefixed!("docker_personal_token", ["dckr_pat_"], [n(URL_64, 27)]),
    prefixed!("docker_organisation_token", ["dckr_oat_"], [n(URL_64, 32)]),
    prefixed!("artifactory_api_key", ["AKCp"], [n(ALNUM, 69)]),
    prefixed!("artifactory_reference_token", ["cmVmd"], [n(ALNUM, 59)]),
    // Builders and checkers.
    prefixed!("circleci_token", ["CCIPAT_", "CCIPRJ_"], [n(ALNUM, 22), t("_"), n(HEX, 40)]),
    prefixed!("buildkite_token", ["bkua_"], [n(HEX, 40)]),
    prefixed!("sonarqube_user_token", ["squ_"], [n(HEX, 40)]),
    prefixed!("sonarqube_project_token", ["sqp_"], [n(HEX, 40)]),
    prefixed!("sonarqube_analysis_token", ["sqa_"], [n(HEX, 40)]),
    prefixed!("prefect_api_token", ["pnu_", "pnb_"], [n(SMALL, 36)]),
    prefixed!("infracost_key", ["ico-"], [n(ALNUM, 32)]),
    prefixed!("postman_api_key", ["PMAK-"], [n(HEX, 24), t("-"), n(HEX, 34)]),
    prefixed!("postman_collection_key", ["PMAT-"], [n(CAPITALS, 26)]),
    prefixed!("readme_api_key", ["rdme_"], [n(SMALL, 70)]),
    prefixed!("endorlabs_key", ["endr+"], [n(URL_64, 16)]),
    prefixed!("settlemint_token", ["sm_aat_", "sm_pat_", "sm_sat_"], [n(ALNUM, 16)]),
    prefixed!("intra42_secret", ["s-s4t2ud-", "s-s4t2af-"], [n(HEX, 64)]),
    prefixed!("adobe_client_secret", ["p8e-"], [n(SMALL, 32)]),
    prefixed!("adafruit_key", ["aio_"], [n(ALNUM, 28)]),
    prefixed!("frameio_token", ["fio-u-"], [n(URL_64_PADDED, 64)]),
    prefixed!("lichess_token", ["lip_"], [n(ALNUM, 20)]),
    prefixed!("contentful_token", ["CFPAT-"], [n(URL_64, 43)]),
    prefixed!("e2b_key", ["e2b_"], [n(HEX, 40)]),
    prefixed!(
        "onfido_token",
        ["api_live.", "api_sandbox.", "api_live_us.", "api_live_ca."],
        [n(URL_64, 11), t("."), n(URL_64, 32)]
    ),
    prefixed!("stytch_secret", ["secret-test-", "secret-live-"], [r(URL_64_PADDED, 32, 40)]),
    prefixed!(
        "snyk_token",
        ["snyk_uat.", "snyk_sat."],
        [n(SMALL, 8), t("."), r(URL_64, 8, 200), t("."), r(URL_64, 8, 200)]
    ),
    prefixed!("woocommerce_key", ["ck_", "cs_"], [n(HEX, 40)]),
    prefixed!("zoho_token", ["1000."], [n(HEX, 32), t("."), n(HEX, 32)]),
    prefixed!(
        "bitwarden_access_token",
        ["0."],
        [n(UUID, 36), t("."), n(ALNUM, 30), t(":"), n(BASE_64_PADDED, 24)]
    ),
    prefixed!("clickup_token", ["pk_"], [r(DIGITS, 6, 9), t("_"), n(CAPITALS, 32)]),
];

/// Whether the last six characters are the checksum of the others after the prefix: CRC-32 in base
/// 62, padded with zeros (GitHub Engineering, "Behind GitHub's new authentication token formats",
/// April 2021).
fn github_checksum(candidate: &[u8]) -> bool {
    let Some(underscore) = candidate.iter().position(|byte| *byte == b'_') else { return false };
    let body = candidate.get(underscore + 1..).unwrap_or_default();
    let Some((random, check)) = body.split_last_chunk::<6>() else { return false };
    base_62_crc(random) == *check
}

/// The CRC-32 of some bytes as six digits of base 62, from 0 over A to z.
pub(super) fn base_62_crc(bytes: &[u8]) -> [u8; 6] {
    const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    let mut rest = crc32fast::hash(bytes);
    let mut text = [b'0'; 6];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    text
}
