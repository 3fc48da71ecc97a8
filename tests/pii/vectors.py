#!/usr/bin/env python3
"""Writes the vectors that the validators of src/policy/pii/validators are tested with: candidates,
each judged by an implementation that is not ours.

    python3 -m venv venv
    venv/bin/pip install python-stdnum==2.2 validate-docbr==2.0.1 phonenumbers==9.0.43 \
        base58==2.1.1 bech32==1.2.0 pycryptodome==3.23.0
    venv/bin/python tests/pii/vectors.py                    # the files in tests/pii/vectors
    venv/bin/python tests/pii/vectors.py --count 100000 --out /tmp/vectors

A large set is tested with `SWITCHYARD_PII_VECTORS=/tmp/vectors cargo test independent`.
A line is `1 candidate` or `0 candidate`. A third of the candidates is valid, a third is valid but for
one character or two that changed places, a third is random in the right form; of a large set a
twentieth is valid.

Where the other implementation and the registry differ, `unless` leaves such candidates out, and the
reason stands beside it.
"""

import argparse
import base64
import binascii
import datetime
import ipaddress
import pathlib
import random
import re
import string
import struct

import base58
import bech32
import phonenumbers
import validate_docbr
from Crypto.Hash import keccak
from stdnum import bic, iban, imei, luhn, verhoeff
from stdnum import numdb
from stdnum.ar import cbu, cuit
from stdnum.at import vnr
from stdnum.au import abn, acn, tfn
from stdnum.be import nn as be_nn
from stdnum.be import ssn as be_ssn
from stdnum.bg import egn
from stdnum.br import cnpj
from stdnum.ca import bc_phn, bn, sin
from stdnum.ch import ssn as ch_ssn
from stdnum.ch import uid as ch_uid
from stdnum.cl import rut
from stdnum.cn import ric
from stdnum.co import nit
from stdnum.cz import rc
from stdnum.de import idnr as de_idnr
from stdnum.dk import cpr
from stdnum.ec import ci
from stdnum.ee import ik
from stdnum.es import ccc, cif, dni, nie
from stdnum.eu import vat as eu_vat
from stdnum.fi import hetu
from stdnum.fr import nif as fr_nif
from stdnum.fr import nir, siren, siret
from stdnum.gb import nhs, utr
from stdnum.gb import vat as gb_vat
from stdnum.gr import amka
from stdnum.hr import oib
from stdnum.id import nik
from stdnum.ie import pps
from stdnum.il import idnr as il_idnr
from stdnum.in_ import aadhaar, epic, gstin, pan, vid
from stdnum.is_ import kennitala
from stdnum.it import codicefiscale, iva
from stdnum.jp import in_ as jp_in
from stdnum.kr import rrn
from stdnum.lt import asmens
from stdnum.lv import pvn
from stdnum.mx import curp, rfc
from stdnum.my import nric
from stdnum.nl import bsn
from stdnum.no import fodselsnummer, orgnr
from stdnum.nz import ird
from stdnum.pe import ruc
from stdnum.pk import cnic
from stdnum.pl import nip, pesel, regon
from stdnum.pt import cc as pt_cc
from stdnum.pt import nif as pt_nif
from stdnum.ro import cnp
from stdnum.ru import inn
from stdnum.se import personnummer
from stdnum.si import emso
from stdnum.th import pin
from stdnum.tr import tckimlik, vkn
from stdnum.ua import rntrc
from stdnum.us import ein, itin, ptin, rtn, ssn
from stdnum.za import idnr as za_idnr

SEED = 20251122


class NoToday(datetime.date):
    """Our validators know no clock: a person may be born tomorrow."""

    @classmethod
    def today(cls):
        return cls(2999, 12, 31)


for module in (cpr, fodselsnummer, be_nn):
    module.datetime = type("datetime", (), {"date": NoToday})

random_source = random.Random(SEED)
choice, randrange = random_source.choice, random_source.randrange
BASE58 = base58.BITCOIN_ALPHABET.decode()
HEX = "0123456789abcdef"


def date(order):
    """A day between 1900 and 2025 in figures: Y four of the year, y two."""
    day = datetime.date(1900, 1, 1) + datetime.timedelta(days=randrange(45_900))
    parts = {"Y": f"{day.year}", "y": f"{day.year % 100:02}", "m": f"{day.month:02}", "d": f"{day.day:02}"}
    return "".join(parts[part] for part in order)


def fill(form):
    """A random text of a form: 9 a digit, A a letter, X either, {ymd} a date, [..] one of these."""
    def part(match):
        token = match[0]
        if token[0] == "{":
            return date(token[1:-1])
        if token[0] == "[":
            return choice(token[1:-1].split("|"))
        return choice({"9": string.digits, "A": string.ascii_uppercase,
                       "X": string.digits + string.ascii_uppercase}[token])
    return re.sub(r"\{\w+\}|\[[^]]*\]|[9AX]", part, form)


def spoil(text):
    """The text with one letter or digit replaced by another, or two neighbours changed."""
    places = [at for at, letter in enumerate(text) if letter.isalnum()]
    at = choice(places)
    letters = list(text)
    if randrange(3) == 0 and at + 1 < len(text) and text[at + 1].isalnum():
        letters[at], letters[at + 1] = letters[at + 1], letters[at]
    else:
        kind = string.digits if text[at].isdigit() else string.ascii_lowercase if text[at].islower() else string.ascii_uppercase
        letters[at] = choice(kind)
    return "".join(letters)


def body(count):
    return bytes(randrange(256) for _ in range(count))


def base58_check(*versions, alphabet=base58.BITCOIN_ALPHABET):
    """Oracle and maker of Base58Check addresses of these versions."""
    def judge(text):
        try:
            raw = base58.b58decode_check(text, alphabet=alphabet)
        except ValueError:
            return False
        return any(raw.startswith(v) and len(raw) == len(v) + 20 for v in versions)
    return judge, lambda: base58.b58encode_check(choice(versions) + body(20), alphabet=alphabet).decode()


def ethereum(text):
    if not re.fullmatch(r"0x[0-9a-fA-F]{40}", text):
        return False
    digits = text[2:]
    if digits in (digits.lower(), digits.upper()):
        return True
    digest = keccak.new(digest_bits=256, data=digits.lower().encode()).hexdigest()
    return digits == "".join(c.upper() if int(n, 16) > 7 else c for c, n in zip(digits.lower(), digest))


def make_ethereum():
    digits = body(20).hex()
    digest = keccak.new(digest_bits=256, data=digits.encode()).hexdigest()
    mixed = "".join(c.upper() if int(n, 16) > 7 else c for c, n in zip(digits, digest))
    return "0x" + choice([mixed, mixed, digits, digits.upper()])


def segwit(prefix):
    return (lambda text: bech32.decode(prefix, text)[0] == 0), lambda: bech32.encode(prefix, 0, body(choice([20, 32])))


def stellar(text):
    try:
        raw = base64.b32decode(text)
    except (ValueError, binascii.Error):
        return False
    return len(text) == 56 and text[0] in "GS" and struct.pack("<H", binascii.crc_hqx(raw[:-2], 0)) == raw[-2:]


def make_stellar():
    raw = bytes([choice([6 << 3, 18 << 3])]) + body(32)
    return base64.b32encode(raw + struct.pack("<H", binascii.crc_hqx(raw, 0))).decode()


def bitcoin(text):
    judge, _ = base58_check(b"\0", b"\5")
    return judge(text) or bech32.decode("bc", text)[0] == 0


def ip(version):
    def judge(text):
        try:
            return ipaddress.ip_address(text.split("%")[0]).version == version
        except ValueError:
            return False
    return judge


def make_ipv6():
    address = ipaddress.IPv6Address(body(16) if randrange(2) else body(4) + bytes(10) + body(2))
    return choice([address.compressed, address.exploded, address.compressed.upper()])


def make_iban():
    country, rest = choice(IBANS)
    account = "".join(fill({"n": "9", "a": "A", "c": "X"}[kind] * int(count))
                      for count, kind in re.findall(r"(\d+)!([nac])", rest))
    compact = f"{country}{iban.calc_check_digits(country + '00' + account)}{account}"
    return choice([compact, " ".join(compact[at:at + 4] for at in range(0, len(compact), 4))])


IBANS = [(prefix, found[0][1]["bban"]) for prefix in
         (a + b for a in string.ascii_uppercase for b in string.ascii_uppercase)
         if (found := numdb.get("iban").info(prefix + "00"))[0][1]]


def card(text):
    digits = re.sub(r"[ -]", "", text)
    return luhn.is_valid(digits)


def weighted(digits, weights):
    return sum(int(d) * w for d, w in zip(digits, weights))


def cross(number):
    return sum(map(int, str(number)))


def rentenversicherung(text):
    text = text.replace(" ", "")
    digits = text[:8] + f"{ord(text[8]) - 64:02}" + text[9:11]
    day, month = int(text[2:4]), int(text[4:6])
    total = sum(cross(int(d) * w) for d, w in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1)))
    return 1 <= day % 50 <= 31 and 1 <= month <= 12 and text[:2] != "00" and total % 10 == int(text[11])


def krankenversicherung(text):
    digits = f"{ord(text[0]) - 64:02}" + text[1:9]
    return sum(cross(int(d) * (1 + at % 2)) for at, d in enumerate(digits)) % 10 == int(text[9])


def luxembourg(text):
    try:
        born = datetime.date(int(text[:4]), int(text[4:6]), int(text[6:8]))
    except ValueError:
        return False
    return 1850 <= born.year < 2100 and luhn.is_valid(text[:12]) and verhoeff.is_valid(text[:11] + text[12])


def legal_process(text):
    d = re.sub(r"\D", "", text)
    return int(d[:7] + d[9:] + d[7:9]) % 97 == 1 and d[13] != "0" and 1900 <= int(d[9:13]) < 2100


def clabe(text):
    total = sum(int(d) * w % 10 for d, w in zip(text[:17], [3, 7, 1] * 6))
    return (10 - total % 10) % 10 == int(text[17])


def emirates(text):
    digits = text.replace("-", "")
    return digits.startswith("784") and digits[3:5] in ("19", "20") and luhn.is_valid(digits)


def niss(text):
    return text[0] in "12" and 9 - weighted(text, (29, 23, 19, 17, 13, 11, 7, 5, 3, 2)) % 10 == int(text[10])


def snils(text):
    digits = re.sub(r"\D", "", text)
    return weighted(digits, range(9, 0, -1)) % 101 % 100 == int(digits[9:]) and int(digits[:9]) > 1001998


def nino(text):
    return bool(re.fullmatch(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]",
                             text.replace(" ", "")))


def dea(text):
    d = [int(c) for c in text[2:]]
    return (text[0] in "ABCDEFGHJKLMPRSTUX" and (d[0] + d[2] + d[4] + 2 * (d[1] + d[3] + d[5])) % 10 == d[6])


def npi(text):
    return text[0] in "12" and luhn.is_valid("80840" + text)


def identity_document(text):
    value = lambda c: int(c, 36)
    return (not re.search("[AEIOUBDQS]", text[:9]) and text[0].isalpha()
            and sum(value(c) * w for c, w in zip(text, (7, 3, 1) * 3)) % 10 == int(text[9]))


CODES = set(map(str, phonenumbers.COUNTRY_CODE_TO_REGION_CODE))


def country_code(text):
    digits = re.sub(r"\D", "", text)
    return any(digits.startswith(code) for code in CODES)


def by_docbr(document):
    return document().validate


def same(text):
    digits = re.sub(r"\W", "", text)
    return len(set(digits)) == 1


def zeros(text):
    return not re.search(r"[1-9A-Z]", text)


VAT_FORMS = [
    "ATU99999999", "BE[0|1]999999999", "BG999999999", "BG9999999999", "CY99999999A", "CZ99999999",
    "CZ6[0|1|9]9999999", "CZ{ymd}9999", "DE999999999", "DK99999999", "EE999999999", "EL999999999",
    "ES99999999A", "ES[X|Y|Z]9999999A", "ES[A|B|J|Q|N]9999999X", "ES[K|L|M]9999999A", "FI99999999",
    "FR99999999999", "FRAA999999999", "FR9A999999999", "FRXX000999999", "HR99999999999", "HU99999999",
    "IE9999999A", "IE9999999AA", "IE9A99999A", "IT99999999999", "IT9999999[0][0|1|2]99", "LT9999999[1]9",
    "LT9999999999[1]9", "LU99999999", "LV99999999999", "LV{dmy}[0|1|2]9999", "MT99999999",
    "NL999999999B99", "PL9999999999", "PT999999999", "RO99", "RO999999", "RO9999999999", "SE9999999999[01]",
    "SI99999999", "SK9999999999", "XI999999999", "DE 999 999 999", "FR 99 999999999",
]

# entity: (oracle, forms or maker, optional: which candidates are left out)
KINDS = {
    "credit_card": (card, ["4999 9999 9999 9999", "4999999999999999", "5[1|2|3|4|5]99999999999999", "3[4|7]9999999999999",
                           "2[3|4|5|6]99-9999-9999-9999", "35[3|4|5|6|7]9999999999999", "6011999999999999", "62[0|1|2|5]9999999999999999"],
                    # Luhn alone knows no networks: what leaves its range is left out.
                    lambda t: not re.match(r"4|5[1-5]|3[47]|2[3-6]|35[3-7]|6011|62", re.sub(r"\D", "", t))),
    "iban": (lambda t: iban.is_valid(t, check_country=False), make_iban),
    "bic": (bic.is_valid, ["AAAA[DE|BR|US|GB|FR|XX|ZZ]XX", "AAAAAAXXXXX", "AAAA[DE|BR|US]XXXXX"]),
    "us_aba_routing": (rtn.is_valid, ["[0|1|2|3|6]99999999"],
                       # stdnum knows no ranges.
                       lambda t: zeros(t) or not (int(t[:2]) <= 12 or 21 <= int(t[:2]) <= 32 or 61 <= int(t[:2]) <= 72 or t[:2] == "80")),
    "mx_clabe": (clabe, ["999999999999999999"], zeros),
    "ar_cbu": (cbu.is_valid, ["9999999999999999999999"], zeros),
    "es_ccc": (ccc.is_valid, ["99999999999999999999", "9999 9999 99 9999999999"], zeros),
    "eth_address": (ethereum, make_ethereum),
    "btc_address": (bitcoin, lambda: choice([segwit("bc")[1], base58_check(b"\0", b"\5")[1]])()),
    "trx_address": base58_check(b"\x41"),
    "ltc_address": (lambda t: base58_check(b"\x30", b"\x32")[0](t) or segwit("ltc")[0](t),
                    lambda: choice([segwit("ltc")[1], base58_check(b"\x30", b"\x32")[1]])()),
    "doge_address": base58_check(b"\x1e", b"\x16"),
    "dash_address": base58_check(b"\x4c", b"\x10"),
    "zec_address": base58_check(b"\x1c\xb8", b"\x1c\xbd"),
    "xrp_address": base58_check(b"\0", alphabet=base58.RIPPLE_ALPHABET),
    "atom_address": (lambda t: bech32.bech32_decode(t)[0] == "cosmos",
                     lambda: bech32.bech32_encode("cosmos", bech32.convertbits(body(choice([20, 32])), 8, 5))),
    "xlm_address": (stellar, make_stellar),
    "ipv4": (ip(4), lambda: str(ipaddress.IPv4Address(body(4)))),
    "ipv6": (ip(6), make_ipv6),
    "imei": (imei.is_valid, ["999999999999999", "99-999999-999999-9"], zeros),
    "us_ssn": (ssn.is_valid, ["999-99-9999", "999999999", "[0|6]66-99-9999", "999-00-9999"],
               # stdnum looks its three unwanted numbers up with dashes only.
               lambda t: t in ("078051120", "457555462", "219099999")),
    "us_itin": (itin.is_valid, ["9[99]-[7|8|9]9-9999", "999999999", "999-99-9999", "999-[70|88|89|92|93]-9999", "[9]99-[7|8|9]9-9999"],
                # stdnum has not the groups 50 to 65, which are issued since 2011.
                lambda t: 50 <= int(t.replace("-", "")[3:5]) <= 65),
    "us_ein": (ein.is_valid, ["99-9999999", "999999999"]),
    "us_ptin": (ptin.is_valid, ["P99999999", "A99999999"], zeros),
    "us_npi": (npi, ["[1|2]999999999", "9999999999"]),
    "us_dea": (dea, ["[A|B|F|M|P|I|N]A9999999"]),
    "uk_nhs": (nhs.is_valid, ["9999999999", "999 999 9999"], same),
    "uk_nino": (nino, ["AA999999[A|B|C|D|E]", "AA 99 99 99 [A|B|C|D]"]),
    "uk_utr": (utr.is_valid, ["9999999999"]),
    "uk_vat": (gb_vat.is_valid, ["GB999999999", "GB999999999999", "GB 999 9999 99"], lambda t: zeros(t[2:])),
    "ca_sin": (sin.is_valid, ["999-999-999", "999 999 999", "999999999"]),
    "ca_business_number": (bn.is_valid, ["999999999[RC|RT|RP|RM|XX]9999"]),
    "ca_bc_phn": (bc_phn.is_valid, ["9999999999", "[9]999 999 999"]),
    "de_steuer_id": (de_idnr.is_valid, lambda: make_steuer()),
    "de_rentenversicherung": (rentenversicherung, ["99{dmy}A999", "99 {dmy} A 999"]),
    "de_krankenversicherung": (krankenversicherung, ["A999999999"], lambda t: t[1:9] == "00000000"),
    "de_id_document": (identity_document, ["[C|F|G|L|T]" + "[C|F|G|H|J|K|L|M|N|P|R|T|V|W|X|Y|Z|0|1|2|3|4|5|6|7|8|9]" * 8 + "9"]),
    "at_svnr": (vnr.is_valid, ["9999{dmy}", "9999 {dmy}"]),
    "ch_ahv": (ch_ssn.is_valid, ["756.9999.9999.99", "7569999999999"]),
    "fr_nir": (nir.is_valid, ["[1|2]9999[2A|2B|75|13]99999999", "[1|2]99999999999999", "[1|2] 99 99 99 999 999 99"],
               # stdnum knows no first digits; 5, 6, 9 and 0 are not in use.
               lambda t: t[0] not in "123478"),
    "fr_numero_fiscal": (fr_nif.is_valid, ["9999999999999", "[0|1|2|3]999999999999"]),
    "fr_siren": (siren.is_valid, ["999999999", "999 999 999"], zeros),
    "fr_siret": (siret.is_valid, ["99999999999999", "999 999 999 99999", "35600000099999"], zeros),
    "nl_bsn": (bsn.is_valid, ["999999999", "9999.99.999"]),
    "be_rrn": (be_ssn.is_valid, ["{ymd}99999", "99.99.99-999.99"]),
    "lu_national_id": (luxembourg, ["{Ymd}99999"]),
    "ie_pps": (pps.is_valid, ["9999999A", "9999999A[A|B|H|W|T|X|C]"]),
    "es_dni": (dni.is_valid, ["99999999A", "99999999-A"]),
    "es_nie": (nie.is_valid, ["[X|Y|Z|W]9999999A", "X-9999999-A"]),
    "es_cif": (cif.is_valid, ["[A|B|J|Q|I|N]9999999X", "B99999999"]),
    "it_codice_fiscale": (codicefiscale.is_valid, lambda: make_codice()),
    "it_partita_iva": (iva.is_valid, ["9999999[0][0|1|2|3]99", "99999999999", "IT9999999[0][1|2]99"]),
    "pt_nif": (pt_nif.is_valid, ["999999999", "999 999 999"]),
    "pt_cartao_cidadao": (pt_cc.is_valid, ["999999999XX9", "99999999 9 XX9", "999999999AX9"],
                          # A card's version has a letter; stdnum takes digits too.
                          lambda t: t.replace(" ", "")[9:11].isdigit()),
    "pt_niss": (niss, ["[1|2]9999999999"]),
    "gr_amka": (amka.is_valid, ["{dmy}99999"]),
    "hr_oib": (oib.is_valid, ["99999999999"], same),
    "si_emso": (emso.is_valid, lambda: (lambda d: d[:4] + d[5:] + fill("999999"))(date("dmY"))),
    "se_personnummer": (personnummer.is_valid, ["{ymd}-9999", "{Ymd}-9999", "{ymd}9999", "{ymd}+9999"]),
    "fi_hetu": (hetu.is_valid, ["{dmy}[-|A|+|Y|B]999X"]),
    "dk_cpr": (cpr.is_valid, ["{dmy}-9999", "999999-9999", "{dmy}9999"]),
    "no_fodselsnummer": (fodselsnummer.is_valid, ["{dmy}99999", "{dmy} 99999"]),
    "is_kennitala": (kennitala.is_valid, ["{dmy}-999[0|9]", "{dmy}9999"]),
    "ee_isikukood": (ik.is_valid, ["[1|2|3|4|5|6|7|8|9]{ymd}9999"]),
    "lt_asmens_kodas": (asmens.is_valid, ["[1|3|4|5|6|9]{ymd}9999", "99999999999"]),
    "lv_personas_kods": (pvn.is_valid, ["{dmy}-[0|1|2]9999", "329999-99999", "{dmy}99999"],
                         # Above 3 it is the number of a firm.
                         lambda t: t[0] > "3"),
    "pl_pesel": (pesel.is_valid, ["{ymd}99999", "99999999999"]),
    "pl_nip": (nip.is_valid, ["999-999-99-99", "9999999999"], zeros),
    "pl_regon": (regon.is_valid, ["999999999", "99999999999999"], zeros),
    "cz_rodne_cislo": (rc.is_valid, ["{ymd}/9999", "{ymd}9999", "{ymd}/999", "99[5|6|2|7]999/9999"], same),
    "ro_cnp": (cnp.is_valid, ["[1|2|5|6|9]{ymd}[01|12|40|52|60|70]9999"]),
    "bg_egn": (egn.is_valid, ["{ymd}9999"]),
    "ua_rntrc": (rntrc.is_valid, ["9999999999"], zeros),
    "ru_inn": (inn.is_valid, ["9999999999", "999999999999"], zeros),
    "ru_snils": (snils, ["999-999-999 99", "99999999999"]),
    "eu_vat": (eu_vat.is_valid, VAT_FORMS,
               # Government departments have numbers of three digits, which say too little.
               lambda t: t[:4] in ("XIGD", "XIHA") or zeros(t[2:].replace("U", ""))),
    "ch_uid": (ch_uid.is_valid, ["CHE999999999", "CHE-999.999.999"], lambda t: zeros(t[3:]) or not t.startswith("CHE")),
    "no_orgnr": (orgnr.is_valid, ["999999999", "999 999 999"], zeros),
    "au_tfn": (tfn.is_valid, ["999999999", "999 999 999"], same),
    "au_abn": (abn.is_valid, ["99999999999", "99 999 999 999"]),
    "au_acn": (acn.is_valid, ["999999999", "999 999 999"], zeros),
    "nz_ird": (ird.is_valid, ["99999999", "[0|1]99999999", "99-999-999"]),
    "kr_rrn": (rrn.is_valid, ["{ymd}-9999999", "{ymd}9999999"]),
    "jp_my_number": (jp_in.is_valid, ["999999999999"], same),
    "cn_resident_id": (ric.is_valid, lambda: choice(CN_PLACES) + date("Ymd") + fill("999") + choice("0123456789X"),
                       # stdnum knows the counties of each year, we the provinces.
                       lambda t: t[:6] not in CN_PLACES or not 1995 < int(t[6:10]) < 2100),
    "th_pin": (pin.is_valid, ["9999999999999", "9-9999-99999-99-9"]),
    "id_nik": (nik.is_valid, lambda: choice(["3171", "1101", "5202", "7401"]) + fill("99") + choice([date("dmy"), fill("999999")]) + fill("9999"),
               # stdnum knows the districts, we the provinces; a serial of zeros is never given out.
               lambda t: t[:4] not in ("3171", "1101", "5202", "7401") or t[12:] == "0000"),
    "my_nric": (nric.is_valid, ["{ymd}999999", "{ymd}-99-9999", "999999999999"]),
    "in_aadhaar": (aadhaar.is_valid, ["[2|3|9]99999999999", "9999 9999 9999"]),
    "in_aadhaar_vid": (vid.is_valid, ["9999999999999999"]),
    "in_pan": (pan.is_valid, ["AAA[P|C|H|X|T|Z]A9999A", "AAAPA0000A"]),
    "in_gstin": (gstin.is_valid, ["[01|27|37|38|99]AAA[P|C|F|Z]A9999A[0|1|2|A]ZX"]),
    "in_voter_id": (epic.is_valid, ["AAA9999999"]),
    "pk_cnic": (cnic.is_valid, ["99999-9999999-9", "9999999999999"]),
    "za_id": (za_idnr.is_valid, ["{ymd}9999[0|1|2]99"]),
    "ae_emirates_id": (emirates, ["784-[19|20]99-9999999-9", "784[19|20]9999999999"]),
    "tr_tckn": (tckimlik.is_valid, ["99999999999"]),
    "tr_vkn": (vkn.is_valid, ["9999999999"]),
    "il_id": (il_idnr.is_valid, ["999999999", "99999999-9"], zeros),
    "mx_curp": (curp.is_valid, ["AAAA{ymd}[H|M|X][AS|DF|JC|NE|XX]AAA[0|1|A]9", "BACA{ymd}[H|M]DFAAA09"]),
    "mx_rfc": (rfc.is_valid, ["AAAA{ymd}XXX", "AAA{ymd}XXX", "BUEI{ymd}XXX", "AAA999999XXX"]),
    "mx_nss": (luhn.is_valid, ["99999999999"], zeros),
    "ar_cuit": (cuit.is_valid, ["[20|23|27|30|21]-99999999-9", "2[0|3|4|7]999999999"]),
    "cl_rut": (rut.is_valid, ["99999999-[0|1|5|9|K]", "99.999.999-9", "9999999-9"], lambda t: zeros(t[:-1])),
    "co_nit": (nit.is_valid, ["999.999.999-9", "9999999999"], lambda t: t[0] == "0"),
    "pe_ruc": (ruc.is_valid, ["[10|15|20|11]999999999"]),
    "ec_cedula": (ci.is_valid, ["[01|17|24|30|25]99999999", "179999999-9"]),
    "br_cpf": (by_docbr(validate_docbr.CPF), ["999.999.999-99", "99999999999"]),
    "br_cnpj": (lambda t: cnpj.is_valid(t) and validate_docbr.CNPJ().validate(t),
                ["99.999.999/9999-99", "99999999999999", "XX.XXX.XXX/XXXX-99"]),
    "br_pis": (by_docbr(validate_docbr.PIS), ["999.99999.99-9", "99999999999"]),
    "br_cnh": (by_docbr(validate_docbr.CNH), ["99999999999", "999 999 999 99"]),
    "br_titulo_eleitor": (by_docbr(validate_docbr.TituloEleitoral), ["99999999[01|28|29|10]99", "9999 9999 0199"]),
    "br_cns": (by_docbr(validate_docbr.CNS), ["[1|2|7|8|9]99999999999999", "[1|2]9999999999[0]0[0|1]9", "799 9999 9999 9999"]),
    "br_renavam": (by_docbr(validate_docbr.RENAVAM), ["99999999999", "9999999999-9"], zeros),
    "br_certidao": (by_docbr(validate_docbr.Certidao), ["999999.99.99.9999.9.99999.999.9999999-99", "9" * 32]),
    "br_legal_process": (legal_process, ["9999999-99.[1998|2023|2009].9.99.9999"]),
    "phone": (country_code, ["+9 999 999 9999", "+99 99 9999 9999", "+999 99 999 9999"],
              # These the ITU has assigned, but the register has no plans for them.
              lambda t: re.sub(r"\D", "", t)[:3] in ("379", "878", "888", "991")),
}

CN_PLACES = ["110101", "310101", "440103", "330106", "510104", "610102"]


def make_steuer():
    digits = random_source.sample(string.digits, 9)
    digits.insert(randrange(9), choice(digits))
    if digits[0] == "0":
        digits[0] = "5"
    return "".join(digits) + fill("9")


def make_codice():
    month = choice("ABCDEHLMPRST")
    text = fill("AAAAAA99") + month + choice(["01", "15", "28", "31", "41", "70", "71", "30"]) + fill("A999")
    if randrange(4) == 0:
        text = text[:13] + choice("LMNPQRSTUV") + choice("LMNPQRSTUV")
    return text + codicefiscale.calc_check_digit(text)


def judged(oracle, text):
    try:
        return bool(oracle(text))
    except (ValueError, IndexError, KeyError, TypeError):
        return False


def vectors(kind, count):
    """`count` distinct candidates of a kind, with the judgement of the other implementation."""
    oracle, maker, *rest = KINDS[kind]
    unless = (rest[0] if rest else None) or (lambda text: False)
    make = maker if callable(maker) else lambda: fill(choice(maker))

    def valid():
        for _ in range(20_000):
            text = make()
            if judged(oracle, text):
                return text
        raise SystemExit(f"{kind}: no valid candidate")

    # A third is valid, but no more than a twentieth of a large set: chance finds them slowly.
    pool = [valid() for _ in range(count // 3 if count <= 1000 else count // 20)]
    seen, lines, turns = set(), [], 0
    while len(lines) < count and turns < count * 20:
        text = pool[turns] if turns < len(pool) else (lambda: spoil(choice(pool)), make)[turns % 2]()
        turns += 1
        if text in seen or judged(unless, text):
            continue
        seen.add(text)
        lines.append(f"{int(judged(oracle, text))} {text}")
    return lines


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--count", type=int, default=400)
    options.add_argument("--out", default=str(pathlib.Path(__file__).parent / "vectors"))
    options.add_argument("--only", nargs="*")
    options = options.parse_args()
    folder = pathlib.Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    for kind in options.only or KINDS:
        random_source.seed(f"{SEED} {kind}")
        lines = vectors(kind, options.count)
        (folder / f"{kind}.txt").write_text("\n".join(lines) + "\n")
        print(kind, len(lines), sum(line[0] == "1" for line in lines), flush=True)


if __name__ == "__main__":
    main()
