//! Addresses and numbers of machines: IP, MAC, IMEI and the like. The engine reaches them through
//! [`ENTITIES`].
//!
//! Invariant: an address in a form that its standard forbids is none.

use std::net::Ipv6Addr;

use super::checksum::luhn;
use super::entity::{EntityType, Shape};
use super::read::{digits, has_form};

/// Four groups of three digits.
pub const IPV4_MAX: usize = 15;
/// Eight groups of four, or six and an IPv4 address, and a zone of 15 bytes.
pub const IPV6_MAX: usize = 61;

const MAC: &[&str] = &["XX:XX:XX:XX:XX:XX", "XX-XX-XX-XX-XX-XX", "XXXX.XXXX.XXXX"];
const IMEI: &[&str] = &["999999999999999", "99-999999-999999-9", "99 999999 999999 9"];
const ICCID: &[&str] = &["9999999999999999999", "99999999999999999999"];
const IMSI: &[&str] = &["999999999999999"];
const UUID: &[&str] = &["XXXXXXXX-XXXX-XXXX-XXXX-XXXXXXXXXXXX"];
const ACCOUNT: &[&str] = &["999999999999", "9999-9999-9999"];

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    EntityType::new("ipv4", "network", Shape::Run { min: 7, max: 15, extra: "." }, ipv4, IPV4_MAX)
        .certainty(85, 85, 98)
        .context(&["ip", "address", "host", "server", "client", "remote", "addr"])
        .mask(0)
        .samples(
            &["192.0.2.7", "10.218.6.131", "255.255.255.255"],
            &["256.0.2.7", "192.0.2", "192.0.2.07", "1.2.3.4.5", "192.0..7"],
        ),
    EntityType::new(
        "ipv6",
        "network",
        Shape::Run { min: 4, max: IPV6_MAX as u8, extra: ":.%" },
        ipv6,
        IPV6_MAX,
    )
    .certainty(92, 92, 98)
    .context(&["ip", "ipv6", "address", "host", "server", "client", "remote", "addr"])
    .mask(0)
    .samples(
        &[
            "2001:db8::7",
            "4f8a:c99e:dc86:faf9:5988:5f63:375e:8a2a",
            "fe80::1%eth0",
            "::ffff:192.0.2.7",
            "2001:DB8:0:0:8:800:200C:417A",
        ],
        &[
            "2001:db8:::7",
            "12:30:45",
            "::",
            "a::b",
            "4f8a:c99e:dc86:faf9:5988:5f63:375e",
            "g::1:2:3",
        ],
    ),
    EntityType::new(
        "mac_address",
        "network",
        Shape::Run { min: 14, max: 17, extra: ":-." },
        mac,
        17,
    )
    .certainty(95, 95, 99)
    .samples(
        &["00:1B:44:11:3A:B7", "00-1b-44-11-3a-b7", "001b.4411.3ab7"],
        &["00:1B:44:11:3A:G7", "00:1B:44-11:3A:B7", "00:1B:44:11:3A", "001b.4411.3ab"],
    ),
    EntityType::digits("imei", "network", "- ", IMEI, imei)
        .certainty(35, 60, 97)
        .context(&["imei", "device", "handset", "aparelho", "celular"])
        .samples(
            &["490154203237518", "49-015420-323751-8"],
            &["490154203237519", "000000000000000"],
        ),
    EntityType::digits("imsi", "network", "", IMSI, imsi)
        .only_in_context(92, &["imsi", "subscriber identity"])
        .samples(&["310150123456789"], &["010150123456789", "31015012345678"]),
    EntityType::digits("iccid", "network", "", ICCID, iccid)
        .certainty(70, 70, 97)
        .context(&["iccid", "sim", "esim", "chip"])
        .samples(&["8991101200003204514"], &["8991101200003204511", "8891101200003204510"]),
    EntityType::mixed("device_ad_id", "network", "-", UUID, uuid)
        .only_in_context(95, &["idfa", "idfv", "gaid", "aaid", "advertising id", "device id"])
        .samples(
            &["6D92078A-8246-4BA4-AE5B-76104861E7DC"],
            &["6D92078A-8246-4BA4-AE5B-76104861E7DG", "6D92078A-8246-4BA4-AE5B76104861E7DC"],
        ),
    EntityType::digits("aws_account_id", "network", "-", ACCOUNT, aws_account_id)
        .only_in_context(85, &["aws", "account id", "aws account", "arn"])
        .samples(&["123456789012", "1234-5678-9012"], &["12345678901", "000000000000"]),
];

/// An IPv4 address of four decimal numbers without leading zeros.
pub fn ipv4(candidate: &[u8]) -> bool {
    if !(7..=IPV4_MAX).contains(&candidate.len()) {
        return false;
    }
    let mut groups = 0;
    candidate.split(|byte| *byte == b'.').all(|group| {
        groups += 1;
        match group {
            [a] => a.is_ascii_digit(),
            [b'1'..=b'9', a] => a.is_ascii_digit(),
            [b'1', a, b] => a.is_ascii_digit() && b.is_ascii_digit(),
            [b'2', b'0'..=b'4', a] => a.is_ascii_digit(),
            [b'2', b'5', b'0'..=b'5'] => true,
            _ => false,
        }
    }) && groups == 4
}

/// An IPv6 address (RFC 4291 section 2.2), perhaps with a zone. So that no operator of a
/// programming language is one, it has three groups, or a first group of four digits.
pub fn ipv6(candidate: &[u8]) -> bool {
    if candidate.len() > IPV6_MAX || candidate.iter().filter(|byte| **byte == b':').count() < 2 {
        return false;
    }
    let mut parts = candidate.splitn(2, |byte| *byte == b'%');
    let address = parts.next().unwrap_or_default();
    let has_good_zone = parts.next().is_none_or(|zone| {
        (1..=15).contains(&zone.len()) && zone.iter().all(u8::is_ascii_alphanumeric)
    });
    let groups = address.split(|byte| *byte == b':').filter(|group| !group.is_empty()).count();
    let first = address.iter().take_while(|byte| **byte != b':').count();
    has_good_zone
        && (groups >= 3 || first == 4 || address.starts_with(b"::ffff:"))
        && std::str::from_utf8(address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

fn is_hex(candidate: &[u8]) -> bool {
    candidate.iter().filter(|byte| byte.is_ascii_alphanumeric()).all(u8::is_ascii_hexdigit)
}

/// A hardware address (EUI-48), neither all zeros nor all ones.
pub fn mac(candidate: &[u8]) -> bool {
    has_form(candidate, MAC)
        && is_hex(candidate)
        && candidate.iter().any(|byte| byte.is_ascii_alphanumeric() && *byte != b'0')
        && candidate.iter().any(|byte| byte.is_ascii_alphanumeric() && !matches!(byte, b'f' | b'F'))
}

/// The number of a handset: 15 digits by Luhn (3GPP TS 23.003 section 6.2).
pub fn imei(candidate: &[u8]) -> bool {
    digits::<15>(candidate, IMEI).is_some_and(|number| luhn(&number) && number != [0; 15])
}

/// The number of a subscriber, which begins with a mobile country code from 2 to 7.
pub fn imsi(candidate: &[u8]) -> bool {
    digits::<15>(candidate, IMSI).is_some_and(|number| (2..=7).contains(&number[0]))
}

/// The number of a SIM: 19 or 20 digits from 89 on, by Luhn (ITU-T E.118).
pub fn iccid(candidate: &[u8]) -> bool {
    candidate.starts_with(b"89")
        && (digits::<19>(candidate, ICCID).is_some_and(|number| luhn(&number))
            || digits::<20>(candidate, ICCID).is_some_and(|number| luhn(&number)))
}

/// A UUID in its usual form (RFC 9562 section 4).
pub fn uuid(candidate: &[u8]) -> bool {
    has_form(candidate, UUID) && is_hex(candidate)
}

/// An AWS account: twelve digits.
pub fn aws_account_id(candidate: &[u8]) -> bool {
    digits::<12>(candidate, ACCOUNT).is_some_and(|number| number != [0; 12])
}
