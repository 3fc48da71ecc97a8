//! The decoder against the standard, by cases and against a slow twin of it.

use proptest::prelude::*;

use super::*;

type Event = (String, String);

const ROOMY: Caps = Caps { line: 1 << 20, event: 1 << 20, stream: 1 << 30 };

fn decode(caps: Caps, chunks: &[&[u8]]) -> (Vec<Event>, Option<String>) {
    let mut decoder = Decoder::new(caps);
    let mut events = Vec::new();
    let mut sink = |frame: Frame<'_>| {
        events.push((frame.event.to_owned(), frame.data.to_owned()));
        Ok(())
    };
    let mut result = Ok(());
    for chunk in chunks {
        result = result.and_then(|()| decoder.push(chunk, &mut sink));
        assert!(decoder.line.len() <= caps.line && decoder.data.len() <= caps.event);
        assert!(decoder.line.capacity() <= 2 * caps.line.max(8));
    }
    result = result.and_then(|()| decoder.finish(&mut sink));
    (events, result.err().map(|error| error.message().to_owned()))
}

/// The standard, word by word: decode everything, normalise line ends, split, interpret.
fn twin(bytes: &[u8]) -> Vec<Event> {
    let text = String::from_utf8_lossy(bytes).replace("\r\n", "\n").replace('\r', "\n");
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let (mut events, mut name, mut data) = (Vec::new(), String::new(), String::new());
    for line in text.split('\n').chain([""]) {
        if line.is_empty() {
            if let Some(data) = data.strip_suffix('\n') {
                events.push((name.clone(), data.to_owned()));
            }
            name.clear();
            data.clear();
            continue;
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => name = value.to_owned(),
            "data" => data = format!("{data}{value}\n"),
            _ => {}
        }
    }
    events
}

#[test]
fn every_case_of_the_standard_gives_its_events() {
    type Case<'a> = (&'a str, &'a [u8], &'a [(&'a str, &'a str)]);
    let cases: &[Case<'_>] = &[
        ("line feeds", b"data: a\n\ndata: b\n\n", &[("", "a"), ("", "b")]),
        ("both", b"data: a\r\n\r\ndata: b\r\n\r\n", &[("", "a"), ("", "b")]),
        ("returns", b"data: a\r\rdata: b\r\r", &[("", "a"), ("", "b")]),
        ("mixed ends", b"data:1\rdata:2\ndata:3\r\n\r\n", &[("", "1\n2\n3")]),
        ("a byte order mark", b"\xef\xbb\xbfdata: a\n\n", &[("", "a")]),
        ("a second mark is text", b"\xef\xbb\xbf\xef\xbb\xbfdata: a\n\n", &[]),
        ("a mark later is text", b"\n\xef\xbb\xbfdata: a\n\ndata: b\n\n", &[("", "b")]),
        ("a mark and a blank line", b"\xef\xbb\xbf\ndata: a\n\n", &[("", "a")]),
        ("comments", b": hi\ndata: a\n:\n: data: x\ndata: b\n\n", &[("", "a\nb")]),
        ("a comment with a NUL", b":\0\ndata: a\n\n", &[("", "a")]),
        ("no space", b"data:a\n\n", &[("", "a")]),
        ("one space goes, two leave one", b"data:  a\n\n", &[("", " a")]),
        ("a tab stays", b"data:\ta\n\n", &[("", "\ta")]),
        (
            "a field without a colon",
            b"data\n\ndata\ndata\n\ndata:x\n\n",
            &[("", ""), ("", "\n"), ("", "x")],
        ),
        ("several lines", b"data: a\ndata\ndata: b\n\n", &[("", "a\n\nb")]),
        ("a colon in the value", b"data::a:b\n\n", &[("", ":a:b")]),
        ("names", b"event:step\nid:6f\ndata:{}\n\n", &[("step", "{}")]),
        ("the last name counts", b"event: a\nevent: b\ndata: c\n\n", &[("b", "c")]),
        ("an empty name resets", b"event: a\nevent\ndata: c\n\n", &[("", "c")]),
        ("a name ends with its event", b"event: a\n\ndata: b\n\n", &[("", "b")]),
        ("a name after its data", b"data: b\nevent: a\n\n", &[("a", "b")]),
        ("unknown fields", b"foo: a\n data: b\nDATA: c\ndatax: d\ndata : e\n\n", &[]),
        ("id and retry", b"retry: 1000\nid: 7\nid\ndata: a\n\n", &[("", "a")]),
        ("a NUL in data and field", b"data: a\0b\n\ndata\0: c\n\n", &[("", "a\0b")]),
        ("invalid UTF-8", b"data: \xff \xe2\x82\n\n", &[("", "\u{fffd} \u{fffd}")]),
        ("no blank line at the end", b"data: a\n", &[("", "a")]),
        ("no line end at the end", b"event: e\ndata: a", &[("e", "a")]),
        ("cut within a character at the end", b"data: a\xc3", &[("", "a\u{fffd}")]),
        ("a comment at the end", b"data: a\n\n: bye", &[("", "a")]),
        ("nothing", b"", &[]),
    ];
    for (case, bytes, expected) in cases {
        let expected: Vec<Event> =
            expected.iter().map(|(e, d)| ((*e).to_owned(), (*d).to_owned())).collect();
        assert_eq!(decode(ROOMY, &[bytes]), (expected.clone(), None), "{case}");
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(decode(ROOMY, &single), (expected, None), "{case}, byte by byte");
    }
}

#[test]
fn an_event_comes_out_with_its_blank_line_not_with_the_next_byte() {
    for end in ["\n\n", "\r\r", "\r\n\r"] {
        let mut count = 0;
        let text = format!("data: a{end}");
        Decoder::new(ROOMY)
            .push(text.as_bytes(), &mut |_| {
                count += 1;
                Ok(())
            })
            .unwrap();
        assert_eq!(count, 1, "{end:?}");
    }
}

#[test]
fn a_line_within_one_chunk_is_not_copied() {
    let chunk = b"data: first\n\nevent: e\ndata: second\n\n";
    let range = chunk.as_ptr_range();
    let mut decoder = Decoder::new(ROOMY);
    decoder
        .push(chunk, &mut |frame| {
            assert!(range.contains(&frame.data.as_ptr()));
            Ok(())
        })
        .unwrap();
    assert_eq!((decoder.data.capacity(), decoder.line.capacity()), (0, 0));
}

#[test]
fn each_bound_is_exact_and_says_its_name() {
    let caps = Caps { line: 10, event: 8, stream: 40 };
    let error = |bytes: &[u8]| decode(caps, &[bytes]).1.unwrap_or_default();
    assert_eq!(error(b"data: 1234\n\n"), "");
    assert!(error(b"data: 12345\n\n").contains("a line of the stream is longer than 10"));
    assert!(error(b": endless comment").contains("a line"));
    assert_eq!(error(b"data:123\ndata:4567\n\n"), "");
    assert!(error(b"data:1234\ndata:5678\n\n").contains("an event of the stream is longer than 8"));
    assert_eq!(error(&b"data: x\n\n: a\n:\n".repeat(3)[..40]), "");
    assert!(error(&b":\n".repeat(21)).contains("the stream is longer than 40"));
}

#[test]
fn a_line_without_end_never_grows_beyond_its_bound() {
    let caps = Caps { line: 1_000, event: 1_000, stream: u64::MAX };
    let chunks = vec![&[b'x'; 64][..]; 100_000];
    let (events, error) = decode(caps, &chunks);
    assert!(events.is_empty() && error.is_some());
}

#[test]
fn after_an_error_nothing_more_is_decoded() {
    let mut decoder = Decoder::new(ROOMY);
    let mut count = 0;
    let mut sink = |_: Frame<'_>| {
        count += 1;
        Err(Error::new(Kind::UpstreamProtocol, "no"))
    };
    assert!(decoder.push(b"data: a\n\ndata: b\n\n", &mut sink).is_err());
    decoder.push(b"data: c\n\n", &mut sink).unwrap();
    decoder.finish(&mut sink).unwrap();
    assert_eq!(count, 1);
}

/// Streams that hit every branch far more often than random bytes do.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        8 => prop::sample::select(vec![
            &b"data"[..], b"event", b"id", b":", b": ", b" ", b"\n", b"\r", b"\r\n", b"\n\n",
            b"\xef\xbb\xbf", b"\xef\xbb", b"\xc3\xa9", b"\xc3", b"\xff", b"\xf0\x9f\x98", b"\0",
            b"x", b"data: ok\n\n",
        ]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..6),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn cut<'b>(bytes: &'b [u8], cuts: &[prop::sample::Index]) -> Vec<&'b [u8]> {
    let mut at: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
    at.extend([0, bytes.len()]);
    at.sort_unstable();
    at.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn every_cutting_gives_the_events_of_the_standard(
        bytes in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
    ) {
        let expected = (twin(&bytes), None);
        prop_assert_eq!(&decode(ROOMY, &[&bytes]), &expected);
        prop_assert_eq!(&decode(ROOMY, &cut(&bytes, &cuts)), &expected);
    }

    #[test]
    fn bounds_hold_and_do_not_depend_on_the_cutting(
        bytes in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        (line, event, stream) in (0usize..12, 0usize..12, 0u64..80),
    ) {
        let caps = Caps { line, event, stream };
        let (whole, error) = decode(caps, &[&bytes]);
        let (parts, error_in_parts) = decode(caps, &cut(&bytes, &cuts));
        prop_assert_eq!(&whole, &parts);
        prop_assert_eq!(error.is_some(), error_in_parts.is_some());
        prop_assert!(whole.iter().all(|(_, data)| data.len() <= event));
    }
}
