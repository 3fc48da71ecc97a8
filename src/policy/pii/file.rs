//! Treats a file that comes with a message, where it is text: by its bytes, whatever its media type
//! says. Images, PDFs and archives are not looked into.
//!
//! Invariant: a file in which nothing is found keeps its bytes.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::json::JsonTreatment;
use super::scan::Failure;
use crate::model::content::Attachment;

/// Treats a file in place.
///
/// # Errors
/// [`Failure`]; a text in an encoding that cannot be read is one, too.
pub(super) fn treat(by: &mut JsonTreatment, file: &mut Attachment) -> Result<(), Failure> {
    if by.is_idle() {
        return Ok(());
    }
    if let Some(name) = &mut file.name {
        by.text("", name)?;
    }
    by.plain_text(&mut file.media_type)?;
    // It was checked when it was taken.
    let bytes = STANDARD.decode(&file.base64).map_err(|_| Failure::Internal)?;
    let text = match String::from_utf8(bytes) {
        Ok(text) if !says_binary(&text) => text,
        Ok(_) => return wide(file),
        Err(error) if is_text(&file.media_type) && !error.as_bytes().contains(&0) => {
            return single_bytes(by, file, error.as_bytes());
        }
        Err(_) => return wide(file),
    };
    let mut treated = text.clone();
    by.text("", &mut treated)?;
    if treated != text {
        file.base64 = STANDARD.encode(treated);
    }
    Ok(())
}

/// A text in one of the old encodings with a byte a character (ISO 8859, Windows code pages): what
/// is looked for is ASCII in all of them.
fn single_bytes(
    by: &mut JsonTreatment,
    file: &mut Attachment,
    bytes: &[u8],
) -> Result<(), Failure> {
    let text: String = bytes.iter().copied().map(char::from).collect();
    let mut treated = text.clone();
    by.plain_text(&mut treated)?;
    if treated != text {
        let byte = |character| u8::try_from(u32::from(character)).map_err(|_| Failure::Internal);
        let bytes = treated.chars().map(byte).collect::<Result<Vec<u8>, _>>()?;
        file.base64 = STANDARD.encode(bytes);
    }
    Ok(())
}

/// What is no text by its bytes passes, unless it is said to be one: then it is in an encoding with
/// more bytes a character, such as UTF-16, and nobody has looked into it.
fn wide(file: &Attachment) -> Result<(), Failure> {
    if is_text(&file.media_type) {
        return Err(Failure::Unreadable {
            what: "the file is text in another encoding than UTF-8",
        });
    }
    Ok(())
}

fn says_binary(text: &str) -> bool {
    text.contains('\0')
}

/// Whether a media type is that of a text.
fn is_text(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let (kind, of) = essence.split_once('/').unwrap_or_default();
    kind == "text"
        || of.ends_with("+json")
        || of.ends_with("+xml")
        || matches!(
            of,
            "json"
                | "xml"
                | "yaml"
                | "x-yaml"
                | "javascript"
                | "sql"
                | "x-ndjson"
                | "x-www-form-urlencoded"
                | "csv"
        )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::pii::testing;

    fn treated(media_type: &str, bytes: &[u8]) -> Result<Vec<u8>, Failure> {
        let (media_type, base64) = (media_type.to_owned(), STANDARD.encode(bytes));
        let mut file = Attachment { media_type, name: None, base64 };
        treat(&mut testing::json("redact"), &mut file)?;
        Ok(STANDARD.decode(file.base64).unwrap())
    }

    #[test]
    fn text_is_treated_by_its_bytes_and_all_else_keeps_them() {
        for (media_type, bytes, expected) in [
            ("text/plain", &b"to jane@example.com"[..], &b"to [EMAIL]"[..]),
            ("application/octet-stream", b"to jane@example.com", b"to [EMAIL]"),
            ("application/json", b"{\"a\":\"jane\\u0040example.com\"}", b"{\"a\":\"[EMAIL]\"}"),
            ("text/csv; charset=iso-8859-1", b"caf\xe9;jane@example.com", b"caf\xe9;[EMAIL]"),
            ("image/png", b"\x89PNG\0jane@example.com", b"\x89PNG\0jane@example.com"),
            ("text/plain", b" nothing \r\n", b" nothing \r\n"),
        ] {
            assert_eq!(treated(media_type, bytes).unwrap(), expected, "{media_type}");
        }
    }

    #[test]
    fn text_that_cannot_be_read_is_refused() {
        let wide: Vec<u8> = "jane@example.com".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert!(matches!(treated("text/plain", &wide), Err(Failure::Unreadable { .. })));
        assert!(treated("application/octet-stream", &wide).is_ok());
    }
}
