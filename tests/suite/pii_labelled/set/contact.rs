//! Ways to reach a person, places in networks, dates of birth.
//!
//! Invariant: phone numbers have the form of their country's plan; hosts are those that nobody
//! can own.

use super::super::random::Random;
use super::Kind;
use super::Language::{English, French, German, Portuguese, Spanish};
use super::forms::{Day, any, fill, padded};

pub(super) const KINDS: &[Kind] = &[
    Kind::formed(
        "email",
        email,
        &[
            (English, "e-mail"),
            (English, "email address"),
            (Portuguese, "e-mail"),
            (German, "E-Mail"),
            (French, "adresse e-mail"),
            (Spanish, "correo"),
        ],
    )
    .alone(),
    Kind::formed(
        "phone",
        national_phone,
        &[
            (English, "phone"),
            (English, "mobile"),
            (English, "cell"),
            (Portuguese, "telefone"),
            (Portuguese, "celular"),
            (German, "Telefon"),
            (German, "Handy"),
            (French, "téléphone"),
            (Spanish, "teléfono"),
            (Spanish, "móvil"),
        ],
    ),
    Kind::formed("phone", international_phone, &[(English, "phone"), (German, "Telefon")]).alone(),
    Kind::formed("url", url, &[(English, "site"), (French, "page"), (Spanish, "enlace")]).alone(),
    Kind::formed(
        "ipv4",
        ipv4,
        &[(English, "client IP"), (English, "remote address"), (German, "IP")],
    )
    .alone(),
    Kind::formed("ipv6", ipv6, &[(English, "IPv6"), (English, "server address")]).alone(),
    Kind::formed("mac_address", mac, &[(English, "MAC"), (English, "hardware address")]).alone(),
    Kind::formed(
        "date_of_birth",
        birth,
        &[
            (English, "date of birth"),
            (English, "DOB"),
            (Portuguese, "data de nascimento"),
            (German, "Geburtsdatum"),
            (French, "date de naissance"),
            (Spanish, "fecha de nacimiento"),
        ],
    ),
    Kind::formed("passport", passport, &[(English, "passport"), (German, "Reisepass")])
        .or(&["br_passport"]),
];

const FIRST: &[&str] = &[
    "ana", "joao", "maria", "jane", "peter", "lena", "omar", "yuki", "chloe", "diego", "ines",
    "tom",
];
const LAST: &[&str] =
    &["silva", "souza", "miller", "weber", "martin", "garcia", "rossi", "kim", "novak", "smith"];

fn host(random: &mut Random) -> &'static str {
    random.of(&[
        "example.com",
        "example.org",
        "mail.example.net",
        "corp.example.de",
        "example.com.br",
        "example.co.uk",
    ])
}

fn email(random: &mut Random) -> String {
    let (first, last, host) = (random.of(FIRST), random.of(LAST), host(random));
    match random.below(5) {
        0 => format!("{first}.{last}@{host}"),
        1 => format!("{first}_{last}{}@{host}", random.below(100)),
        2 => format!("{}{last}@{host}", &first[..1]),
        3 => format!("{first}+{last}@{host}"),
        _ => format!("{}.{}@{host}", first.to_uppercase(), last.to_uppercase()),
    }
}

fn national_phone(random: &mut Random) -> String {
    let form = random.of(&[
        "(212) 555-0199",
        "415-555-0199",
        "503.555.0199",
        "(11) 98888-9999",
        "(21) 3888-9999",
        "030 8899999",
        "0171 8899999",
        "06 89 99 99 99",
        "01.89.99.99.99",
        "020 7946 0999",
        "688 999 999",
        "+1 212 555 0199",
        "+55 11 98888-9999",
    ]);
    // The dialling codes stand as they are.
    let (code, rest) = form.split_at(form.find([' ', '-', '.']).unwrap_or(0));
    format!("{code}{}", fill(random, rest))
}

fn international_phone(random: &mut Random) -> String {
    let (code, form) = random.of(&[
        ("+1", "-415-555-0199"),
        ("+55", " 11 98888-9999"),
        ("+49", " 30 88999999"),
        ("+49", " (0)171 8899999"),
        ("+33", " 6 89 99 99 99"),
        ("+34", " 688 999 999"),
        ("+44", " 20 7946 0999"),
        ("+351", " 918 999 999"),
        ("+91", " 98889 99999"),
        ("+81", "-3-8999-9999"),
        ("+61", " 418 999 999"),
        ("+52", "5588889999"),
    ]);
    format!("{code}{}", fill(random, form))
}

fn url(random: &mut Random) -> String {
    let path = random.of(&["", "/", "/account?id=7", "/docs/setup#install", "/u/ana/photos"]);
    format!(
        "{}://{}{path}",
        random.of(&["https", "http"]),
        random.of(&["www.example.com", "shop.example.org", "example.de"])
    )
}

fn ipv4(random: &mut Random) -> String {
    let one = |random: &mut Random| 1 + random.below(254);
    let head = random.of(&[10, 172, 192, 203, 198, 81]);
    format!("{head}.{}.{}.{}", one(random), one(random), one(random))
}

fn ipv6(random: &mut Random) -> String {
    match random.below(3) {
        0 => format!("2001:db8::{}", fill(random, "8xx")),
        1 => fill(random, "2001:db8:8xx:8xxx::8x"),
        _ => fill(random, "2001:db8:8xxx:8xxx:8xxx:8xxx:8xxx:8xxx"),
    }
}

fn mac(random: &mut Random) -> String {
    let text = fill(random, "0x:xx:xx:xx:xx:xx");
    match random.below(3) {
        0 => text.to_uppercase(),
        1 => text.replace(':', "-"),
        _ => text,
    }
}

fn birth(random: &mut Random) -> String {
    let day = Day::between(random, 1935, 2012);
    let form = random.of(&["Y-m-d", "d/m/Y", "m/d/Y", "d.m.Y", "d/m/y", "d-m-Y"]);
    match random.below(6) {
        0 => {
            format!("{} {} {}", day.day, random.of(&["March", "July", "October", "May"]), day.year)
        }
        1 => format!("{} {}, {}", random.of(&["March", "July", "October"]), day.day, day.year),
        _ => day.figures(form),
    }
}

fn passport(random: &mut Random) -> String {
    format!("{}{}", any(random, "CFGHJK", 2), padded(100_000 + random.below(899_999) as u32, 6))
}
