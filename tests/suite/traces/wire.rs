//! As much of OTLP as the tests need: protobuf read by hand, so that no fault of the exporter's own
//! types is hidden by their twins here.

use std::collections::BTreeMap;

/// A span as a collector reads it.
#[derive(Clone, Debug, Default)]
pub struct Span {
    pub trace: String,
    pub id: String,
    pub parent: String,
    pub name: String,
    pub kind: u64,
    pub status: u64,
    pub attributes: BTreeMap<String, String>,
}

/// The value of a field.
enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn bytes(self) -> &'a [u8] {
        match self {
            Value::Bytes(bytes) => bytes,
            Value::Number(number) => panic!("{number} where bytes belong"),
        }
    }
    fn number(self) -> u64 {
        match self {
            Value::Number(number) => number,
            Value::Bytes(_) => panic!("bytes where a number belongs"),
        }
    }
}

fn varint(data: &mut &[u8]) -> u64 {
    let mut number = 0;
    for shift in (0..).step_by(7) {
        let byte = data[0];
        *data = &data[1..];
        number |= u64::from(byte & 127) << shift;
        if byte < 128 {
            break;
        }
    }
    number
}

fn take<'a>(data: &mut &'a [u8], length: usize) -> &'a [u8] {
    let (taken, rest) = data.split_at(length);
    *data = rest;
    taken
}

/// The fields of a message, by number.
fn fields(mut data: &[u8]) -> Vec<(u64, Value<'_>)> {
    let mut fields = Vec::new();
    while !data.is_empty() {
        let tag = varint(&mut data);
        let value = match tag & 7 {
            0 => Value::Number(varint(&mut data)),
            1 => Value::Number(u64::from_le_bytes(take(&mut data, 8).try_into().unwrap())),
            2 => {
                let length = varint(&mut data) as usize;
                Value::Bytes(take(&mut data, length))
            }
            5 => {
                let number = u32::from_le_bytes(take(&mut data, 4).try_into().unwrap());
                Value::Number(u64::from(number))
            }
            kind => panic!("no such kind of field: {kind}"),
        };
        fields.push((tag >> 3, value));
    }
    fields
}

fn all(data: &[u8], number: u64) -> Vec<&[u8]> {
    let fields = fields(data).into_iter().filter(|(at, _)| *at == number);
    fields.map(|(_, value)| value.bytes()).collect()
}

fn text(data: &[u8]) -> String {
    String::from_utf8(data.to_vec()).unwrap()
}

fn hex(data: &[u8]) -> String {
    data.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attribute(data: &[u8]) -> (String, String) {
    let (mut key, mut said) = (String::new(), String::new());
    for (number, value) in fields(data) {
        match number {
            1 => key = text(value.bytes()),
            2 => {
                for (kind, value) in fields(value.bytes()) {
                    said = if kind == 1 { text(value.bytes()) } else { value.number().to_string() };
                }
            }
            _ => {}
        }
    }
    (key, said)
}

fn span(data: &[u8]) -> Span {
    let mut span = Span::default();
    let (mut began, mut ended) = (0, 0);
    for (number, value) in fields(data) {
        match number {
            1 => span.trace = hex(value.bytes()),
            2 => span.id = hex(value.bytes()),
            4 => span.parent = hex(value.bytes()),
            5 => span.name = text(value.bytes()),
            6 => span.kind = value.number(),
            7 => began = value.number(),
            8 => ended = value.number(),
            9 => span.attributes.extend([attribute(value.bytes())]),
            15 => {
                let status = fields(value.bytes()).into_iter().find(|(at, _)| *at == 3);
                span.status = status.map_or(0, |(_, value)| value.number());
            }
            _ => {}
        }
    }
    assert!(0 < began && began <= ended, "{span:?}");
    span
}

/// The spans of an `ExportTraceServiceRequest`, and the attributes of who made them.
pub fn spans(data: &[u8]) -> (Vec<Span>, BTreeMap<String, String>) {
    let (mut spans, mut resource) = (Vec::new(), BTreeMap::new());
    for of_resource in all(data, 1) {
        for described in all(of_resource, 1) {
            resource.extend(all(described, 1).into_iter().map(attribute));
        }
        for of_scope in all(of_resource, 2) {
            spans.extend(all(of_scope, 2).into_iter().map(span));
        }
    }
    (spans, resource)
}
