//! Which addresses may be called: the public ones, and those of networks that the operator names.
//! [`Target`](super::target::Target) asks for addresses that stand in a URL, the poster for each
//! that a name gives.
//!
//! Invariant: a cloud's metadata service is allowed by no setting, since it gives out the
//! machine's own credentials and takes no callbacks.

use std::net::IpAddr;

use ipnet::IpNet;

use super::address::{Class, class};

/// What the operator allows beyond the public internet. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Allowed {
    /// Networks whose addresses may be called, whatever they are for.
    pub networks: Vec<IpNet>,
    /// Whether `http:` may be called too: anybody on the way reads what is sent, and may answer in
    /// the receiver's place.
    pub http: bool,
}

impl Allowed {
    /// Judges one address.
    ///
    /// # Errors
    ///
    /// What it is for, if that is not allowed.
    pub fn check(&self, ip: IpAddr) -> Result<(), Class> {
        let class = class(ip);
        // The system unwraps an IPv4-mapped address; of other wrappings, the operator has to allow
        // the wrapping, since who unwraps them cannot be told.
        let ip = ip.to_canonical();
        let is_named = || self.networks.iter().any(|network| network.contains(&ip));
        if class == Class::Public || (class != Class::Metadata && is_named()) {
            return Ok(());
        }
        Err(class)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowing(networks: &[&str]) -> Allowed {
        let networks = networks.iter().map(|network| network.parse().unwrap()).collect();
        Allowed { networks, http: false }
    }

    fn check(allowed: &Allowed, ip: &str) -> Result<(), Class> {
        allowed.check(ip.parse().unwrap())
    }

    #[test]
    fn only_public_addresses_are_allowed_where_nothing_is_said() {
        let allowed = Allowed::default();
        assert_eq!(check(&allowed, "1.1.1.1"), Ok(()));
        assert_eq!(check(&allowed, "10.0.0.1"), Err(Class::Private));
        assert_eq!(check(&allowed, "::ffff:127.0.0.1"), Err(Class::Loopback));
    }

    #[test]
    fn a_named_network_is_allowed_and_its_neighbours_are_not() {
        let allowed = allowing(&["10.1.0.0/16", "fd12::/16"]);
        assert_eq!(check(&allowed, "10.1.2.3"), Ok(()));
        assert_eq!(check(&allowed, "::ffff:10.1.2.3"), Ok(()));
        assert_eq!(check(&allowed, "fd12::1"), Ok(()));
        assert_eq!(check(&allowed, "10.2.0.1"), Err(Class::Private));
        assert_eq!(check(&allowed, "fd13::1"), Err(Class::UniqueLocal));
        for wrapped in ["64:ff9b::10.1.2.3", "2002:a01:203::", "::10.1.2.3"] {
            assert_eq!(check(&allowed, wrapped), Err(Class::Private), "{wrapped}");
        }
    }

    #[test]
    fn no_network_allows_the_metadata_services() {
        let allowed = allowing(&["0.0.0.0/0", "::/0"]);
        for ip in ["127.0.0.1", "::1", "fe80::1", "64:ff9b::10.0.0.1", "224.0.0.1"] {
            assert_eq!(check(&allowed, ip), Ok(()), "{ip}");
        }
        for ip in ["169.254.169.254", "fd00:ec2::254", "::ffff:a9fe:a9fe", "168.63.129.16"] {
            assert_eq!(check(&allowed, ip), Err(Class::Metadata), "{ip}");
        }
    }
}
