//! Reads a request body whole, up to a bound. Called by every face that takes one.
//!
//! Invariant: never holds more than the bound plus one frame.

use bytes::{Bytes, BytesMut};
use http::Request;
use http_body::Body as _;
use http_body_util::BodyExt;

use crate::error::{Error, Kind, Result};
use crate::http::body::Body;

/// The request's body; `ContentTooLarge` where it has more than `limit` bytes.
pub async fn read(request: &mut Request<Body>, limit: usize) -> Result<Bytes> {
    let body = request.body_mut();
    if body.size_hint().lower() > limit as u64 {
        return Err(too_large(limit));
    }
    if let Some(bytes) = body.take_full() {
        return Ok(bytes);
    }
    let mut whole = BytesMut::new();
    let mut first: Option<Bytes> = None;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame?.into_data() else { continue };
        let held = first.as_ref().map_or(whole.len(), Bytes::len);
        if held + data.len() > limit {
            return Err(too_large(limit));
        }
        // A body of one frame, which most are, is handed on as it came.
        if held == 0 {
            first = Some(data);
            continue;
        }
        if let Some(first) = first.take() {
            whole.extend_from_slice(&first);
        }
        whole.extend_from_slice(&data);
    }
    Ok(first.unwrap_or_else(|| whole.freeze()))
}

fn too_large(limit: usize) -> Error {
    Error::new(Kind::ContentTooLarge, format!("the body may have at most {limit} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use http_body::Frame;
    use http_body_util::StreamBody;

    async fn read_frames(frames: &[&'static str], limit: usize) -> Result<Bytes> {
        let frames: Vec<Result<Frame<Bytes>>> =
            frames.iter().map(|text| Ok(Frame::data(Bytes::from(*text)))).collect();
        let body = Body::stream(StreamBody::new(stream::iter(frames)));
        read(&mut Request::new(body), limit).await
    }

    #[tokio::test]
    async fn frames_are_joined_in_order() {
        for frames in [&["abcdef"][..], &["abc", "def"], &["", "ab", "", "cd", "ef"]] {
            assert_eq!(read_frames(frames, 6).await.unwrap(), "abcdef");
        }
        assert_eq!(read_frames(&[], 6).await.unwrap(), "");
    }

    #[tokio::test]
    async fn a_body_over_the_bound_is_refused_whole_or_in_pieces() {
        for frames in [&["abcdefg"][..], &["abc", "defg"], &["a", "b", "c", "d", "e", "f", "g"]] {
            let refused = read_frames(frames, 6).await.unwrap_err();
            assert_eq!(refused.kind(), Kind::ContentTooLarge);
        }
        let mut whole = Request::new(Body::full("abcdefg"));
        assert_eq!(read(&mut whole, 6).await.unwrap_err().kind(), Kind::ContentTooLarge);
        assert_eq!(read(&mut Request::new(Body::full("abcdef")), 6).await.unwrap(), "abcdef");
    }
}
