//! What only looks like a value: numbers of orders, versions, times, prices, wrong check digits.
//!
//! Invariant: nothing here is a value of any kind, whatever stands around it.

use super::super::random::Random;
use super::forms::{Day, alphanumeric, any, figures, fill, padded};
use super::money::{card_digits, iban_compact};

/// Something harmless by the name of its slot.
///
/// A name that is none is written as it stands, so that the test's own check finds it.
pub(super) fn value(slot: &str, random: &mut Random) -> String {
    let form = match slot {
        "order" => random.of(&["ORD-899999", "#89999", "PO-2026-8999", "899999", "A-8999"]),
        // `SUP-8999` is left out: the engine takes three capitals and four digits for a plate of
        // a Brazilian car.
        "ticket" => random.of(&["INC0089999", "CASE-89999", "JIRA-899", "T-89999"]),
        "version" => random.of(&["8.9.8", "v8.89.9", "8.9.9-rc.8", "2026.8", "89.9.8999"]),
        "price" => random.of(&["$89.99", "8,999.00", "R$ 899,99", "89,90 €", "8 999,50 zł"]),
        "time" => random.of(&["18:30", "09:49:12", "23:59:59.99", "8:15 pm"]),
        "uuid" => "xxxxxxxx-xxxx-4xxx-9xxx-xxxxxxxxxxxx",
        "commit" => random.of(&["xxxxxxx", "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]),
        "sum" => "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
        "count" => random.of(&["8", "89", "899", "8,999", "89999"]),
        "size" => random.of(&["8 MB", "899×899", "89.9 kB", "8.8 GB"]),
        "range" => random.of(&["18-89", "8 to 89", "899..989"]),
        "percent" => random.of(&["89%", "8.9 %", "0.9999"]),
        "tracking" => random.of(&["1Z999AA18999999998", "RA899999999", "JD0189999999"]),
        "room" => random.of(&["B-8.89", "89A", "3-899"]),
        "port" => "8999",
        "color" => "#xxxxxx",
        "near_card" => return near_card(random),
        "near_iban" => return spoilt(&iban_compact(random), 2),
        "near_cpf" => return near_cpf(random),
        "near_ssn" => random.of(&["000-89-8999", "666-89-8999", "899-00-8999"]),
        "near_ip" => random.of(&["399.89.8.9", "10.0.399.8", "192.168.8"]),
        "near_mail" => {
            return random
                .of(&["name@localhost", "user at example", "@team", "logo@2x.png"])
                .to_owned();
        }
        "near_token" => return format!("ghp_{}", alphanumeric(random, 12)),
        "near_key" => random.of(&["AKIA_EXAMPLE", "sk_live_", "AIza"]),
        "day" => {
            return Day::between(random, 2024, 2027)
                .figures(random.of(&["Y-m-d", "d.m.Y", "d/m/Y"]));
        }
        "stamp" => return stamp(random),
        "name" => random.of(&["Ana", "João", "Jane", "Lena", "Chloé", "Diego", "Omar", "Yuki"]),
        other => return format!("{{{other}}}"),
    };
    figures(random, form)
}

/// The digit at a place changed into the next one.
fn spoilt(text: &str, place: usize) -> String {
    let next = |character: char| match character {
        '9' => '0',
        '0'..='8' => char::from(character as u8 + 1),
        other => other,
    };
    text.chars().enumerate().map(|(at, c)| if at == place { next(c) } else { c }).collect()
}

/// A card whose last digit is wrong, which changes Luhn's sum by one.
fn near_card(random: &mut Random) -> String {
    let text = card_digits(random);
    let text = spoilt(&text, text.len() - 1);
    if text.len() == 16 && random.below(2) == 0 {
        return format!("{} {} {} {}", &text[..4], &text[4..8], &text[8..12], &text[12..]);
    }
    text
}

/// A number as a CPF is written, both check digits wrong: 00 and 99 cannot be told by eye.
fn near_cpf(random: &mut Random) -> String {
    let text = fill(random, "899.999.999");
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let sum: u32 = digits.iter().zip((2..=10).rev()).map(|(digit, weight)| digit * weight).sum();
    let right = (sum * 10 % 11) % 10;
    format!("{text}-{}{}", (right + 1) % 10, random.below(10))
}

fn stamp(random: &mut Random) -> String {
    let day = Day::between(random, 2025, 2026).figures("Y-m-d");
    let time = [24, 60, 60].map(|most| padded(random.below(most) as u32, 2)).join(":");
    format!("{day}T{time}.{}Z", any(random, "0123456789", 3))
}
