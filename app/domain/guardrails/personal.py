"""Personal data: e-mail addresses, phone numbers, cards, bank accounts, IP addresses, names from a list."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import AddressValueError, IPv6Address, ip_network

import re2
from stdnum import luhn
from stdnum.iso7064 import mod_97_10
from stdnum.us import ssn

from app.domain.guardrails.detectors import Detector, begins
from app.domain.guardrails.folding import casefolded, fold
from app.domain.guardrails.national_ids import national_ids

# kind → what people read
KINDS = {
    "email": "e-mail addresses",
    "phone": "phone numbers",
    "card": "card numbers",
    "iban": "bank accounts (IBAN)",
    "ssn": "US social security numbers",
    "national_id": "national ID and tax numbers",
    "ip": "IP addresses",
}
NINE = r"\d[0-9 ./()\-]{7}\d"  # digits and what stands between them
THIRTEEN = r"\d[0-9 \-]{11}\d"
# Latin, Greek and Cyrillic letters beside the ASCII ones: addresses may be international.
LETTER = r"A-Za-z0-9\x{C0}-\x{24F}\x{370}-\x{52F}"
EMAIL = (
    rf"[{LETTER}][{LETTER}._%+\-]{{0,63}}@(?:[{LETTER}](?:[{LETTER}\-]{{0,62}})\.){{1,6}}[{LETTER}]{{2,24}}"
)
GAP = r"[ ./\-]?"
PHONES = (
    # +49 (0) 30 1234-567, 0044 20 7946 0958
    r"(?:\+|\b00)[1-9]\d{0,2}(?:[ ./\-]{0,2}\(?\d{1,5}\)?){1,6}\b",
    # (555) 123-4567, 555-123-4567, 555.123.4567, 1-800-555-0199
    r"\(\d{3}\)[ ]?\d{3}[ .\-]\d{4}\b",
    r"\b(?:1[ .\-])?[2-9]\d{2}[.\-][2-9]\d{2}[.\-]\d{4}\b",
    r"\b[2-9]\d{2} [2-9]\d{2}[ \-]\d{4}\b",
    # 030 1234567, 0171/1234567, (030) 123 45 67, 06 12 34 56 78, 020 7946 0958, 07700 900123
    r"\b0[1-9]\d{0,4}[ /\-]\d{2,9}(?:[ \-]\d{2,5}){0,4}\b",
    r"\(0[1-9]\d{0,4}\)[ ]?\d{2,9}(?:[ \-]\d{2,5}){0,4}\b",
    rf"\b0[1-9](?:{GAP}\d{{2}}){{4}}\b",
    r"\b0(?:1[567]\d{8,9}|7\d{9})\b",
    # 612 34 56 78 (Spain), 11 91234-5678 after (Brazil)
    r"\b[67]\d{2} \d{2} \d{2} \d{2}\b",
    r"\(\d{2}\)[ ]?9?\d{4}-\d{4}\b",
)
SPOKEN_PHONE = (
    r"(?i)\b(?:tel|telephone|telefon|telefono|téléfono|tél|téléphone|telefone|phone"
    r"|phone number|mobile|cell|handy|mobil|portable|movil|móvil|cellulare|celular|whatsapp|fax)"
    r"(?:nummer|[ .]{0,2}(?:no|nr|number|is|ist))?[ .:#=]{1,4}(\(?\d(?:[ ./()\-]{0,2}\d){5,14})\b"
)
PHONE_WORDS = (
    "tel", "tél", "phone", "mobil", "cell", "handy", "portable", "movil", "móvil", "celular", "whatsapp",
    "fax",
)  # fmt: skip
CARDS = (
    r"\b[2-6]\d{3}(?:[ \-]\d{4}){3}(?:[ \-]\d{3})?\b",  # 4-4-4-4, or -3
    r"\b[2-6]\d{3}(?:[ \-]\d{4}){3}\b",
    r"\b3[47]\d{2}[ \-]\d{6}[ \-]\d{5}\b",  # American Express
    r"\b3[0689]\d{2}[ \-]\d{6}[ \-]\d{4}\b",  # Diners Club
    r"\b(?:4\d{15}|4\d{18}|5\d{15}|2[2-7]\d{14}|35\d{14}|6\d{15,18}|3[47]\d{13}|3[0689]\d{12})\b",
)
# How long an IBAN of each country is.
IBAN_LENGTHS = {
    15: "NO", 16: "BE", 18: "DK|FI|FO|GL|NL", 19: "MK|SI", 20: "AT|BA|EE|KZ|LT|LU|XK",
    21: "CH|CR|HR|LI|LV", 22: "BG|BH|DE|GB|GE|IE|ME|RS|VA", 23: "AE|GI|IL|IQ|TL",
    24: "AD|CZ|ES|MD|PK|RO|SA|SE|SK|TN|VG", 25: "LY|PT|ST", 26: "IS|TR",
    27: "FR|GR|IT|MC|MR|SM", 28: "AL|AZ|BY|CY|DO|GT|HU|LB|PL", 29: "BR|EG|PS|QA|UA",
    30: "JO|KW|MU", 31: "MT|SC", 32: "LC",
}  # fmt: skip
OCTET = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
IPV4 = rf"\b(?:{OCTET}\.){{3}}{OCTET}\b"
HEXTET = "[0-9A-Fa-f]{1,4}"
IPV6 = (
    rf"(?:{HEXTET}:){{7}}{HEXTET}",
    rf"(?:{HEXTET}:){{1,6}}:(?:{HEXTET}:){{0,5}}{HEXTET}",
)
WORD_CHARACTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz"
HEXTETS = r"[0-9A-Fa-f]::[0-9A-Fa-f]|(?:[0-9A-Fa-f]{1,4}:){7}"
HOME = tuple(map(ip_network, ("2000::/3", "fc00::/7", "fe80::/10")))


def digits_of(text: str) -> str:
    """Return the digits of a match alone."""
    return "".join(character for character in text if character.isdecimal())


def is_card(text: str) -> bool:
    """Say whether the digits pass Luhn's check and are not all the same."""
    digits = digits_of(text)
    return len(set(digits)) > 1 and luhn.is_valid(digits)


def is_iban(text: str) -> bool:
    """Say whether the check digits fit (ISO 7064, mod 97)."""
    compact = text.replace(" ", "").replace("-", "").upper()
    return bool(mod_97_10.is_valid(compact[4:] + compact[:4]))


def is_ssn(text: str) -> bool:
    """Say whether area, group and serial number are ones that are given out."""
    return bool(ssn.is_valid(digits_of(text)))


DATE = re2.compile(
    r"(?:\d{1,2}[ ./\-]\d{1,2}[ ./\-](?:19|20)\d{2})|(?:19|20)\d{2}[ ./\-]\d{1,2}[ ./\-]\d{1,2}"
)


ZIP = re2.compile(r"\d{5}-\d{4}")


def is_phone(text: str) -> bool:
    """Say whether there are as many digits as a phone number has, and it is no date."""
    least = 11 if text.startswith("00") else 7  # what is dialled before the country is no part of it
    return least <= len(digits_of(text)) <= 17 and not DATE.fullmatch(text.strip())


def is_national_phone(text: str) -> bool:
    """Say the same of a number without its country, which is easily something else."""
    digits = digits_of(text)
    return (
        9 <= len(digits) <= 12 and digits != "0123456789" and not DATE.match(text) and not ZIP.fullmatch(text)
    )


def is_ipv4(text: str) -> bool:
    """Say whether it is another host's address: 120.0.0.0 is a version."""
    return not text.endswith(".0.0") and not text.startswith("127.")


def is_ipv6(text: str) -> bool:
    """Say whether it is an address that a host may have: a::b is a name in a program."""
    try:
        address = IPv6Address(text)
    except AddressValueError:
        return False
    return any(address in network for network in HOME)


def personal(kinds: Sequence[str], names: Sequence[str]) -> Iterator[Detector]:
    """Yield the detectors of the kinds, and one for the names."""
    for kind in kinds:
        yield from national_ids() if kind == "national_id" else FOUND_BY[kind]
    if names:
        literals = tuple(dict.fromkeys(casefolded(fold(name).text).text for name in names))
        least = min(map(len, literals))
        yield Detector("name", "name", "Name", "NAME", literals=literals, bounded=True, least=least)


def iban_sources() -> tuple[str, ...]:
    """Return one pattern for each length that an IBAN may have."""
    return tuple(
        rf"(?i)\b(?:{countries})\d{{2}}(?:[ \-]?[A-Z0-9]){{{length - 4}}}\b"
        for length, countries in IBAN_LENGTHS.items()
    )


def phones() -> Iterator[Detector]:
    """Yield the detectors of phone numbers: with a country, as written at home, and where it says so."""
    as_phone = ("phone", "phone number", "Phone", "PHONE")
    yield Detector(*as_phone, PHONES[:1], accepts=is_phone, hint=r"(?:\+|00)[1-9][0-9 ./()\-]{5}", least=8)
    yield Detector(*as_phone, PHONES[1:], accepts=is_national_phone, hint=NINE, least=9)
    yield Detector(*as_phone, (SPOKEN_PHONE,), accepts=is_phone, hint=begins(*PHONE_WORDS), least=7)


FOUND_BY: dict[str, tuple[Detector, ...]] = {
    "email": (Detector("email", "e-mail address", "E-Mail", "EMAIL", (EMAIL,), hint="@", least=6),),
    "phone": tuple(phones()),
    "card": (
        Detector(
            "card", "card number", "Card", "CARD", CARDS, accepts=is_card, hint=THIRTEEN, least=13
        ),
    ),
    "iban": (
        Detector(
            "iban", "bank account (IBAN)", "IBAN", "IBAN", iban_sources(), accepts=is_iban,
            hint=r"\b[A-Za-z]{2}\d{2}(?:[ \-]?[A-Za-z0-9]){6}", least=15,
        ),
    ),
    "ssn": (
        Detector(
            "ssn", "US social security number", "SSN", "SSN",
            (r"\b\d{3}-\d{2}-\d{4}\b", r"\b\d{3} \d{2} \d{4}\b"), accepts=is_ssn,
            hint=r"\d{3}[ \-]\d{2}[ \-]\d{4}", least=11,
        ),
        Detector(
            "ssn", "US social security number", "SSN", "SSN",
            (r"(?i)\b(?:ssn|social security)\b[^0-9\n]{0,25}(\d{9})\b",), accepts=is_ssn,
            hint=begins("ssn", "social security"), least=9,
        ),
    ),
    "ip": (
        Detector(
            "ip", "IP address", "IP", "IP", (IPV4,), accepts=is_ipv4, hint=r"\d\.\d{1,3}\.\d{1,3}\.\d",
            not_before=".", least=7,
        ),
        Detector(
            "ip", "IP address", "IP", "IP", IPV6, accepts=is_ipv6, hint=HEXTETS,
            not_before=WORD_CHARACTERS + ".:", not_after=WORD_CHARACTERS + ":", least=7,
        ),
    ),
}  # fmt: skip
