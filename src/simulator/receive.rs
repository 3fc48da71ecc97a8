//! Reads requests off a connection, one after the other, bytes of the next one kept; connections
//! use it.
//!
//! Invariant: memory is bounded, and a request whose framing can be read in two ways is refused,
//! since a lenient peer would hide what the gateway really sent.

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::request::Received;

/// The most that a request line and its header fields may take.
const HEAD_BYTES: usize = 64 * 1024;
/// The most that a body may take.
const BODY_BYTES: usize = 16 * 1024 * 1024;
/// The most that a chunk's size line may take, its extensions included.
const CHUNK_LINE_BYTES: usize = 1024;
/// The most header fields.
const FIELDS: usize = 128;

/// Why no request came.
#[derive(Debug, PartialEq, Eq)]
pub enum Missing {
    /// The peer left, in order or not.
    Gone,
    /// What it sent is not taken: status and reason.
    Refused(u16, &'static str),
}

/// Reads the next request. `buffer` holds what was read beyond it.
pub async fn receive(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<Received, Missing> {
    let head = take_head(stream, buffer).await?;
    let mut received = parse(&head)?;
    let framing = framing(&received)?;
    if received.header("expect").is_some_and(|value| value.eq_ignore_ascii_case("100-continue")) {
        let go_on = stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await;
        go_on.map_err(|_| Missing::Gone)?;
    }
    received.body = match framing {
        Framing::Length(length) => take(stream, buffer, length).await?,
        Framing::Chunked => take_chunks(stream, buffer).await?,
    };
    Ok(received)
}

enum Framing {
    Length(usize),
    Chunked,
}

async fn fill(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<(), Missing> {
    match stream.read_buf(buffer).await {
        Ok(0) | Err(_) => Err(Missing::Gone),
        Ok(_) => Ok(()),
    }
}

async fn take_head(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<Bytes, Missing> {
    loop {
        if let Some(at) = memchr::memmem::find(buffer, b"\r\n\r\n") {
            return Ok(buffer.split_to(at + 4).freeze());
        }
        if buffer.len() > HEAD_BYTES {
            return Err(Missing::Refused(431, "the head is too large"));
        }
        fill(stream, buffer).await?;
    }
}

fn parse(head: &[u8]) -> Result<Received, Missing> {
    let mut fields = [httparse::EMPTY_HEADER; FIELDS];
    let mut request = httparse::Request::new(&mut fields);
    let malformed = Missing::Refused(400, "the head is malformed");
    let (Ok(_), Some(method), Some(target)) = (request.parse(head), request.method, request.path)
    else {
        return Err(malformed);
    };
    let platform = target.split(['/', '?']).nth(1).unwrap_or_default();
    let field = |field: &httparse::Header<'_>| {
        (field.name.to_owned(), String::from_utf8_lossy(field.value).into_owned())
    };
    Ok(Received {
        at: 0,
        platform: platform.to_owned(),
        method: method.to_owned(),
        target: target.to_owned(),
        headers: request.headers.iter().map(field).collect(),
        body: Bytes::new(),
    })
}

fn framing(received: &Received) -> Result<Framing, Missing> {
    let values = |name: &'static str| {
        let fields = received.headers.iter();
        fields.filter(move |field| field.0.eq_ignore_ascii_case(name)).map(|field| &field.1)
    };
    let (mut lengths, mut codings) = (values("content-length"), values("transfer-encoding"));
    match (lengths.next(), codings.next()) {
        (None, None) => Ok(Framing::Length(0)),
        (None, Some(coding)) if coding.eq_ignore_ascii_case("chunked") => match codings.next() {
            None => Ok(Framing::Chunked),
            Some(_) => Err(Missing::Refused(400, "two transfer codings")),
        },
        (Some(length), None) if lengths.next().is_none() => {
            let digits = length.bytes().all(|byte| byte.is_ascii_digit());
            match length.parse::<usize>() {
                Ok(length) if digits && length <= BODY_BYTES => Ok(Framing::Length(length)),
                Ok(_) if digits => Err(Missing::Refused(413, "the body is too large")),
                _ => Err(Missing::Refused(400, "the content length is malformed")),
            }
        }
        _ => Err(Missing::Refused(400, "the framing is ambiguous")),
    }
}

async fn take(
    stream: &mut TcpStream,
    buffer: &mut BytesMut,
    length: usize,
) -> Result<Bytes, Missing> {
    while buffer.len() < length {
        fill(stream, buffer).await?;
    }
    Ok(buffer.split_to(length).freeze())
}

async fn take_chunks(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<Bytes, Missing> {
    let mut body = BytesMut::new();
    loop {
        let size = take_chunk_size(stream, buffer).await?;
        if size == 0 {
            return take_trailers(stream, buffer).await.map(|()| body.freeze());
        }
        let room = BODY_BYTES - body.len();
        let size = usize::try_from(size).ok().filter(|size| *size <= room);
        let size = size.ok_or(Missing::Refused(413, "the body is too large"))?;
        body.extend_from_slice(&take(stream, buffer, size).await?);
        if take(stream, buffer, 2).await? != "\r\n" {
            return Err(Missing::Refused(400, "a chunk is longer than it says"));
        }
    }
}

async fn take_chunk_size(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<u64, Missing> {
    loop {
        match httparse::parse_chunk_size(buffer) {
            Ok(httparse::Status::Complete((line, size))) => {
                let _line = buffer.split_to(line);
                return Ok(size);
            }
            Ok(httparse::Status::Partial) if buffer.len() <= CHUNK_LINE_BYTES => {
                fill(stream, buffer).await?;
            }
            _ => return Err(Missing::Refused(400, "a chunk's size is malformed")),
        }
    }
}

async fn take_trailers(stream: &mut TcpStream, buffer: &mut BytesMut) -> Result<(), Missing> {
    let mut taken = 0;
    while taken <= HEAD_BYTES {
        match memchr::memmem::find(buffer, b"\r\n") {
            Some(at) => {
                let _line = buffer.split_to(at + 2);
                if at == 0 {
                    return Ok(());
                }
                taken += at;
            }
            None if buffer.len() <= HEAD_BYTES => fill(stream, buffer).await?,
            None => break,
        }
    }
    Err(Missing::Refused(431, "the trailers are too large"))
}
