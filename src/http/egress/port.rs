//! The ports that no URL may name, since what listens there speaks another protocol and might take
//! a request for something else. [`target`](super::target) asks.
//!
//! Invariant: the list is the one of the Fetch standard ("bad ports"), by which browsers go too.

/// Bad ports, ascending (<https://fetch.spec.whatwg.org/#port-blocking>).
const BAD: &[u16] = &[
    1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101, 102,
    103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389, 427, 465,
    512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636, 989, 990, 993,
    995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566, 6665, 6666, 6667, 6668,
    6669, 6679, 6697, 10080,
];

/// Whether another protocol lives at this port.
pub(super) fn is_of_another_protocol(port: u16) -> bool {
    BAD.binary_search(&port).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_ascending_and_has_no_port_of_http() {
        assert!(BAD.is_sorted_by(|one, next| one < next));
        for port in [80, 443, 5678, 8080, 8443, 3000, 65_535] {
            assert!(!is_of_another_protocol(port), "{port}");
        }
        for port in [22, 25, 53, 6000, 10_080] {
            assert!(is_of_another_protocol(port), "{port}");
        }
    }
}
