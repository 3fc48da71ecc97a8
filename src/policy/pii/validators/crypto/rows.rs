//! The rows of the crypto family. Private keys are published test values, in two halves so that
//! no scanner of sources takes them for keys in use.
//!
//! Invariant: rows only.

use super::super::entity::{EntityType, Shape};
use super::{
    BASE58_ADDRESS_MAX, BTC_ADDRESS_MAX, ETH_ADDRESS_MAX, LONG_ADDRESS_MAX, SOL_ADDRESS_MAX,
    ada_address, atom_address, bch_address, btc_address, btc_private_key, dash_address,
    doge_address, eth_address, extended_private_key, ltc_address, sol_address, trx_address,
    xlm_address, xmr_address, xrp_address, zec_address,
};

const fn prefixed(
    name: &'static str,
    prefixes: &'static [&'static str],
    (min, max): (u8, usize),
    extra: &'static str,
    validate: fn(&[u8]) -> bool,
) -> EntityType {
    let shape = Shape::Prefixed { prefixes, min, max: max as u8, extra };
    EntityType::new(name, "crypto", shape, validate, max)
}

const CHECKED: (u8, u8, u8) = (99, 99, 99);

const fn checked(row: EntityType) -> EntityType {
    row.certainty(CHECKED.0, CHECKED.1, CHECKED.2)
}

/// The kinds of this family.
pub const ENTITIES: &[EntityType] = &[
    checked(prefixed("btc_address", &["1", "3", "bc1"], (25, BTC_ADDRESS_MAX), "", btc_address))
        .samples(
            &[
                "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNa",
                "3J98t1WpEZ73CNmQviecrnyiWrnqRhWNLy",
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4",
                "BC1QW508D6QEJXTDG4Y5R3ZARVARY0C5XW7KV8F3T4",
                "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqzk5jj0",
            ],
            &[
                "1A1zP1eP5QGefi2DMPTfTL5SLmv7DivfNb",
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t5",
                "bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3T4",
                "bc1p0xlxvlhemja6c4dqv22uapctqupfhlxm9h8z3k2e72q4k9hcz7vqh2y7hd",
            ],
        ),
    checked(prefixed("btc_private_key", &["5", "k", "l"], (51, 52), "", btc_private_key))
        .mask(0)
        .samples(
            &[
                concat!("5HueCGU8rMjxEXxiPuD5BDku4", "MkFqeZyd4dZ1jvhTVqvbTLvyTJ"),
                concat!("KwdMAjGmerYanjeui5SHS7JkmpZ", "vVipYvB2LJGU1ZxJwYvP98617"),
            ],
            &["5HueCGU8rMjxEXxiPuD5BDku4MkFqeZyd4dZ1jvhTVqvbTLvyTK"],
        ),
    checked(prefixed(
        "extended_private_key",
        &["xprv", "yprv", "zprv"],
        (111, 111),
        "",
        extended_private_key,
    ))
    .mask(0)
    .samples(
        &[concat!(
            "xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvv",
            "NKmPGJxWUtg6LnF5kejMRNNU3TGtRBeJgk33yuGBxrMPHi"
        )],
        &["xprv9s21ZrQH143K3QTDL4LXw2F7HEK3wJUD2nW2nRk4stbPy6cq3jPPqjiChkVvvNKmPGJxWUtg6LnF5kej\
           MRNNU3TGtRBeJgk33yuGBxrMPHj"],
    ),
    checked(prefixed("eth_address", &["0x"], (42, ETH_ADDRESS_MAX), "", eth_address)).samples(
        &[
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAed",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaed",
            "0x5AAEB6053F3E94C9B9A09F33669435E7EF1BEAED",
        ],
        &[
            "0x5aAeb6053F3E94C9b9A09f33669435E7Ef1BeAeD",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beae",
            "0x5aaeb6053f3e94c9b9a09f33669435e7ef1beaeg",
        ],
    ),
    EntityType::new(
        "sol_address",
        "crypto",
        Shape::Alphanumeric { min: 32, max: 44, separators: "" },
        sol_address,
        SOL_ADDRESS_MAX,
    )
    .certainty(40, 40, 95)
    .context(&["solana", "sol", "wallet", "phantom", "spl", "address"])
    .samples(
        &["EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"],
        &[
            "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1vz",
            "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZw0",
        ],
    ),
    checked(prefixed("trx_address", &["t"], (34, BASE58_ADDRESS_MAX), "", trx_address)).samples(
        &["TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"],
        &["TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6u"],
    ),
    checked(prefixed("ltc_address", &["l", "m"], (26, BTC_ADDRESS_MAX), "", ltc_address)).samples(
        &[
            "LRSBA1DaPzncU35m9GxUigLK4cCAn3S6Lx",
            "M9Ghc8kVqfgTs2nX3eqKFAzHatFUW7z8Aa",
            "ltc1qd8wk8lp4c7tl7z9xekgqj5rx5az6mkmdhevu7l",
        ],
        &["LRSBA1DaPzncU35m9GxUigLK4cCAn3S6Ly", "ltc1qd8wk8lp4c7tl7z9xekgqj5rx5az6mkmdhevu7m"],
    ),
    checked(prefixed("doge_address", &["d", "a", "9"], (34, BASE58_ADDRESS_MAX), "", doge_address))
        .samples(
            &["DABe5WFszWa4iduxMmgQHYpRg4PnUcNNXf", "A4viYu9ZTJiU2eguPoGmWD4gSMzCWCRwG2"],
            &["DABe5WFszWa4iduxMmgQHYpRg4PnUcNNXg"],
        ),
    checked(prefixed("xrp_address", &["r"], (25, BASE58_ADDRESS_MAX), "", xrp_address)).samples(
        &["rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTh", "rsE3GVNSGtbTpWqMrPuuEpS28zkDa9ft25"],
        &["rHb9CJAWyB4rj91VRWn96DkukG4bwdtyTj"],
    ),
    checked(prefixed("bch_address", &["bitcoincash:", "q", "p"], (42, 54), ":", bch_address))
        .samples(
            &[
                "bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
                "qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a",
            ],
            &["bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6b"],
        ),
    checked(prefixed("dash_address", &["x", "7"], (34, BASE58_ADDRESS_MAX), "", dash_address))
        .samples(
            &["XjQHCsuUNFqtTonBQ6vu1PhcgbL3ageoWS"],
            &["XjQHCsuUNFqtTonBQ6vu1PhcgbL3ageoWT"],
        ),
    checked(prefixed("zec_address", &["t1", "t3"], (35, BASE58_ADDRESS_MAX), "", zec_address))
        .samples(
            &["t1S7PFVg32q99x9E2Md2LjhpbUGkbm524jr", "t3WSnT626TbnCP6Fn9weZLRWEqHnb9Da2jY"],
            &["t1S7PFVg32q99x9E2Md2LjhpbUGkbm524js"],
        ),
    checked(prefixed("ada_address", &["addr1"], (53, LONG_ADDRESS_MAX), "", ada_address)).samples(
        &["addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl8"],
        &["addr1vx2fxv2umyhttkxyxp8x0dlpdt3k6cwng5pxj3jhsydzers66hrl7"],
    ),
    checked(prefixed("atom_address", &["cosmos1"], (45, 65), "", atom_address)).samples(
        &["cosmos13qcu9v8c0qs3g26y2e2kmzd2s272mt36t3vzx6"],
        &["cosmos13qcu9v8c0qs3g26y2e2kmzd2s272mt36t3vzx7"],
    ),
    checked(prefixed("xlm_address", &["g", "s"], (56, 56), "", xlm_address)).samples(
        &["GCKXR6SFGWSBJUBFYJFUBLR2YETXEKMIXKLTV2UNG4LZOBQHF3JTVXBD"],
        &["GCKXR6SFGWSBJUBFYJFUBLR2YETXEKMIXKLTV2UNG4LZOBQHF3JTVXBE"],
    ),
    checked(prefixed("xmr_address", &["4", "8"], (95, 95), "", xmr_address)).samples(
        &["888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoo\
           gDavup3H"],
        &["888tNkZrPN6JsEgekjMnABU4TBzc2Dt29EPAvkRxbANsAnjyPbb3iQ1YBRk1UXcdRsiKc9dhwMVgN5S9cQUiyoo\
           gDavup3J"],
    ),
];
