"""National identity and tax numbers, each with its own check digits; those that look like any number
only after a word that says what they are."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module

from app.domain.guardrails.detectors import Detector, begins

ELEVEN = r"\d[0-9 ./\-+]{9}\d"  # digits and what stands between them
SEVEN_DIGITS = r"\d[0-9 ./()\-]{6}"
SIX_DIGITS = r"\d{6}"
# what people read, the module of stdnum, the pattern, the hint
PLAIN = (
    (
        "French social security number", "fr.nir", SEVEN_DIGITS,
        r"\b[1278] ?\d{2} ?(?:0[1-9]|1[0-2]|[2-9]\d) ?(?:\d{2}|2[ABab]) ?\d{3} ?\d{3} ?\d{2}\b",
    ),
    ("Spanish ID (DNI)", "es.dni", SIX_DIGITS, r"\b\d{8}[ \-]?[A-HJ-NP-TV-Za-hj-np-tv-z]\b"),
    ("Spanish ID (NIE)", "es.nie", SIX_DIGITS, r"\b[XYZxyz][ \-]?\d{7}[ \-]?[A-HJ-NP-TV-Za-hj-np-tv-z]\b"),
    (
        "Italian codice fiscale", "it.codicefiscale", r"\d{2}[A-EHLMPRSTa-ehlmprst]\d{2}",
        r"(?i)\b[A-Z]{3} ?[A-Z]{3} ?\d{2}[A-EHLMPRST]\d{2} ?[A-Z]\d{3}[A-Z]\b",
    ),
    ("Brazilian CPF", "br.cpf", ELEVEN, r"\b\d{3}\.\d{3}\.\d{3}-\d{2}\b"),
    ("Swedish personnummer", "se.personnummer", SIX_DIGITS, r"\b(?:19|20)?\d{6}[\-+]\d{4}\b"),
    ("Finnish henkilötunnus", "fi.hetu", SIX_DIGITS, r"\b\d{6}[\-+ABCDEFYXWVU]\d{3}[0-9A-FHJ-NPR-Y]\b"),
    ("Danish CPR number", "dk.cpr", ELEVEN, r"\b[0-3]\d[01]\d{3}-\d{4}\b"),
    ("Belgian national number", "be.nn", ELEVEN, r"\b\d{2}\.[01]\d\.[0-3]\d-\d{3}\.\d{2}\b"),
    ("Swiss AHV number", "ch.ssn", ELEVEN, r"\b756\.?\d{4}\.?\d{4}\.?\d{2}\b"),
    ("Czech or Slovak birth number", "cz.rc", SIX_DIGITS, r"\b\d{2}[0-8]\d[0-3]\d/\d{4}\b"),
    ("Mexican CURP", "mx.curp", r"[A-Za-z]{4}\d{6}", r"(?i)\b[A-Z]{4}\d{6}[HM][A-Z]{5}[A-Z0-9]\d\b"),
    ("Chinese resident ID", "cn.ric", ELEVEN, r"\b[1-9]\d{5}(?:19|20)\d{2}[01]\d[0-3]\d{4}[0-9Xx]\b"),
    ("Korean resident number", "kr.rrn", ELEVEN, r"\b\d{2}[01]\d[0-3]\d-\d{7}\b"),
    ("Indian Aadhaar number", "in_.aadhaar", ELEVEN, r"\b[2-9]\d{3}[ \-]\d{4}[ \-]\d{4}\b"),
)  # fmt: skip
# what people read, the module of stdnum, the words before it, the number
AFTER_WORDS = (
    (
        "German tax ID", "de.idnr",
        ("steuer-id", "steuerid", "steueridentifikationsnummer", "steuer-identifikationsnummer", "idnr",
         "steuernummer", "tax id", "tax identification number"),
        r"[1-9]\d[ ]?\d{3}[ ]?\d{3}[ ]?\d{3}",
    ),
    ("Dutch BSN", "nl.bsn", ("bsn", "burgerservicenummer", "sofinummer"), r"\d{4}[. ]?\d{2}[. ]?\d{3}"),
    ("Polish PESEL", "pl.pesel", ("pesel",), r"\d{11}"),
    ("British NHS number", "gb.nhs", ("nhs",), r"\d{3}[ \-]?\d{3}[ \-]?\d{4}"),
    ("Brazilian CPF", "br.cpf", ("cpf",), r"\d{11}"),
    ("Indian Aadhaar number", "in_.aadhaar", ("aadhaar", "aadhar", "uidai"), r"[2-9]\d{11}"),
    ("Indian PAN", "in_.pan", ("pan", "permanent account number"), r"(?i:[A-Z]{5}\d{4}[A-Z])"),
    ("Swedish personnummer", "se.personnummer", ("personnummer",), r"(?:19|20)?\d{10}"),
    ("Norwegian birth number", "no.fodselsnummer",
     ("fødselsnummer", "fodselsnummer", "personnummer"), r"\d{6}[ ]?\d{5}"),
    ("Danish CPR number", "dk.cpr", ("cpr",), r"[0-3]\d[01]\d{7}"),
    ("Portuguese NIF", "pt.nif", ("nif", "contribuinte"), r"\d{3}[ ]?\d{3}[ ]?\d{3}"),
    ("Irish PPS number", "ie.pps", ("pps", "ppsn"), r"\d{7}[A-Wa-w][A-IWa-iw]?"),
    ("Canadian social insurance number", "ca.sin", ("sin", "social insurance"),
     r"\d{3}[ \-]?\d{3}[ \-]?\d{3}"),
    ("Australian tax file number", "au.tfn", ("tfn", "tax file number"), r"\d{3}[ ]?\d{3}[ ]?\d{2,3}"),
    ("South African ID", "za.idnr", ("id number", "identity number", "sa id"), r"\d{13}"),
    ("Turkish ID", "tr.tckimlik", ("tckn", "tc kimlik", "kimlik no"), r"[1-9]\d{10}"),
    ("Romanian CNP", "ro.cnp", ("cnp",), r"[1-9]\d{12}"),
    ("Bulgarian EGN", "bg.egn", ("egn",), r"\d{10}"),
    ("Croatian OIB", "hr.oib", ("oib",), r"\d{11}"),
    ("Austrian insurance number", "at.vnr", ("sozialversicherungsnummer", "svnr", "sv-nummer"),
     r"[1-9]\d{3}[ ]?\d{6}"),
    ("Belgian national number", "be.nn", ("rijksregisternummer", "numéro national", "nn"), r"\d{11}"),
    ("French social security number", "fr.nir", ("nir", "sécurité sociale"), r"[1278]\d{14}"),
)  # fmt: skip
NINO = (
    r"(?i)\b(?:[ACEHJLMOPRSWXY][A-CEGHJ-NPR-TW-Z]|B[A-CEHJ-NPR-TW-Z]|G[ACEGHJ-MPR-SW-Z]|K[A-CEGHJ-MPR-TW-Z]"
    r"|N[A-CEGHJ-LNPR-SW-Z]|T[A-CEGHJ-MPR-TW-Z]|Z[A-CEGHJ-NPR-TW-Y]) ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b"
)


def checker(module: str) -> Callable[[str], bool]:
    """Return the check of one country's numbers."""
    check: Callable[[str], bool] = import_module(f"stdnum.{module}").is_valid
    return check


def detector(words: str, source: str, **options: object) -> Detector:
    """Return the detector of one kind of number."""
    return Detector("national_id", words, "National ID", "NATIONAL_ID", (source,), **options)  # type: ignore[arg-type]


@cache
def national_ids() -> tuple[Detector, ...]:
    """Return the detectors of all countries."""
    found = [
        detector(words, source, accepts=checker(module), hint=hint, least=9)
        for words, module, hint, source in PLAIN
    ]
    for words, module, before, number in AFTER_WORDS:
        source = rf"(?i)\b(?:{'|'.join(before)})\b[^0-9\n]{{0,20}}\b({number})\b"
        found.append(detector(words, source, accepts=checker(module), hint=begins(*before), least=8))
    found.append(
        detector("British national insurance number", NINO, hint=r"[A-Za-z]{2} ?\d{2} ?\d{2} ?\d", least=9)
    )
    return tuple(found)
