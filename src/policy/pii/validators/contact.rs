//! How a person is reached, and when born: e-mail, URL, birth date, age. The engine reaches them
//! through [`ENTITIES`]; phones have a file of their own.
//!
//! Invariant: a host's name ends in a top-level domain that exists.

use super::calendar::is_written_date;
use super::domains::{NAME_MAX, is_domain};
use super::entity::{EntityType, Shape};
use super::network::{ipv4, ipv6};

/// The longest e-mail address (RFC 5321 section 4.5.3.1.3).
pub const EMAIL_MAX: usize = 254;

/// The longest URL that is looked at; what is longer is judged by its beginning.
pub const URL_MAX: usize = 2048;

/// The longest date: `10 de septiembre de 1990` and its like.
pub const DATE_MAX: usize = 32;

const BIRTH: &[&str] = &[
    "date of birth",
    "birth date",
    "birthdate",
    "birthday",
    "dob",
    "d.o.b",
    "born",
    "born on",
    "data de nascimento",
    "nascimento",
    "nascido",
    "nascida",
    "nasc",
    "fecha de nacimiento",
    "nacimiento",
    "nacido",
    "nacida",
    "geboren",
    "geburtsdatum",
    "né le",
    "née le",
    "date de naissance",
    "data di nascita",
    "nato il",
    "nata il",
    "geboortedatum",
];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::new("email", "contact", Shape::At, email, EMAIL_MAX)
        .certainty(98, 98, 99)
        .mask(0)
        .samples(
            &[
                "first.last+news@example.com",
                "o'clock@mail.example.co.uk",
                "a@b.io",
                "x_y@1und1.de",
            ],
            &[
                "name@example",
                "name@example.png",
                ".name@example.com",
                "na..me@example.com",
                "name.@example.com",
                "name@-example.com",
                "@example.com",
                "name@@example.com",
            ],
        ),
    EntityType::new("in_upi_id", "finance", Shape::At, in_upi_id, 64)
        .certainty(60, 60, 97)
        .context(&["upi", "vpa", "gpay", "phonepe", "paytm", "pay"])
        .mask(0)
        .samples(&["first.last@okaxis", "9876543210@ybl"], &["name@okbank", "j@ybl", "@upi"]),
    EntityType::new("url", "contact", Shape::Url, url, URL_MAX)
        .certainty(90, 90, 95)
        .mask(0)
        .samples(
            &[
                "https://www.example.com/a?b=c#d",
                "http://example.org",
                "ftp://example.net:21/x",
                "https://192.0.2.7:8443/",
                "HTTPS://Example.DE/",
                "https://[2001:db8::7]/",
            ],
            &[
                "https://",
                "http://example",
                "gopher://example.com",
                "https://a b.com",
                "http:/x.com",
            ],
        ),
    EntityType::new("url_credentials", "secret", Shape::Url, url_credentials, URL_MAX)
        .certainty(97, 97, 99)
        .mask(0)
        .samples(
            &[
                concat!("https://user", ":hunter2@example.com/x"),
                concat!("postgres://app", ":s3cr%40t@db.internal:5432/main"),
                concat!("redis://", ":p4ssw0rd@cache:6379"),
                concat!("amqp://user", ":pa:ss@10.0.0.7/vhost"),
            ],
            &[
                "https://name@example.com/",
                "https://example.com:8080/a@b",
                "https://:@example.com",
                "https://user:@example.com/",
                "https://example.com/x:y@z",
            ],
        ),
    EntityType::new(
        "domain_name",
        "contact",
        Shape::Alphanumeric { min: 4, max: 200, separators: ".-" },
        domain_name,
        NAME_MAX,
    )
    .certainty(55, 55, 90)
    .context(&["website", "site", "domain", "web", "url", "homepage", "www"])
    .mask(0)
    .samples(&["www.example.com", "example.co.uk"], &["example", "example.png", "e.g", "3.14"]),
    EntityType::new("date_of_birth", "contact", Shape::Date, date_of_birth, DATE_MAX)
        .only_in_context(92, BIRTH)
        .mask(0)
        .samples(
            &[
                "1990-03-12",
                "12/03/1990",
                "3.12.90",
                "12 March 1990",
                "March 12, 1990",
                "12 de março de 1990",
                "12. Dezember 1990",
            ],
            &["1990-13-12", "31/02/1990", "12/03/3990", "12 Marz 199", "1990", "March 1990"],
        ),
    EntityType::new("age", "contact", Shape::Digits { min: 1, max: 3, separators: "" }, age, 3)
        .only_in_context(70, &["age", "aged", "idade", "edad", "alter", "years old"])
        .mask(0)
        .samples(&["7", "42", "104"], &["131", "042", "0", "4a"]),
    EntityType::new(
        "geo_coordinate",
        "contact",
        Shape::Run { min: 6, max: 14, extra: ".-+" },
        geo_coordinate,
        14,
    )
    .only_in_context(85, &["lat", "latitude", "lon", "lng", "long", "longitude", "gps", "geo"])
    .mask(0)
    .samples(&["-23.55052", "151.206990", "+48.8584"], &["181.20699", "-23.5", "23", "1.2.34567"]),
];

/// An e-mail address: a dot-atom before the `@` (RFC 5322 section 3.2.3), a domain that can exist
/// after it. At most [`EMAIL_MAX`] bytes.
pub fn email(candidate: &[u8]) -> bool {
    if candidate.len() > EMAIL_MAX {
        return false;
    }
    let Some(at) = candidate.iter().position(|byte| *byte == b'@') else { return false };
    let Some((local, domain)) = candidate.split_at_checked(at) else { return false };
    is_local_part(local) && is_domain(domain.get(1..).unwrap_or_default())
}

/// At most 64 bytes (RFC 5321 section 4.5.3.1.1).
fn is_local_part(local: &[u8]) -> bool {
    let is_atom = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(byte);
    local.len() <= 64
        && local
            .split(|byte| *byte == b'.')
            .all(|atom| !atom.is_empty() && atom.iter().all(is_atom))
}

/// The handles under which Indian banks and apps hand out addresses of the payment interface.
const UPI_HANDLES: &[&[u8]] = &[
    b"apl",
    b"axl",
    b"airtel",
    b"axisb",
    b"barodampay",
    b"cnrb",
    b"fbl",
    b"hdfcbank",
    b"ibl",
    b"icici",
    b"idfcbank",
    b"kotak",
    b"okaxis",
    b"okhdfcbank",
    b"okicici",
    b"oksbi",
    b"paytm",
    b"pnb",
    b"ptaxis",
    b"pthdfc",
    b"ptsbi",
    b"ptyes",
    b"sbi",
    b"upi",
    b"waaxis",
    b"wahdfcbank",
    b"waicici",
    b"wasbi",
    b"yapl",
    b"ybl",
    b"yesbank",
];

/// An address of the Unified Payments Interface, of a known handle. At most 64 bytes.
pub fn in_upi_id(candidate: &[u8]) -> bool {
    let Some(at) = candidate.iter().position(|byte| *byte == b'@') else { return false };
    let Some((local, handle)) = candidate.split_at_checked(at) else { return false };
    let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || b".-_".contains(byte);
    candidate.len() <= 64
        && local.len() >= 3
        && handle.get(1..).is_some_and(|handle| {
            UPI_HANDLES.iter().any(|known| known.eq_ignore_ascii_case(handle))
        })
        && local.iter().all(is_name)
}

/// The parts of a URL before its path.
struct Authority<'u> {
    scheme: &'u [u8],
    user_info: Option<&'u [u8]>,
    host: &'u [u8],
}

fn authority(candidate: &[u8]) -> Option<Authority<'_>> {
    if candidate.len() > URL_MAX {
        return None;
    }
    let colon = candidate.iter().take(16).position(|byte| *byte == b':')?;
    let (scheme, rest) = candidate.split_at_checked(colon)?;
    let is_scheme_byte = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    if !scheme.first().is_some_and(u8::is_ascii_alphabetic) || !scheme.iter().all(is_scheme_byte) {
        return None;
    }
    let rest = rest.strip_prefix(b"://")?;
    let end = rest.iter().position(|byte| b"/?#".contains(byte)).unwrap_or(rest.len());
    let whole = rest.get(..end)?;
    let (user_info, host) = match whole.iter().rposition(|byte| *byte == b'@') {
        Some(at) => (Some(whole.get(..at)?), whole.get(at + 1..)?),
        None => (None, whole),
    };
    Some(Authority { scheme, user_info, host })
}

/// Whether it has neither blanks nor control characters. Asked last, since it reads all of it.
fn is_printed(candidate: &[u8]) -> bool {
    candidate.iter().all(|byte| *byte > b' ' && *byte != 0x7f)
}

/// The host without its port.
fn without_port(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|byte| *byte == b':') {
        Some(at) if host.get(at + 1..).is_some_and(|port| port.iter().all(u8::is_ascii_digit)) => {
            host.get(..at).unwrap_or_default()
        }
        _ => host,
    }
}

/// A URL of the web or of a file server whose host can exist (RFC 3986). At most [`URL_MAX`] bytes.
pub fn url(candidate: &[u8]) -> bool {
    const SCHEMES: [&[u8]; 6] = [b"http", b"https", b"ftp", b"ftps", b"ws", b"wss"];
    let Some(parts) = authority(candidate) else { return false };
    let host = without_port(parts.host);
    let literal = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(parts.scheme))
        && (is_domain(host) || ipv4(host) || literal.is_some_and(ipv6))
        && is_printed(candidate)
}

/// A URL of any scheme with a password before its host. At most [`URL_MAX`] bytes.
pub fn url_credentials(candidate: &[u8]) -> bool {
    let Some(parts) = authority(candidate) else { return false };
    let Some(user_info) = parts.user_info else { return false };
    let Some(colon) = user_info.iter().position(|byte| *byte == b':') else { return false };
    user_info.len() > colon + 1 && !without_port(parts.host).is_empty() && is_printed(candidate)
}

/// A host name without a scheme. At most 253 bytes.
pub fn domain_name(candidate: &[u8]) -> bool {
    // Two letters before the last dot, or every abbreviation were a name.
    let before_top = candidate.iter().rposition(|byte| *byte == b'.').unwrap_or(0);
    before_top >= 3 && is_domain(candidate)
}

/// A date of the last or of this century. At most [`DATE_MAX`] bytes.
pub fn date_of_birth(candidate: &[u8]) -> bool {
    candidate.len() <= DATE_MAX && is_written_date(candidate)
}

/// Years of a life: 1 to 130.
pub fn age(candidate: &[u8]) -> bool {
    match candidate {
        [b'1'..=b'9'] => true,
        [b'1'..=b'9', ones] => ones.is_ascii_digit(),
        [b'1', b'0'..=b'2', ones] => ones.is_ascii_digit(),
        _ => candidate == b"130",
    }
}

/// A latitude or longitude in degrees with at least four decimals, about ten metres.
pub fn geo_coordinate(candidate: &[u8]) -> bool {
    let digits = match candidate {
        [b'-' | b'+', rest @ ..] => rest,
        all => all,
    };
    let Some(dot) = digits.iter().position(|byte| *byte == b'.') else { return false };
    let (whole, decimals) = (digits.get(..dot), digits.get(dot + 1..).unwrap_or_default());
    let whole = whole.unwrap_or_default();
    let is_whole = match whole {
        [a] | [b'1'..=b'9', a] | [b'1', b'0'..=b'7', a] => a.is_ascii_digit(),
        _ => whole == b"180",
    };
    is_whole && (4..=9).contains(&decimals.len()) && decimals.iter().all(u8::is_ascii_digit)
}
