//! Tests of the scanner as a whole: whatever the cutting, the same is found.

use std::sync::Arc;

use proptest::prelude::{Just, Strategy, any, prop_oneof, proptest};

use super::detectors::Detectors;
use super::{Failure, Scanner, Sink};
use crate::policy::pii::token::code;
use crate::policy::pii::{secrets, validators};

/// Marks findings; the rest of an open one is swallowed.
#[derive(Default)]
struct Marked {
    text: String,
    detectors: Option<Arc<Detectors>>,
}

impl Sink for Marked {
    fn clean(&mut self, text: &str) -> Result<(), Failure> {
        self.text.push_str(text);
        Ok(())
    }
    fn found(&mut self, kind: u16, sure: u8, text: &str, is_open: bool) -> Result<(), Failure> {
        let name = self.detectors.as_ref().unwrap().kinds[usize::from(kind)].name.clone();
        let text = if is_open { "…" } else { text };
        self.text.push_str(&format!("<{name} {sure}|{text}>"));
        Ok(())
    }
    fn more(&mut self, _: &str) -> Result<(), Failure> {
        Ok(())
    }
}

fn detectors() -> Arc<Detectors> {
    let mut all = Detectors::new();
    let entities = validators::entities().chain(secrets::ENTITIES);
    entities.for_each(|entity| all.add_entity(entity, 30).unwrap());
    secrets::formats().for_each(|format| all.add_secret(format, 30).unwrap());
    all.add_pattern(&"employee".into(), "(?i)emp-[0-9]{4,6}").unwrap();
    all.add_words(&"projects".into(), &["Blue Heron".into(), "Zürich desk".into()]).unwrap();
    Arc::new(all.build().unwrap())
}

fn scanned<'a>(all: &Arc<Detectors>, pieces: impl IntoIterator<Item = &'a str>) -> String {
    let mut sink = Marked { detectors: Some(Arc::clone(all)), ..Marked::default() };
    let mut scanner = Scanner::new(Arc::clone(all));
    for piece in pieces {
        scanner.feed(piece, &mut sink).unwrap();
    }
    scanner.finish(&mut sink).unwrap();
    sink.text
}

const JWT: &str = "eyJhbGciOiAiSFMyNTYiLCAidHlwIjogIkpXVCJ9.eyJzdWIiOiAiZjkyYjczMTgtY2EwNy00MGZm\
    LWEyOTEtMjA4NTBlMzAxZWYxIn0.j0b5RWX_gahPzI35fn0qHljby89a3Xqu1IJOZ7vxKWA";

/// What every cutting is tried on.
fn crafted() -> Vec<String> {
    let mut texts: Vec<String> = [
        "Card 4111 1111 1111 1111, or 4111-1111-1111-1111; not 4111 1111 1111 1112.",
        "ca\u{200b}rd 4111\u{200b}1111\u{ad}1111\u{200d}1111\u{200b} ok ４１１１１１１１１１１１１１１１。",
        "wire it to iban GB29 NWBK 6016 1331 9268 19 and GB29NWBK60161331926819.",
        "mail jane.roe+x@example.com, josé@exämple.de, a@b.c@d.example.org. x@y",
        "call +1 (206) 555-0194 ext. 12 or (617) 555-0143x99, 212-555-0139-Office",
        "ip 10.218.6.131:8080 fe80::1 d80:e4b5:79da:6cf6:71f3:51f7:9161:c319, fa:fb:0c:85:31:af.",
        "born 12 March 1990 or 12/03/1990; date of birth: March 12, 1990, SSN 308-63-0237.",
        "see (https://www.example.com/a_(b)?c=d#e). ftp://x:yz@h.example.net:21/p, end",
        "password: hunter2x!, pass_word=\"s3cr3t_value\" Bearer abcdefghij0123456789ABCDEF end.",
        "ghp_uO7UmKMhcfdedfu1gXztPUmqZLaq2vggeta3 ya29.a0AfH6SMBx-0123456789abcdefGHIJKLmn emp-12345 EMP-12.",
        "blue heron, Blue Herons, BLUE HERON! zurich desk Zürich desk",
        "3.14159 12.345.678 1-2-3-4-5 a-b-c e.g. U.S.A. 1,2 12:30:45 --- ((( ::: +++ é中ж",
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA\n-----END RSA PRIVATE KEY-----\nok",
        "-----BEGIN PRIVATE KEY-----\\nMIIE\\n-- --END -----EN",
        "",
        "\u{200b}\u{200b}4",
        "-----BEGIN PRIVATE KEY-----\u{ad}жx\u{200b}",
        r#"{"a":"Mail:\njane@example.com\n","b":"jane\u0040ex\u0061mple.com\"\/"}\"#,
        r"4111\u00201111\u200b\u00201111\u0020111\ud835\udfcf\u200b\u200b and \\n4111111111111111\\n\uD83D",
        r#"{"t":"password=\"s3cr3t_value\" C:\new\table\\10.218.6.131 https:\/\/example.com\/a_b"#,
        r"-----BEGIN PRIVATE KEY-----\nMII\/E\n-----END\u0020PRIVATE KEY-----\u200b\n emp\u002d12345",
        r"\u200b\u200b\u0034\u20 Z\u00FCrich\tdesk, z\u00fcrich\u00a0desk \\\\\\u004 \\\\\\\\\\\\\\\\\\n",
    ]
    .map(str::to_owned)
    .into();
    texts.push(format!("bearer {JWT}. And {JWT}, {}", &JWT[..60]));
    texts.push(format!("ya29.{}. hvs.{}", "aB3xY7_q".repeat(30), "b2-.".repeat(40)));
    texts.push(format!("https://example.com/{} next 4111111111111111", "path/".repeat(80)));
    texts.push(format!("{} {}@example.com", "x".repeat(300), "y.".repeat(40)));
    texts
}

fn cut<'t>(text: &'t str, places: &[usize]) -> Vec<&'t str> {
    let mut pieces = Vec::new();
    let mut from = 0;
    for place in places.iter().copied().chain([text.len()]) {
        let place = text.floor_char_boundary(place.max(from));
        pieces.push(&text[from..place]);
        from = place;
    }
    pieces
}

#[test]
fn every_cut_in_two_and_each_character_alone_give_what_the_whole_gives() {
    let all = detectors();
    for text in crafted() {
        let whole = scanned(&all, [text.as_str()]);
        for place in 0..=text.len() {
            assert_eq!(scanned(&all, cut(&text, &[place])), whole, "cut at {place} of {text:?}");
        }
        let each: Vec<usize> = (0..text.len()).collect();
        assert_eq!(scanned(&all, cut(&text, &each)), whole, "each alone");
    }
}

#[test]
fn every_cut_in_three_gives_what_the_whole_gives() {
    let all = detectors();
    for text in crafted().iter().filter(|text| text.len() < 110) {
        let whole = scanned(&all, [text.as_str()]);
        for left in 0..=text.len() {
            for right in left..=text.len() {
                let pieces = cut(text, &[left, right]);
                assert_eq!(scanned(&all, pieces), whole, "cut at {left}, {right} of {text:?}");
            }
        }
    }
}

#[test]
fn values_are_found_in_prose_and_what_only_looks_like_them_is_not() {
    let all = detectors();
    for (text, wanted) in [
        ("a card 4111-1111-1111-1111.", "a card <credit_card 99|4111-1111-1111-1111>."),
        (
            "card 4111\u{200b}1111\u{ad}1111\u{200d}1111\u{200b} ok",
            "card <credit_card 99|4111\u{200b}1111\u{ad}1111\u{200d}1111>\u{200b} ok",
        ),
        (
            "card ４１１１１１１１１１１１１１１１。",
            "card <credit_card 99|４１１１１１１１１１１１１１１１>。",
        ),
        ("iban GB29 NWBK 6016 1331 9268 19 ok", "iban <iban 99|GB29 NWBK 6016 1331 9268 19> ok"),
        ("josé@exämple.de.", "<email 98|josé@exämple.de>."),
        ("ip 10.218.6.131:8080", "ip <ipv4 98|10.218.6.131>:8080"),
        ("born 12 March 1990;", "born <date_of_birth 92|12 March 1990>;"),
        (
            "(https://www.example.com/a_(b)?c=d#e).",
            "(<url 90|https://www.example.com/a_(b)?c=d#e>).",
        ),
        ("a blue heron, BLUE HERON!", "a <projects 100|blue heron>, <projects 100|BLUE HERON>!"),
        ("emp-12345 EMP-12.", "<employee 100|emp-12345> EMP-12."),
        (
            "3.14159 12.345.678 a-b-c e.g. 12:30:45 ---",
            "3.14159 12.345.678 a-b-c e.g. 12:30:45 ---",
        ),
        ("on 2007-03-23 18:43:36", "on 2007-03-23 18:43:36"),
        (r#""Mail:\njane@example.com\n""#, r#""Mail:\n<email 98|jane@example.com>\n""#),
        (r"a\\njane\u0040example.co\u006d\\n", r"a\\n<email 98|jane\u0040example.co\u006d>\\n"),
        (r"\u200bjane@example.com\u200b.", r"\u200b<email 98|jane@example.com>\u200b."),
        (
            r"card 4\uFF11111111\u200b111\u00311111.",
            r"card <credit_card 99|4\uFF11111111\u200b111\u00311111>.",
        ),
        (
            r#"\"https:\/\/www.example.com\/a?b=\uD83D\uDE00\""#,
            r#"\"<url 90|https:\/\/www.example.com\/a?b=>\uD83D\uDE00\""#,
        ),
        (r#"password=\"s3cr3t\u005fvalue\","#, r#"password=\"<password 80|s3cr3t\u005fvalue>\","#),
        (r"Z\u00fcrich desk\n", r"<projects 100|Z\u00fcrich desk>\n"),
        (r"C:\new\table\10 and \\srv\bin\4111", r"C:\new\table\10 and \\srv\bin\4111"),
    ] {
        assert_eq!(scanned(&all, [text]), wanted);
    }
    let mut token = String::from("see [EMAIL:");
    code::write(0, &mut token);
    token.push_str("] ok");
    assert_eq!(scanned(&all, [token.as_str()]), token);
    let sentence = "to jane@example.com.Then";
    assert_eq!(scanned(&all, [sentence]), "to <email 98|jane@example.com>.Then");
}

#[test]
fn an_open_finding_ends_where_its_bytes_end() {
    let all = detectors();
    let key = "-----BEGIN PRIVATE KEY-----\nMIIE\n-----END PRIVATE KEY-----\nok";
    assert_eq!(scanned(&all, [key]), "<private_key 99|…>\nok");
    assert_eq!(scanned(&all, [format!("a {JWT}. b").as_str()]), "a <jwt 98|…>. b");
    let line = r"-----BEGIN PRIVATE KEY-----\nMI\/E\n";
    let whole = format!(r#""{line}-----END PRIVATE KEY-----\n""#);
    assert_eq!(scanned(&all, [whole.as_str()]), r#""<private_key 99|…>\n""#);
    assert_eq!(scanned(&all, [format!(r#"{line}\" x"#).as_str()]), r#"<private_key 99|…>\" x"#);
}

#[test]
fn work_grows_with_the_text_and_no_faster_whatever_the_text() {
    let all = detectors();
    for unit in [
        "1",
        "1 ",
        "1111 ",
        "123-",
        "a@",
        "a@a.",
        "a.",
        "a-a_",
        "a:",
        "fa:",
        "(1",
        "+1",
        "-",
        "http://",
        "https://a:b@",
        "-----BEGIN ",
        "eyJ",
        "eyJhbGciOiJIUzI1NiJ9.",
        "password:",
        "a1 ",
        "abcdefghijklmnopqrstuvwxyz0123456789",
        "ABCD ",
        "12/12/",
        "4\u{200b}",
        "a.a.a.a@",
        "\\",
        "\\u00",
        r"\u0034",
        r"\u200b",
        r"\uD83D",
    ] {
        let work = |bytes: usize, piece: usize| {
            let mut sink = Marked { detectors: Some(Arc::clone(&all)), ..Marked::default() };
            let mut scanner = Scanner::new(Arc::clone(&all));
            let text = unit.repeat(bytes / unit.len());
            let places: Vec<usize> = (0..text.len()).step_by(piece).collect();
            for piece in cut(&text, &places) {
                scanner.feed(piece, &mut sink).unwrap();
            }
            scanner.finish(&mut sink).unwrap();
            scanner.work() as f64 / bytes as f64
        };
        for piece in [4096, 20] {
            let (few, many) = (work(32 * 1024, piece), work(128 * 1024, piece));
            assert!(many < few * 1.1 + 1.0, "{unit:?}: {few} and {many} a byte");
            assert!(many < 400.0, "{unit:?}: {many} a byte");
        }
    }
}

#[test]
fn text_without_a_candidate_is_handed_on_up_to_its_last_word() {
    let mut sink = Marked { detectors: Some(detectors()), ..Marked::default() };
    let mut scanner = Scanner::new(detectors());
    scanner.feed("Plain words go out at onc", &mut sink).unwrap();
    assert_eq!((sink.text.as_str(), scanner.held()), ("Plain words go out at ", 3));
    assert_eq!(format!("{scanner:?}"), "Scanner(holds 3 bytes)");
}

/// Text of all sorts with values planted in it.
fn planted() -> impl Strategy<Value = String> {
    let values: Vec<String> = validators::entities()
        .flat_map(|entity| entity.samples.positive.iter().chain(entity.samples.near_miss))
        .map(|value| (*value).to_owned())
        .chain(crafted())
        .collect();
    let piece = prop_oneof![
        4 => proptest::sample::select(values),
        2 => "[ a-z]{0,12}",
        2 => "[0-9 .:@/+()_=-]{0,12}",
        1 => any::<String>(),
        1 => Just("\u{200b}".to_owned()),
        2 => proptest::sample::select(vec![" ", ", ", ": ", "=", "-", ".", "\"", "ip ", "born "])
            .prop_map(str::to_owned),
        1 => proptest::sample::select(vec![r"\n", r"\", r"\u00", r"\u200b", r"\u0034", r"\uD83D"])
            .prop_map(str::to_owned),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn random_texts_in_random_pieces_give_what_the_whole_gives(
        text in planted(), mut places in proptest::collection::vec(0usize..2000, 0..40),
    ) {
        let all = detectors();
        let whole = scanned(&all, [text.as_str()]);
        places.iter_mut().for_each(|place| *place %= text.len() + 1);
        places.sort_unstable();
        assert_eq!(scanned(&all, cut(&text, &places)), whole, "cut at {places:?} of {text:?}");
    }
}

/// Counts what it is given, and keeps nothing.
struct Counted(usize);

impl Sink for Counted {
    fn clean(&mut self, text: &str) -> Result<(), Failure> {
        self.0 += text.len();
        Ok(())
    }
    fn found(&mut self, kind: u16, _: u8, text: &str, _: bool) -> Result<(), Failure> {
        panic!("{text} is found as {kind}");
    }
    fn more(&mut self, text: &str) -> Result<(), Failure> {
        self.clean(text)
    }
}

#[test]
fn a_clean_chunk_allocates_nothing_once_the_scanner_is_warm() {
    let text = "Plain words go out, and 12 of 4,500 numbers in room 7b of floor 3 at 12:30. \
        A report, a row: none. Words caf\u{e9} \u{43f}\u{440}\u{438}\u{432}\u{435}\u{442} (a-b_c) x=y \"it\" v1.2.3. "
        .repeat(64);
    for size in [4096, 20, 1] {
        let places: Vec<usize> = (0..text.len()).step_by(size).collect();
        let pieces = cut(&text, &places);
        let mut scanner = Scanner::new(detectors());
        let mut sink = Counted(0);
        let mut feed = || pieces.iter().for_each(|piece| scanner.feed(piece, &mut sink).unwrap());
        feed();
        let counted = allocation_counter::measure(feed);
        assert_eq!(counted.count_total, 0, "in pieces of {size}");
        assert!(sink.0 > text.len());
    }
}
