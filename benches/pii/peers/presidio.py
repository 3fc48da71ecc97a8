#!/usr/bin/env python3
"""Presidio on the texts of the bench: how fast it looks through them in pieces, and what it finds in
a labelled set. Called by benches/pii/peers.sh in a virtual environment of its own.

    presidio.py speed BYTES FILE...     a prefix of so many bytes of each file
    presidio.py find SET OUT

Its recognizers are called directly, without a model and hence without its weighing of context: all
that its own registry has on for English, but for the one that needs a model. A piece is looked at by
itself, since the library keeps no state between two.
"""

import importlib.metadata
import json
import sys
import time

import tldextract.tldextract

# The list of public suffixes that the package brings; otherwise it would be fetched.
offline = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)
tldextract.tldextract.TLD_EXTRACTOR = offline
tldextract.extract = offline

from presidio_analyzer import EntityRecognizer, PatternRecognizer, RecognizerRegistry
from presidio_analyzer.predefined_recognizers import PhoneRecognizer

PIECE = 4096
# What a finding must have to count: patterns that say little on their own have less.
SCORE = 0.35


def recognizers():
    registry = RecognizerRegistry(supported_languages=["en"])
    registry.load_predefined_recognizers(languages=["en"])
    return [one for one in registry.recognizers if isinstance(one, (PatternRecognizer, PhoneRecognizer))]


def look(all_recognizers, text):
    found = []
    for one in all_recognizers:
        found += one.analyze(text, one.supported_entities, None) or []
    found = EntityRecognizer.remove_duplicates(found)
    return [(one.entity_type, one.start, one.end) for one in found if one.score >= SCORE]


def speed(size, files):
    all_recognizers = recognizers()
    print("version", importlib.metadata.version("presidio-analyzer"))
    print("kinds", len({name for one in all_recognizers for name in one.supported_entities}))
    look(all_recognizers, "The first look compiles what is compiled once.")
    for file in files:
        with open(file, "rb") as opened:
            text = opened.read(size)
        pieces = [text[at:at + PIECE].decode(errors="ignore") for at in range(0, len(text), PIECE)]
        start = time.process_time()
        for piece in pieces:
            look(all_recognizers, piece)
        print(f"speed {len(text) / (time.process_time() - start) / 1e6:.3f}")


def find(file, out):
    all_recognizers = recognizers()
    with open(file, encoding="utf-8") as opened:
        samples = json.load(opened)
    engine = f"Presidio {importlib.metadata.version('presidio-analyzer')}"
    findings = [look(all_recognizers, sample["full_text"]) for sample in samples]
    with open(out, "w", encoding="utf-8") as opened:
        json.dump({"engine": engine, "findings": findings}, opened)


if __name__ == "__main__":
    command, *rest = sys.argv[1:]
    if command == "speed":
        speed(int(rest[0]), rest[1:])
    elif command == "find":
        find(*rest)
    else:
        sys.exit(__doc__)
