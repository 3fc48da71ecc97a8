//! The engine of the choice among agents: plain and synchronous, told what is known of each and
//! given its chance.
//!
//! Invariant: the same chances give the same order, and every agent stands in it exactly once.

use crate::config::Choose;

/// One of several agents, as the choice sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// How often it is to be chosen beside the others.
    pub weight: u32,
    /// Whether it is known to be worth trying now.
    pub is_well: bool,
}

/// The order in which agents are to be tried: those that are well, by preference or by chance;
/// then the others in the order in which they are configured, since a platform that is thought to
/// be sick is still better than none. `draw` gives chances that are evenly spread over all `u64`.
pub fn order(
    choose: Choose,
    candidates: &[Candidate],
    mut draw: impl FnMut() -> u64,
) -> Vec<usize> {
    let (mut well, sick): (Vec<usize>, Vec<usize>) =
        (0..candidates.len()).partition(|at| candidates.get(*at).is_some_and(|it| it.is_well));
    let mut order = Vec::with_capacity(candidates.len());
    match choose {
        Choose::Ordered => order.append(&mut well),
        Choose::Weighted => {
            let weight = |at: &usize| candidates.get(*at).map_or(1, |it| u64::from(it.weight));
            while !well.is_empty() {
                let total: u64 = well.iter().map(weight).sum();
                let mut left = share(draw(), total);
                let is_it = |at: &usize| match left.checked_sub(weight(at)) {
                    Some(rest) => {
                        left = rest;
                        false
                    }
                    None => true,
                };
                let place = well.iter().position(is_it).unwrap_or(0);
                order.push(well.remove(place));
            }
        }
    }
    order.extend(sick);
    order
}

/// A chance as a number below `total`.
pub fn share(chance: u64, total: u64) -> u64 {
    // The upper half of the product: no remainder, so no number is favoured by more than one in
    // 2^64 / total.
    let product = u128::from(chance) * u128::from(total);
    u64::try_from(product >> 64).unwrap_or(0)
}

/// Spreads a number evenly over all `u64` (the finalizer of SplitMix64), so that ids that count
/// upwards are chances too.
pub fn spread(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(list: &[(u32, bool)]) -> Vec<Candidate> {
        list.iter()
            .map(|(weight, is_well)| Candidate { weight: *weight, is_well: *is_well })
            .collect()
    }

    /// Chances from a seed.
    fn draws(seed: u64) -> impl FnMut() -> u64 {
        let mut next = seed;
        move || {
            next += 1;
            spread(next)
        }
    }

    #[test]
    fn in_order_of_preference_the_well_come_first_and_the_others_are_kept_for_last() {
        let list = all(&[(1, false), (1, true), (9, true), (1, false)]);
        assert_eq!(order(Choose::Ordered, &list, || panic!("no chance")), [1, 2, 0, 3]);
        let none = all(&[(1, false), (1, false)]);
        assert_eq!(order(Choose::Ordered, &none, || 0), [0, 1]);
    }

    #[test]
    fn a_chance_falls_on_the_share_that_it_lies_in() {
        let list = all(&[(1, true), (2, true), (1, true)]);
        let quarter = 1u64 << 62;
        for (chance, first) in [
            (0, 0),
            (quarter - 1, 0),
            (quarter, 1),
            (3 * quarter - 1, 1),
            (3 * quarter, 2),
            (u64::MAX, 2),
        ] {
            assert_eq!(order(Choose::Weighted, &list, || chance)[0], first, "{chance}");
        }
    }

    #[test]
    fn each_is_chosen_first_as_often_as_its_weight_says_of_those_that_are_well() {
        let list = all(&[(70, true), (20, true), (1_000, false), (10, true)]);
        let mut firsts = [0u32; 4];
        let mut draw = draws(7);
        for _ in 0..10_000 {
            firsts[order(Choose::Weighted, &list, &mut draw)[0]] += 1;
        }
        for (first, wanted) in firsts.iter().zip([7_000u32, 2_000, 0, 1_000]) {
            assert!(first.abs_diff(wanted) <= 200, "{firsts:?}");
        }
    }

    proptest! {
        #[test]
        fn everyone_is_in_the_order_once_the_well_before_the_others_and_again_the_same(
            list in prop::collection::vec((1u32..=1_000, any::<bool>()), 0..12),
            is_weighted in any::<bool>(),
            seed in any::<u32>(),
        ) {
            let list = all(&list);
            let choose = if is_weighted { Choose::Weighted } else { Choose::Ordered };
            let found = order(choose, &list, draws(u64::from(seed)));
            let mut sorted = found.clone();
            sorted.sort_unstable();
            prop_assert_eq!(sorted, (0..list.len()).collect::<Vec<_>>());
            prop_assert!(found.is_sorted_by_key(|at| !list[*at].is_well));
            prop_assert_eq!(found, order(choose, &list, draws(u64::from(seed))));
        }

        #[test]
        fn a_share_is_below_its_total(chance in any::<u64>(), total in 1u64..) {
            prop_assert!(share(chance, total) < total);
        }
    }
}
