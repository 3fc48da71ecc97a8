//! Keys of models and of what is built around them.
//!
//! Invariant: rows only.

use super::alphabet::{ALNUM, HEX, LETTERS, SMALL, URL_64, UUID};
use super::form::{n, r, t};
use super::{SecretFormat, prefixed};

/// The formats of this family.
pub(super) const FORMATS: &[SecretFormat] = &[
    prefixed!("anthropic_api_key", ["sk-ant-api03-"], [n(URL_64, 93), t("AA")]),
    prefixed!("anthropic_admin_key", ["sk-ant-admin01-"], [n(URL_64, 93), t("AA")]),
    prefixed!("anthropic_oauth_token", ["sk-ant-oat01-", "sk-ant-ort01-"], [r(URL_64, 80, 120)]),
    prefixed!("openai_project_key", ["sk-proj-"], [r(URL_64, 40, 200)]),
    prefixed!("openai_service_key", ["sk-svcacct-"], [r(URL_64, 40, 200)]),
    prefixed!("openai_admin_key", ["sk-admin-"], [r(URL_64, 40, 200)]),
    prefixed!("openai_key", ["sk-"], [n(ALNUM, 20), t("T3BlbkFJ"), n(ALNUM, 20)]),
    prefixed!("openrouter_key", ["sk-or-v1-"], [n(HEX, 64)]),
    prefixed!("langfuse_secret_key", ["sk-lf-"], [n(UUID, 36)]),
    prefixed!("key_of_openai_form", ["sk-"], [n(ALNUM, 48)]).certainty(90),
    prefixed!("deepseek_key", ["sk-"], [n(HEX, 32)]).certainty(90),
    prefixed!("huggingface_token", ["hf_"], [n(LETTERS, 34)]),
    prefixed!("huggingface_organisation_token", ["api_org_"], [n(LETTERS, 34)]),
    prefixed!("replicate_token", ["r8_"], [n(ALNUM, 37)]),
    prefixed!("groq_key", ["gsk_"], [n(ALNUM, 52)]),
    prefixed!("perplexity_key", ["pplx-"], [n(ALNUM, 48)]),
    prefixed!("xai_key", ["xai-"], [n(ALNUM, 80)]),
    prefixed!("together_key", ["tgp_v1_"], [n(URL_64, 43)]),
    prefixed!("fireworks_key", ["fw_"], [r(ALNUM, 22, 24)]),
    prefixed!("cerebras_key", ["csk-"], [n(SMALL, 48)]),
    prefixed!("nvidia_api_key", ["nvapi-"], [n(URL_64, 64)]),
    prefixed!("elevenlabs_key", ["sk_"], [n(HEX, 48)]),
    prefixed!("voyage_key", ["pa-"], [n(URL_64, 43)]),
    prefixed!("jina_key", ["jina_"], [r(ALNUM, 60, 70)]),
    prefixed!("pinecone_key", ["pcsk_"], [r(ALNUM, 5, 6), t("_"), n(ALNUM, 63)]),
    prefixed!("tavily_key", ["tvly-dev-", "tvly-prod-", "tvly-"], [n(ALNUM, 32)]),
    prefixed!("firecrawl_key", ["fc-"], [n(HEX, 32)]),
    prefixed!("langsmith_key", ["lsv2_pt_", "lsv2_sk_"], [n(HEX, 32), t("_"), n(HEX, 10)]),
    prefixed!("modal_token", ["ak-", "as-"], [n(ALNUM, 22)]).certainty(85),
    prefixed!("cursor_key", ["key_"], [n(HEX, 64)]),
];
