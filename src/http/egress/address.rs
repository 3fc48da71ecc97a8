//! What an IP address is for, by the registries of IANA: whether it is one of the public internet
//! and, if not, why not. `Allowed` asks it for each address before a connection is made.
//!
//! Invariant: pure, and closed by default: an IPv6 address is public only within 2000::/3 and
//! outside of all that is listed. An address that carries an IPv4 address is never more public
//! than the one it carries.
//!
//! Sources: the IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and the RFCs that
//! each row names), the IANA IPv6 address space registry, and the clouds' own manuals for where
//! their machines read their credentials.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// A host of the public internet, as far as the registries tell.
    Public,
    /// `0.0.0.0` or `::`: most systems connect to themselves.
    Unspecified,
    /// The rest of 0.0.0.0/8, "this network".
    ThisNetwork,
    /// The machine itself.
    Loopback,
    /// A private network of IPv4 (RFC 1918).
    Private,
    /// A private network of IPv6 (RFC 4193).
    UniqueLocal,
    /// The same cable (RFC 3927, RFC 4291).
    LinkLocal,
    /// The old private networks of IPv6 (RFC 3879).
    SiteLocal,
    /// Behind a carrier's address translation (RFC 6598).
    Shared,
    /// Where machines of a cloud read their credentials and settings.
    Metadata,
    /// A group of hosts.
    Multicast,
    /// All hosts of the network.
    Broadcast,
    /// For examples in books.
    Documentation,
    /// For measurements in laboratories (RFC 2544, RFC 5180).
    Benchmark,
    /// For the IETF's protocols, none of which is HTTP.
    Protocol,
    /// An IPv4 address in the dress of IPv6 that needs a relay to get there: 6to4, Teredo,
    /// IPv4-compatible. No longer in use, and nothing that a check of addresses could follow.
    Tunnel,
    /// A translator of the network's own (RFC 8215): what is behind it cannot be told.
    LocalTranslator,
    /// Whatever is sent there is thrown away (RFC 6666).
    Discard,
    /// Not given out to anybody.
    Reserved,
}

impl Class {
    /// As it stands in a sentence after "is".
    pub const fn words(self) -> &'static str {
        match self {
            Class::Public => "public",
            Class::Unspecified => "the unspecified address",
            Class::ThisNetwork => "in the network 0.0.0.0/8",
            Class::Loopback => "a loopback address",
            Class::Private => "in a private network",
            Class::UniqueLocal => "a unique local address",
            Class::LinkLocal => "a link-local address",
            Class::SiteLocal => "a site-local address",
            Class::Shared => "in the shared space of carriers",
            Class::Metadata => "a cloud's metadata service",
            Class::Multicast => "a multicast address",
            Class::Broadcast => "a broadcast address",
            Class::Documentation => "an address for documentation",
            Class::Benchmark => "an address for benchmarks",
            Class::Protocol => "reserved for IETF protocols",
            Class::Tunnel => "the address of a tunnel",
            Class::LocalTranslator => "behind a local translator",
            Class::Discard => "a discard-only address",
            Class::Reserved => "a reserved address",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.words())
    }
}

/// A network by its first address and the bits of its prefix, and what it is for. The first row
/// that holds an address decides.
type RowV4 = ([u8; 4], u32, Class);

const V4: &[RowV4] = &[
    ([169, 254, 169, 254], 32, Class::Metadata), // AWS, Google, Azure, Oracle, most others.
    ([169, 254, 170, 2], 32, Class::Metadata),   // Amazon ECS: credentials of tasks.
    ([169, 254, 170, 23], 32, Class::Metadata),  // Amazon EKS: credentials of pods.
    ([169, 254, 42, 42], 32, Class::Metadata),   // Scaleway.
    ([169, 254, 0, 23], 32, Class::Metadata),    // Tencent.
    ([100, 100, 100, 200], 32, Class::Metadata), // Alibaba; within the shared space.
    ([192, 0, 0, 192], 32, Class::Metadata),     // Oracle Classic.
    ([168, 63, 129, 16], 32, Class::Metadata),   // Azure's wire server; looks public.
    ([0, 0, 0, 0], 32, Class::Unspecified),
    ([0, 0, 0, 0], 8, Class::ThisNetwork),         // RFC 791
    ([10, 0, 0, 0], 8, Class::Private),            // RFC 1918
    ([100, 64, 0, 0], 10, Class::Shared),          // RFC 6598
    ([127, 0, 0, 0], 8, Class::Loopback),          // RFC 1122
    ([169, 254, 0, 0], 16, Class::LinkLocal),      // RFC 3927
    ([172, 16, 0, 0], 12, Class::Private),         // RFC 1918
    ([192, 0, 0, 0], 24, Class::Protocol),         // RFC 6890
    ([192, 0, 2, 0], 24, Class::Documentation),    // RFC 5737
    ([192, 31, 196, 0], 24, Class::Protocol),      // RFC 7535, AS112
    ([192, 52, 193, 0], 24, Class::Protocol),      // RFC 7450, AMT
    ([192, 88, 99, 0], 24, Class::Tunnel),         // RFC 7526, relays of 6to4
    ([192, 168, 0, 0], 16, Class::Private),        // RFC 1918
    ([192, 175, 48, 0], 24, Class::Protocol),      // RFC 7534, AS112
    ([198, 18, 0, 0], 15, Class::Benchmark),       // RFC 2544
    ([198, 51, 100, 0], 24, Class::Documentation), // RFC 5737
    ([203, 0, 113, 0], 24, Class::Documentation),  // RFC 5737
    ([224, 0, 0, 0], 4, Class::Multicast),         // RFC 5771
    ([255, 255, 255, 255], 32, Class::Broadcast),  // RFC 919
    ([240, 0, 0, 0], 4, Class::Reserved),          // RFC 1112
];

/// As [`RowV4`], by the groups of an IPv6 address.
type RowV6 = ([u16; 8], u32, Class);

const V6: &[RowV6] = &[
    ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254], 128, Class::Metadata), // AWS
    ([0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23], 128, Class::Metadata),  // Amazon EKS
    ([0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254], 128, Class::Metadata),  // Google
    ([0xfd00, 0x42, 0, 0, 0, 0, 0, 0x42], 128, Class::Metadata),   // Scaleway
    ([0, 0, 0, 0, 0, 0, 0, 0], 128, Class::Unspecified),
    ([0, 0, 0, 0, 0, 0, 0, 1], 128, Class::Loopback), // RFC 4291
    ([0x64, 0xff9b, 1, 0, 0, 0, 0, 0], 48, Class::LocalTranslator), // RFC 8215
    ([0x100, 0, 0, 0, 0, 0, 0, 0], 64, Class::Discard), // RFC 6666
    ([0xfc00, 0, 0, 0, 0, 0, 0, 0], 7, Class::UniqueLocal), // RFC 4193
    ([0xfe80, 0, 0, 0, 0, 0, 0, 0], 10, Class::LinkLocal), // RFC 4291
    ([0xfec0, 0, 0, 0, 0, 0, 0, 0], 10, Class::SiteLocal), // RFC 3879
    ([0xff00, 0, 0, 0, 0, 0, 0, 0], 8, Class::Multicast), // RFC 4291
    ([0x2001, 2, 0, 0, 0, 0, 0, 0], 48, Class::Benchmark), // RFC 5180
    ([0x2001, 0, 0, 0, 0, 0, 0, 0], 23, Class::Protocol), // RFC 2928 and later
    ([0x2001, 0xdb8, 0, 0, 0, 0, 0, 0], 32, Class::Documentation), // RFC 3849
    ([0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0], 48, Class::Protocol), // RFC 7534, AS112
    ([0x3fff, 0, 0, 0, 0, 0, 0, 0], 20, Class::Documentation), // RFC 9637
    ([0x2000, 0, 0, 0, 0, 0, 0, 0], 3, Class::Public), // RFC 4291: what is given out
];

/// What this address is for.
pub fn class(ip: IpAddr) -> Class {
    match ip {
        IpAddr::V4(ip) => class_v4(ip),
        IpAddr::V6(ip) => class_v6(ip),
    }
}

fn class_v4(ip: Ipv4Addr) -> Class {
    let holds = |(first, bits, _): &&RowV4| {
        (ip.to_bits() ^ Ipv4Addr::from(*first).to_bits()).leading_zeros() >= *bits
    };
    V4.iter().find(holds).map_or(Class::Public, |(_, _, class)| *class)
}

fn class_v6(ip: Ipv6Addr) -> Class {
    let holds = |(first, bits, _): &&RowV6| {
        (ip.to_bits() ^ Ipv6Addr::from(*first).to_bits()).leading_zeros() >= *bits
    };
    let own = V6.iter().find(holds).map_or(Class::Reserved, |(_, _, class)| *class);
    match (carried(ip), own) {
        // `::` and `::1` have the form of an IPv4-compatible address and are none.
        (_, Class::Unspecified | Class::Loopback) | (None, _) => own,
        (Some((carried, by)), _) => match (class_v4(carried), by) {
            (Class::Public, Carrier::Same) => Class::Public,
            (Class::Public, Carrier::Relay) => Class::Tunnel,
            (Class::Public, Carrier::Site) => own,
            (refused, _) => refused,
        },
    }
}

/// How an IPv6 address that carries an IPv4 address gets there.
#[derive(Clone, Copy)]
enum Carrier {
    /// It is that address: the system unwraps it, or a translator that is everybody's.
    Same,
    /// Through somebody's relay.
    Relay,
    /// Through the router of a site, which the address itself names.
    Site,
}

/// The IPv4 address that this one carries.
fn carried(ip: Ipv6Addr) -> Option<(Ipv4Addr, Carrier)> {
    let v4 = |high: u16, low: u16| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low));
    match ip.segments() {
        // IPv4-mapped (RFC 4291), the well-known prefix of NAT64 (RFC 6052).
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            Some((v4(high, low), Carrier::Same))
        }
        // IPv4-compatible (RFC 4291), IPv4-translated (RFC 2765), 6to4 (RFC 3056).
        [0, 0, 0, 0, 0, 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x2002, high, low, ..] => Some((v4(high, low), Carrier::Relay)),
        // Teredo (RFC 4380) hides the client's address behind an exclusive or.
        [0x2001, 0, _, _, _, _, high, low] => Some((v4(!high, !low), Carrier::Relay)),
        // ISATAP (RFC 5214), under any prefix.
        [_, _, _, _, 0 | 0x200, 0x5efe, high, low] => Some((v4(high, low), Carrier::Site)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(text: &str) -> Class {
        class(text.parse().unwrap_or_else(|_| panic!("{text} is no address")))
    }

    #[test]
    fn every_form_of_an_address_has_its_class() {
        for (class, addresses) in [
            (
                Class::Public,
                "1.1.1.1 8.8.8.8 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 \
                 128.0.0.0 169.253.255.255 169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 \
                 192.0.1.0 192.0.3.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0 \
                 198.51.99.255 198.51.101.0 203.0.112.255 203.0.114.0 223.255.255.255 1.0.0.0 \
                 168.63.129.15 192.88.98.255 192.88.100.0 192.31.195.255 192.175.49.0 \
                 2606:4700:4700::1111 2001:4860:4860::8888 2000:: 2001:200:: 2001:db7:: 2001:db9:: \
                 2003:: 3ffe:ffff::1 3fff:1000:: ::ffff:8.8.8.8 64:ff9b::8.8.8.8 \
                 2606:4700::5efe:808:808 2606:4700::200:5efe:808:808",
            ),
            (Class::Unspecified, "0.0.0.0 :: ::ffff:0.0.0.0 64:ff9b::0.0.0.0 2002::"),
            (Class::ThisNetwork, "0.0.0.1 0.255.255.255 ::ffff:0.1.2.3 ::2 2002:1::"),
            (
                Class::Loopback,
                "127.0.0.1 127.0.0.0 127.255.255.255 127.1.2.3 ::1 ::ffff:127.0.0.1 \
                 ::ffff:7f00:1 ::127.0.0.1 64:ff9b::7f00:1 64:ff9b::127.0.0.1 2002:7f00:1:: \
                 2001:0:1:2:3:4:80ff:fffe ::ffff:0:127.0.0.1 2606:4700::5efe:7f00:1 \
                 fe80::5efe:7f00:1",
            ),
            (
                Class::Private,
                "10.0.0.0 10.255.255.255 172.16.0.0 172.31.255.255 192.168.0.0 192.168.255.255 \
                 ::ffff:10.0.0.1 ::ffff:a00:1 ::10.0.0.1 64:ff9b::10.0.0.1 64:ff9b::192.168.1.1 \
                 2002:c0a8:101::1 2002:a00:1:: 2001:0:0:0:0:0:f5ff:fffe 2606:4700::200:5efe:ac10:1",
            ),
            (Class::Shared, "100.64.0.0 100.127.255.255 ::ffff:100.64.0.1 64:ff9b::100.64.0.1"),
            (Class::LinkLocal, "169.254.0.0 169.254.255.255 fe80:: fe80::1 febf:ffff::1"),
            (
                Class::Metadata,
                "169.254.169.254 169.254.170.2 169.254.170.23 169.254.42.42 169.254.0.23 \
                 100.100.100.200 192.0.0.192 168.63.129.16 fd00:ec2::254 fd00:ec2::23 \
                 fd20:ce::254 fd00:42::42 ::ffff:169.254.169.254 ::ffff:a9fe:a9fe \
                 ::169.254.169.254 64:ff9b::169.254.169.254 64:ff9b::a83f:8110 2002:a9fe:a9fe:: \
                 2001:0:0:0:0:0:5601:5601 fe80::5efe:a9fe:a9fe",
            ),
            (Class::UniqueLocal, "fc00:: fc00::1 fd00:: fd00:ec2::253 fdff:ffff::1"),
            (Class::SiteLocal, "fec0:: fec0::1 feff:ffff::1"),
            (Class::Multicast, "224.0.0.0 224.0.0.1 239.255.255.255 ff00:: ff02::1 ffff::1"),
            (Class::Broadcast, "255.255.255.255 ::ffff:255.255.255.255"),
            (
                Class::Documentation,
                "192.0.2.0 192.0.2.255 198.51.100.1 203.0.113.255 2001:db8:: 2001:db8:ffff::1 \
                 3fff:: 3fff:fff::1",
            ),
            (Class::Benchmark, "198.18.0.0 198.19.255.255 2001:2:: 2001:2:0:ffff::"),
            (
                Class::Protocol,
                "192.0.0.0 192.0.0.8 192.0.0.9 192.0.0.170 192.0.0.255 192.31.196.1 192.52.193.1 \
                 192.175.48.1 2001:1::1 2001:1::2 2001:3:: 2001:4:112:: 2001:10:: 2001:20::1 \
                 2001:30::1 2001:1ff:ffff:: 2620:4f:8000::1",
            ),
            (
                Class::Tunnel,
                "192.88.99.1 2002:808:808:: 2001:0:4136:e378:8000:63bf:f7f7:f7f7 ::8.8.8.8 \
                 ::ffff:0:8.8.8.8",
            ),
            (Class::LocalTranslator, "64:ff9b:1:: 64:ff9b:1::8.8.8.8 64:ff9b:1:ffff::7f00:1"),
            (Class::Discard, "100:: 100::1 100:0:0:0:ffff::"),
            (
                Class::Reserved,
                "240.0.0.0 254.255.255.255 255.255.255.254 ::1:0:0:1 64:ff9b:2:: 64:ff9b::1:0:1 \
                 100:0:0:1:: 200:: 1fff:ffff:: 4000:: 5f00::1 8000:: fbff:: fe00:: fe7f::1",
            ),
        ] {
            for address in addresses.split_whitespace() {
                assert_eq!(of(address), class, "{address}");
            }
        }
    }

    #[test]
    fn each_row_holds_its_first_and_its_last_address() {
        for (first, bits, class) in V4 {
            let first = u32::from_be_bytes(*first);
            let last = first | u32::MAX.checked_shr(*bits).unwrap_or(0);
            assert_ne!(class_v4(Ipv4Addr::from_bits(first)), Class::Public, "{class}");
            assert_ne!(class_v4(Ipv4Addr::from_bits(last)), Class::Public, "{class}");
            assert_eq!(first & u32::MAX.checked_shr(*bits).unwrap_or(0), 0, "{class}");
        }
        for (first, bits, class) in V6 {
            let first = Ipv6Addr::from(*first).to_bits();
            assert_eq!(first & u128::MAX.checked_shr(*bits).unwrap_or(0), 0, "{class}");
        }
    }

    proptest! {
        #[test]
        fn an_address_is_never_more_public_than_the_one_it_carries(ip: [u8; 4], rest: u64) {
            let ip = Ipv4Addr::from(ip);
            let low = u128::from(ip.to_bits());
            let inner = class(IpAddr::V4(ip));
            let of = |bits: u128| class(IpAddr::V6(Ipv6Addr::from_bits(bits)));
            prop_assert_eq!(of(0xffff << 32 | low), inner);
            prop_assert_eq!(of(0x64_ff9b << 96 | low), inner);
            prop_assert_ne!(of(0x2002 << 112 | low << 80 | u128::from(rest)), Class::Public);
            prop_assert_ne!(of(0x2001 << 112 | u128::from(rest)), Class::Public);
            prop_assert_ne!(of(low), Class::Public);
            let site = of(0x2606_4700 << 96 | 0x5efe << 32 | low);
            prop_assert_eq!(site == Class::Public, inner == Class::Public);
        }

        #[test]
        fn outside_of_the_global_space_nothing_is_public_but_translations(bits: u128) {
            let ip = Ipv6Addr::from_bits(bits & !(0xe000 << 112) | 0x4000 << 112);
            prop_assert_ne!(class(IpAddr::V6(ip)), Class::Public);
        }

        /// The standard library's own words for the ranges that it knows.
        #[test]
        fn what_the_standard_library_calls_special_is_not_public(ip: u32) {
            let ip = Ipv4Addr::from_bits(ip);
            if ip.is_private() || ip.is_loopback() || ip.is_link_local() || ip.is_multicast()
                || ip.is_broadcast() || ip.is_documentation() || ip.is_unspecified()
            {
                prop_assert_ne!(class(IpAddr::V4(ip)), Class::Public);
            }
        }
    }
}
