//! Files that come with a message: checked as they are taken in.
//!
//! Invariant: what leaves here as base64 is base64, padded, and of a media type with two parts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::inbound::unified::check::{Faults, is_http_url};
use crate::inbound::unified::request::AttachmentBody;
use crate::model::content::Attachment;

/// A checked file; none where it was given by address, or is wrong.
pub fn take(body: AttachmentBody, path: &str, faults: &mut Faults) -> Option<Attachment> {
    if !is_media_type(&body.media_type) {
        faults.add(format!("{path}.media_type"), "must be a media type such as application/pdf");
    }
    match (body.data, body.url) {
        (Some(base64), None) => {
            if !is_base64(&base64) {
                faults.add(format!("{path}.data"), "must be base64, padded");
            }
            Some(Attachment { media_type: body.media_type, name: body.name, base64 })
        }
        (None, Some(url)) => {
            if !is_http_url(&url) {
                faults.add(format!("{path}.url"), "must be an http or https address");
            }
            None
        }
        (Some(_), Some(_)) | (None, None) => {
            faults.add(path, "must have exactly one of data and url");
            None
        }
    }
}

fn is_media_type(text: &str) -> bool {
    let is_token = |part: &str| {
        let of_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$&^_.+-".contains(&b);
        !part.is_empty() && part.bytes().all(of_token)
    };
    let essence = text.split(';').next().unwrap_or("").trim();
    essence.split_once('/').is_some_and(|(kind, sub)| is_token(kind) && is_token(sub))
}

/// Decodes in small pieces, so that a file of megabytes is checked without a second copy of it.
fn is_base64(text: &str) -> bool {
    let mut bytes = [0u8; 3 * 256];
    let pieces = text.as_bytes().chunks(4 * 256);
    let last = pieces.len().saturating_sub(1);
    !text.is_empty()
        && text.len().is_multiple_of(4)
        && pieces.enumerate().all(|(at, piece)| {
            let decoded = STANDARD.decode_slice(piece, &mut bytes);
            // Padding may only stand at the very end.
            decoded.is_ok_and(|length| at == last || length == bytes.len())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_checked_over_the_borders_of_its_pieces() {
        let long = STANDARD.encode(vec![7u8; 5000]);
        for good in ["QQ==", "QUJD", long.as_str()] {
            assert!(is_base64(good));
        }
        let mut broken = long.clone();
        broken.replace_range(1022..1024, "==");
        for bad in ["", "QQ", "Q===", "QQ==QQ==", "Q-_=", " QQ=", broken.as_str()] {
            assert!(!is_base64(bad), "{bad}");
        }
    }

    #[test]
    fn a_media_type_has_two_parts() {
        for good in ["application/pdf", "text/plain; charset=utf-8", "image/svg+xml"] {
            assert!(is_media_type(good), "{good}");
        }
        for bad in ["", "pdf", "/pdf", "text/", "a/b/c", "text plain/x"] {
            assert!(!is_media_type(bad), "{bad}");
        }
    }
}
