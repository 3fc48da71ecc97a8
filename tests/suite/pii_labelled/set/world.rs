//! Numbers of persons and firms of Africa, Asia and Oceania, and of vehicles and devices.
//!
//! Invariant: every check digit comes from the rules beside it.

use super::super::random::Random;
use super::Kind;
use super::Language::English;
use super::checks::{base_36, eleven_less, luhn, vehicle, verhoeff, weighted};
use super::forms::{Day, any, fill, written};

pub(super) const KINDS: &[Kind] = &[
    Kind::checked("in_aadhaar", aadhaar, &[(English, "Aadhaar"), (English, "Aadhaar no")]),
    Kind::checked("in_gstin", gstin, &[(English, "GSTIN"), (English, "GST number")]).alone(),
    Kind::formed("in_pan", pan, &[(English, "PAN"), (English, "PAN card")]).alone(),
    Kind::checked("au_tfn", tfn, &[(English, "TFN"), (English, "tax file number")]),
    Kind::checked("au_abn", abn, &[(English, "ABN"), (English, "Australian business number")]),
    Kind::checked("za_id", za_id, &[(English, "SA ID"), (English, "South African ID")]),
    Kind::checked("tr_tckn", tckn, &[(English, "TC kimlik"), (English, "TCKN")]),
    Kind::checked("kr_rrn", rrn, &[(English, "RRN"), (English, "resident registration number")]),
    Kind::checked("cn_resident_id", resident_id, &[(English, "resident ID"), (English, "身份证")])
        .alone(),
    Kind::checked("sg_nric", nric, &[(English, "NRIC")]).alone(),
    Kind::checked("imei", imei, &[(English, "IMEI"), (English, "device IMEI")]),
    Kind::checked("iccid", iccid, &[(English, "ICCID"), (English, "SIM ICCID")]),
    Kind::checked("vin", vin, &[(English, "VIN"), (English, "chassis number")]).alone(),
];

fn aadhaar(random: &mut Random) -> String {
    let text = format!("{}{}", 2 + random.below(8), fill(random, "9999999999"));
    let text = format!("{text}{}", verhoeff(&text));
    written(random, &text, &["#### #### ####", "############"])
}

fn pan(random: &mut Random) -> String {
    format!("{}P{}", any(random, "ABCDEFGHKLMNPRSTV", 3), fill(random, "A8999A"))
}

fn gstin(random: &mut Random) -> String {
    let state = random.of(&["07", "24", "27", "29", "33"]);
    let text = format!("{state}{}1Z", pan(random));
    format!("{text}{}", base_36(&text))
}

fn tfn(random: &mut Random) -> String {
    loop {
        let text = fill(random, "89999999");
        // The last weight is ten, which is minus one by eleven.
        let check = weighted(&text, &[1, 4, 3, 7, 5, 8, 6, 9]) % 11;
        if check != 10 {
            return written(random, &format!("{text}{check}"), &["### ### ###", "#########"]);
        }
    }
}

fn abn(random: &mut Random) -> String {
    let text = fill(random, "899999999");
    let check = 89 - weighted(&text, &[3, 5, 7, 9, 11, 13, 15, 17, 19]) % 89;
    // One is taken from the first digit, whose weight is ten.
    let head = format!("{}{}", check / 10 + 1, check % 10);
    written(random, &format!("{head}{text}"), &["## ### ### ###"])
}

fn za_id(random: &mut Random) -> String {
    let born = Day::of_birth(random).figures("ymd");
    let text = format!("{born}{}08", fill(random, "9999"));
    format!("{text}{}", luhn(&text))
}

fn tckn(random: &mut Random) -> String {
    let text = fill(random, "899999999");
    let odd = weighted(&text, &[1, 0, 1, 0, 1, 0, 1, 0, 1]);
    let even = weighted(&text, &[0, 1, 0, 1, 0, 1, 0, 1, 0]);
    let tenth = (odd * 7 + 100 - even) % 10;
    format!("{text}{tenth}{}", (odd + even + tenth) % 10)
}

fn rrn(random: &mut Random) -> String {
    let born = Day::of_birth(random).figures("ymd");
    // The office where it was registered has a number below 96.
    let text = format!("{born}{}0{}", random.of(&[1, 2]), fill(random, "9999"));
    let check = eleven_less(&text, &[2, 3, 4, 5, 6, 7, 8, 9, 2, 3, 4, 5]) % 10;
    written(random, &format!("{text}{check}"), &["######-#######"])
}

fn resident_id(random: &mut Random) -> String {
    let place = random.of(&["110101", "310104", "440106", "510107", "330102"]);
    let born = Day::of_birth(random).figures("Ymd");
    let text = format!("{place}{born}{}", fill(random, "998"));
    let sum = weighted(&text, &[7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]);
    format!("{text}{}", char::from(b"10X98765432"[sum as usize % 11]))
}

fn nric(random: &mut Random) -> String {
    let century = random.below(2);
    let text = fill(random, "8999999");
    let sum = weighted(&text, &[2, 7, 6, 5, 4, 3, 2]) + 4 * century as u32;
    format!("{}{text}{}", ["S", "T"][century], char::from(b"JZIHGFEDCBA"[sum as usize % 11]))
}

fn imei(random: &mut Random) -> String {
    let text = fill(random, "35899999999999");
    let text = format!("{text}{}", luhn(&text));
    written(random, &text, &["###############", "##-######-######-#"])
}

fn iccid(random: &mut Random) -> String {
    let text =
        format!("89{}{}", random.of(&["01260", "49020", "55110"]), fill(random, "99999999999"));
    format!("{text}{}", luhn(&text))
}

fn vin(random: &mut Random) -> String {
    let head = random.of(&["1HGCM", "1FTFW", "5YJ3E", "2T1BU", "1G1BE"]);
    let body = format!(
        "{head}{}0{}",
        any(random, "0123456789ABCDEFGHJKLMNPRSTUVWXYZ", 3),
        fill(random, "AA")
    );
    let body = body.replace(['I', 'O', 'Q'], "K");
    let text = format!("{body}{}", fill(random, "999999"));
    let (before, after) = text.split_at(8);
    format!("{before}{}{}", vehicle(&text), &after[1..])
}
