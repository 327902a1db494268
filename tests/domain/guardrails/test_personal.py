"""Personal data: what is found in whole, and what only looks like it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import luhn
from stdnum.iso7064 import mod_97_10

from app.domain.guardrails.personal import IBAN_LENGTHS, KINDS
from tests.domain.guardrails.screening import found

FOUND = {
    "email": [
        "erika@example.org", "erika.mustermann+test@mail.example.co.uk", "jörg.müller@exämple.de",
        "x_y@a-b.io",
        "o.brien@sub.domain.museum", "иван@пример.рф",
    ],
    "phone": [
        "+49 30 1234567", "+49 (0) 30 1234-567", "+1 (555) 123-4567", "+33 6 12 34 56 78",
        "0044 20 7946 0958",
        "+442079460958", "(555) 123-4567", "555-223-4567", "555.223.4567", "1-800-555-0199", "030 12345678",
        "0171/1234567", "(030) 123 45 67", "06 12 34 56 78", "06.12.34.56.78", "0612345678", "020 7946 0958",
        "07700 900123", "01711234567", "612 34 56 78", "(11) 91234-5678", "+91 98765 43210",
        "+86 138 0013 8000",
    ],
    "card": [
        "4111 1111 1111 1111", "4111-1111-1111-1111", "4111111111111111", "5500 0000 0000 0004",
        "3782 822463 10005", "378282246310005", "6011 1111 1111 1117", "3056 930902 5904", "2223003122003222",
    ],
    "iban": [
        "DE89 3704 0044 0532 0130 00", "DE89370400440532013000", "de89 3704 0044 0532 0130 00",
        "GB29 NWBK 6016 1331 9268 19", "FR14 2004 1010 0505 0001 3M02 606", "NL91 ABNA 0417 1643 00",
        "ES91-2100-0418-4502-0005-1332", "CH93 0076 2011 6238 5295 7", "NO93 8601 1117 947",
        "MT84 MALT 0110 0001 2345 MTLC AST0 01S",
    ],
    "ssn": ["536-90-4399", "536 22 1234"],
    "ip": ["192.168.178.20", "8.8.8.8", "2001:db8::1", "2001:0db8:85a3:0000:0000:8a2e:0370:7334", "fe80::1"],
}  # fmt: skip
NOT_FOUND = {
    "email": ["erika@", "@erika", "a@b", "foo @ bar.com", "@app.route('/x')", "user@localhost"],
    "phone": [
        "12.05.2024", "2024-05-12", "01-02-2024", "01.02.2024 12:30", "1,234,567.89", "version 10.2.300",
        "3.14159",
        "100 200 300", "2024 2025 2026", "+5", "+1 percent", "1234567", "ISBN 978-3-16-148410-0", "12:30:45",
        "order 4711-0815", "0.123456789", "Boston, MA 02110-1301", "IMEI 004141-20", "0123456789",
    ],
    "card": ["4111 1111 1111 1112", "1234 5678 9012 3456", "0000 0000 0000 0000", "4444444444444444444444",
    "490154203237518"],
    "iban": ["DE89 3704 0044 0532 0130 01", "XX89 3704 0044 0532 0130 00", "DE89 3704", "GB29 is a code"],
    "ssn": ["000-12-3456", "666-12-3456", "900-12-3456", "219-00-9999", "219-09-0000", "2190-9-9999"],
    "ip": [
        "1.2.3", "127.0.0.1", "v1.2.3.4", "1.2.3.4.5", "Chrome/120.0.0.0", "256.1.1.1", "12:30:45",
        "std::vector", "a::b",
        "10:20", "::", "00:1B:44:11:3A:B7", "aaa::bbb::ccc",
    ],
}  # fmt: skip


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind in FOUND for text in FOUND[kind]])
@pytest.mark.parametrize("frame", ["{}", "Please use {} from now on.", "({}), thanks", "x\n{}\ny"])
def test_what_is_found_is_found_in_whole(kind: str, text: str, frame: str) -> None:
    parts = [part for _, part in found({"pii": {"kinds": [kind]}}, frame.format(text))]
    assert parts == [text] or (text.startswith("(") and parts == [text.lstrip("(")])


@pytest.mark.parametrize(("kind", "text"), [(kind, text) for kind in NOT_FOUND for text in NOT_FOUND[kind]])
@pytest.mark.parametrize("frame", ["{}", "It says {} there."])
def test_what_only_looks_like_it_stays(kind: str, text: str, frame: str) -> None:
    parts = found({"pii": {"kinds": [kind]}}, frame.format(text))
    assert parts == [] or text in ("1.2.3.4.5",)


IDS = {
    "French social security number": ["1 84 12 76 451 089 46", "184127645108946"],
    "Spanish ID (DNI)": ["54362315K", "54362315-k"],
    "Spanish ID (NIE)": ["X-2482300-W", "X2482300W"],
    "Italian codice fiscale": ["RCCMNL83S18D969H", "rccmnl83s18d969h"],
    "Brazilian CPF": ["390.533.447-05", "CPF 39053344705"],
    "Swedish personnummer": ["880320-0016"],
    "Finnish henkilötunnus": ["131052-308T"],
    "Danish CPR number": ["211062-5629"],
    "Belgian national number": ["85.07.30-033.28"],
    "Swiss AHV number": ["756.9217.0769.85", "7569217076985"],
    "Czech or Slovak birth number": ["710319/2745"],
    "Mexican CURP": ["BOXW310820HNERXN09"],
    "Chinese resident ID": ["360426199101010071"],
    "Korean resident number": ["971013-1019872"],
    "Indian Aadhaar number": ["2341 2341 2346", "Aadhaar: 234123412346"],
    "German tax ID": ["Steuer-ID: 36 574 261 809", "Meine IdNr lautet 36574261809"],
    "Dutch BSN": ["BSN 1112.22.333", "burgerservicenummer: 111222333"],
    "Polish PESEL": ["PESEL: 44051401359"],
    "British NHS number": ["NHS number 943-476-5870", "NHS: 943 476 5870"],
    "British national insurance number": ["AB 12 34 56 C", "jg103759a"],
    "Norwegian birth number": ["fødselsnummer 151086 95088"],
    "Portuguese NIF": ["NIF: 501964843"],
    "Canadian social insurance number": ["SIN 123-456-782"],
    "Turkish ID": ["TC Kimlik: 17291716060"],
    "Croatian OIB": ["OIB 33392005961"],
}


@pytest.mark.parametrize(("words", "text"), [(words, text) for words in IDS for text in IDS[words]])
def test_national_numbers_are_found_by_their_check_digits(words: str, text: str) -> None:
    assert words in [
        kind for kind, _ in found({"pii": {"kinds": ["national_id"]}}, f"It is {text}, I think.")
    ]


def test_only_the_number_is_taken_not_the_words_before_it() -> None:
    parts = found({"pii": {"kinds": ["national_id"]}}, "Meine Steuer-ID ist: 36 574 261 809.")
    assert parts == [("German tax ID", "36 574 261 809")]


@pytest.mark.parametrize(
    "text",
    [
        "184127645108947", "54362315A", "390.533.447-06", "880320-0018", "756.9217.0769.84", "44051401359",
        "111222333", "36574261809", "Order 943 476 5870", "BG 12 34 56 C", "2341 2341 2347", "ABCDEF12",
        "a1b2c3",
        "Steuer-ID: 36 574 261 808", "invoice 2024-000123/2025",
    ],
)  # fmt: skip
def test_wrong_check_digits_and_numbers_without_their_word_stay(text: str) -> None:
    assert found({"pii": {"kinds": ["national_id"]}}, f"See {text} there") == []


@given(st.text("0123456789", min_size=15, max_size=15))
def test_any_card_number_with_its_check_digit_is_found_and_no_other(digits: str) -> None:
    number = "4" + digits[1:]
    right = number + luhn.calc_check_digit(number)
    wrong = number + str((int(right[-1]) + 1) % 10)
    assert found({"pii": {"kinds": ["card"]}}, f"card {right}.") == [("card number", right)]
    assert found({"pii": {"kinds": ["card"]}}, f"card {wrong}.") == []


@given(st.sampled_from(sorted(IBAN_LENGTHS)), st.data())
def test_any_iban_with_its_check_digits_is_found_and_no_other(length: int, data: st.DataObject) -> None:
    country = data.draw(st.sampled_from(IBAN_LENGTHS[length].split("|")))
    account = data.draw(st.text("0123456789ABCXYZ", min_size=length - 4, max_size=length - 4))
    check = mod_97_10.calc_check_digits(account + country)
    wrong = f"{(int(check) + 1) % 100:02d}"
    assert ("bank account (IBAN)", country + check + account) in found(
        {"pii": {"kinds": ["iban"]}}, f"to {country}{check}{account}."
    )
    assert found({"pii": {"kinds": ["iban"]}}, f"to {country}{wrong}{account}.") == []


def test_names_are_found_as_words_whatever_their_case() -> None:
    settings = {"pii": {"kinds": [], "names": ["Ann", "Mary Ann B", "Jörg Groß"]}}
    assert found(settings, "ANN and Mary Ann Brown met JÖRG GROSS, Annabel and joann.") == [
        ("name", "ANN"),
        ("name", "Ann"),
        ("name", "JÖRG GROSS"),
    ]


def test_every_kind_has_words_and_is_on_unless_said_otherwise() -> None:
    text = "erika@example.org +49 30 1234567 4111111111111111 DE89370400440532013000 536-90-4399 8.8.8.8"
    assert len({kind for kind, _ in found({"pii": {}}, text + " 390.533.447-05")}) == len(KINDS)
