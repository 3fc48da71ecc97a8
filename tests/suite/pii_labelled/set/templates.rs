//! The sentences: mails to support, invoices, lines of logs, chats and JSON in English, prose in
//! four other languages. Slots stand in braces.
//!
//! Invariant: a slot that names no kind is harmless; what is announced by a word of one kind is of
//! that kind.

use super::Language::{self, English, French, German, Portuguese, Spanish};

/// Sentences about one value, announced.
///
/// Left out is what would be natural in Portuguese and Spanish, `meu NIF é …` and `mi NIF es …`: the
/// engine takes the verb into the value, as the first letter of a German insurance number and as the
/// country of a European VAT number.
pub(super) const SENTENCES: &[(Language, &[&str])] = &[
    (
        English,
        &[
            "Hello, my {says} is {value} and it is refused since {day}. Please help, {name}",
            "Hi team,\n\nmy {says}: {value}\nTicket {ticket}.\n\nThanks\n{name}",
            "As asked, here is the {says}: {value}. The total was {price}.",
            "Please update the {says} to {value} before {time}.",
            "Invoice {order}\n{says} {value}\nTotal {price}\n",
            "Bill to: {name}\n{says}: {value}\nDue: {day}\nItems: {count}\n",
            "{stamp} INFO form sent, {key}={value} took {count} ms",
            "{stamp} WARN [worker-3] unexpected {key}: \"{value}\" (retry 2 of 5)",
            "{name}: can you check the {says} {value}?\nBot: one moment\n",
            "<{name}> {says} {value}\n<{name}> ok, version {version} has it",
            "{\"id\": {count}, \"{key}\": \"{value}\", \"ok\": true}",
            "{\"user\": {\"name\": \"{name}\", \"{key}\": \"{value}\"}, \"at\": \"{stamp}\"}",
            "{key};amount;currency\n{value};{price};EUR\n",
            "| {says} | {value} |\n| size | {size} |\n",
            "{says}: {value}",
            "The {says} ({value}) does not match, see {ticket}.",
        ],
    ),
    (
        Portuguese,
        &[
            "Olá, meu {says}, {value}, não é aceito desde {day}. Obrigado, {name}",
            "Segue o {says}: {value}. O valor foi de {price}.",
            "Por favor, atualize o {says} para {value} até as {time}.",
            "Pedido {order}\n{says}: {value}\nTotal: {price}\n",
            "{name}: qual o {says}?\n{name}: segue {value}\nBot: um momento\n",
            "{\"pedido\": {count}, \"{key}\": \"{value}\"}",
        ],
    ),
    (
        German,
        &[
            "Guten Tag, meine {says} lautet {value}, bitte prüfen Sie das bis {day}. {name}",
            "Anbei die Angabe zu {says}: {value}. Der Betrag war {price}.",
            "Rechnung {order}\n{says}: {value}\nSumme {price}\n",
            "Bitte ändern Sie {says} auf {value}, Vorgang {ticket}.",
        ],
    ),
    (
        French,
        &[
            "Bonjour, mon {says} est {value}, merci de vérifier avant le {day}. {name}",
            "Voici le {says} : {value}. Le montant était de {price}.",
            "Facture {order}\n{says} : {value}\nTotal {price}\n",
            "Dossier {ticket}, {says} {value}, reçu à {time}.",
        ],
    ),
    (
        Spanish,
        &[
            "Hola, mi {says}, {value}, no funciona desde el {day}. Gracias, {name}",
            "Adjunto {says}: {value}. El importe fue de {price}.",
            "Factura {order}\n{says}: {value}\nTotal {price}\n",
            "Caso {ticket}, {says} {value}, recibido a las {time}.",
        ],
    ),
];

/// Where a name is assigned a value.
pub(super) const ASSIGNED: &[&str] = &[
    "{key}={value}",
    "{key}: {value}\nregion: eu\n",
    "{\"{key}\": \"{value}\", \"retries\": {count}}",
    "export {key}=\"{value}\"\n",
    "Hi, this works for me: {says}: {value}\nVersion {version}, {name}",
];

/// Where the value directly follows what announces it.
pub(super) const HEADERS: &[&str] = &[
    "{says} {value}",
    "GET /v1/items HTTP/1.1\r\nHost: api\r\n{says} {value}\r\n\r\n",
    "curl -H '{says} {value}' and it took {count} ms",
];

/// A value without anything that announces it.
pub(super) const BARE: &[&str] = &[
    "{value}",
    "It is {value}, sent again on {day}.",
    "{name} wrote:\n> {value}\n> is that right?",
    "{stamp} DEBUG got {value} from step {count}",
    "[\"{value}\", {count}]",
    "Siehe {value} im Vorgang {ticket}.",
    "Veja {value} no pedido {order}, por favor.",
];

/// Texts with several values.
pub(super) const MIXED: &[&str] = &[
    "Dear team,\nplease refund order {order} to my card {credit_card} and write to {email}.\n{name}",
    "{stamp} INFO login user={email} ip={ipv4} status=200 took {count} ms",
    "Cliente {name}, CPF {br_cpf}, e-mail {email}, pedido {order} de {day}.",
    "Rechnung {order}: bitte auf IBAN {iban} überweisen, Fragen an {email}.",
    "Virement vers IBAN {iban}, montant {price}, contact {email}.",
    "{\"customer\": \"{name}\", \"email\": \"{email}\", \"card\": \"{credit_card}\", \"total\": {count}}",
    "{name}: my SSN is {us_ssn}\nBot: thank you, the case is {ticket}\n{name}: mail {email}",
    "Factura de la empresa, DNI {es_dni}, correo {email}, importe {price}.",
    "{stamp} WARN {mac_address} asked from {ipv6}, commit {commit}",
    "CNPJ {br_cnpj}, chave Pix {br_pix_key}, valor {price}.",
];

/// Texts without any value.
pub(super) const HARMLESS: &[&str] = &[
    "Order {order} was shipped on {day} with {tracking}, total {price}.",
    "Version {version} fixes {count} bugs since {day}; see {ticket}.",
    "{stamp} INFO worker {count} done in {count} ms, {percent} of {size}",
    "{stamp} ERROR build {commit} failed at step {count} of {count}",
    "The meeting is at {time} in room {room}, for {count} people.",
    "git show {commit}\ngit diff {commit}..{commit}\n",
    "sha256 of the archive is {sum}, {size}.",
    "Request {uuid} was retried {count} times between {time} and {time}.",
    "{\"id\": \"{uuid}\", \"count\": {count}, \"version\": \"{version}\"}",
    "{\"color\": \"{color}\", \"size\": \"{size}\", \"price\": \"{price}\"}",
    "My card {near_card} is refused, why?",
    "The number {near_card} has a wrong check digit.",
    "O CPF {near_cpf} foi recusado, confira por favor.",
    "IBAN {near_iban} ist falsch, bitte prüfen.",
    "No such SSN: {near_ssn}.",
    "Not an address: {near_ip}; nor is {near_mail}.",
    "Placeholders such as {near_key} or {near_token} are no keys.",
    "Der Preis stieg von {price} auf {price}, das sind {percent}.",
    "A reunião é às {time}, sala {room}; são {count} pessoas.",
    "Le colis {tracking} arrive le {day} avant {time}.",
    "El pedido {order} cuesta {price} y pesa {size}.",
    "{name}: did you see {ticket}?\n{name}: yes, fixed in {version}",
    "Forgot the password? Ask {name} at {time}.",
    "Use port {port} and {count} workers; memory is {size}.",
    "Pages {range}, chapter {count}, figure {version}.",
];
