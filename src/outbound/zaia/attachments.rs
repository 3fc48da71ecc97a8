//! Files as Zaia takes them: data URLs of four kinds. Called by `request.rs`.

use super::wire;
use crate::error::{Error, Kind, Result};
use crate::model::content::Message;
use crate::model::plan::Plan;
use crate::model::request::Unsupported;
use crate::model::run::Warning;

/// The messages of a run with their files. A file of a kind that Zaia does not take is refused by
/// its place, or left out with a warning where the request allows that.
pub(super) fn messages<'a>(
    plan: &'a Plan,
    upstream: &str,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<wire::Message<'a>>> {
    let replayed = plan.thread.history.len();
    let mut refused: Option<Error> = None;
    let mut messages = Vec::with_capacity(replayed + plan.request.input.len());
    for (at, message) in plan.messages().enumerate() {
        // What was refused once never got into the history.
        let (attachments, unknown, unnamed) = files(message);
        for index in unnamed.into_iter().filter(|_| at >= replayed) {
            let place = format!("input[{}].attachments[{index}].name", at - replayed);
            warnings.push(Warning::ignored(&place));
        }
        for index in unknown {
            let place = format!("input[{}].attachments[{index}]", at.saturating_sub(replayed));
            if plan.request.unsupported == Unsupported::Ignore {
                warnings.push(Warning::ignored(&place));
                continue;
            }
            let error = refused.take().unwrap_or_else(|| {
                let said = format!("upstream `{upstream}` does not take all of these files");
                Error::new(Kind::UnsupportedByUpstream, said)
            });
            let known = "expected image/png, application/pdf, text/markdown or text/plain";
            refused = Some(error.at(place, known));
        }
        let content = message.content.as_str();
        messages.push(wire::Message { role: message.role, content, attachments });
    }
    refused.map_or(Ok(messages), Err)
}

/// A message's files, the places of those that are of no known kind, and of those whose name is
/// left out, because only PDFs have one there.
fn files(message: &Message) -> (Vec<wire::Attachment<'_>>, Vec<usize>, Vec<usize>) {
    let (mut unknown, mut unnamed) = (Vec::new(), Vec::new());
    let mut files = Vec::with_capacity(message.attachments.len());
    for (index, file) in message.attachments.iter().enumerate() {
        let essence = file.media_type.split(';').next().unwrap_or_default().trim();
        let Some((media_type, extension)) = kind(&essence.to_ascii_lowercase()) else {
            unknown.push(index);
            continue;
        };
        let name = file.name.as_deref().filter(|_| extension == "pdf");
        if file.name.is_some() && name.is_none() {
            unnamed.push(index);
        }
        files.push(wire::Attachment {
            base64: format!("data:{media_type};base64,{}", file.base64),
            extension,
            name,
        });
    }
    (files, unknown, unnamed)
}

fn kind(media_type: &str) -> Option<(&'static str, &'static str)> {
    match media_type {
        "image/png" => Some(("image/png", "png")),
        "application/pdf" => Some(("application/pdf", "pdf")),
        "text/markdown" | "text/x-markdown" => Some(("text/markdown", "md")),
        "text/plain" => Some(("text/plain", "txt")),
        _ => None,
    }
}
