"""The words by which a kind of request is told, in several languages; a word counts once per request."""

from __future__ import annotations

CATEGORIES = ("code", "reasoning", "extraction", "summarization", "analysis", "creative")

_WORDS = {
    "code": (
        "code codes coding function functions bug bugs debug python javascript "
        "typescript java rust golang sql "
        "html css regex refactor refactoring compile compiler script scripts api unittest unittests pytest "
        "docker kubernetes bash class async stacktrace traceback exception algorithm implement "
        "funktion fehler programmieren skript klasse implementiere código "
        "función programa depurar fonction "
        "programme script débogue codice funzione código função"
    ),
    "reasoning": (
        "prove proof derive theorem lemma equation equations integral "
        "derivative probability solve puzzle logic "
        "logical deduce infer calculate compute math maths mathematics riddle therefore "
        "beweise beweis herleite gleichung wahrscheinlichkeit löse rätsel "
        "berechne demuestra ecuación resuelve "
        "calcula probabilidad démontre équation résous calcule probabilité dimostra equazione resolva"
    ),
    "extraction": (
        "extract extracts extraction parse classify classification categorize label "
        "labels tag entities entity "
        "fields json csv table columns normalize redact identify list "
        "extrahiere extrahieren klassifiziere felder tabelle extrae clasifica "
        "campos extrais extraire classe "
        "champs estrai extraia"
    ),
    "summarization": (
        "summarize summarise summary summaries summarized tldr condense shorten recap abstract gist digest "
        "minutes zusammenfassung zusammenfassen zusammen kürze resume resumen resumir resumo résume résumé "
        "résumer riassumi riassunto"
    ),
    "analysis": (
        "analyze analyse analysis compare comparison evaluate assess "
        "review critique investigate trade-offs "
        "tradeoffs pros cons strategy implications recommend diagnose forecast audit "
        "analysiere vergleiche bewerte beurteile strategie analiza compara "
        "evalúa estrategia analysez compare "
        "évalue stratégie analizza confronta"
    ),
    "creative": (
        "poem poems story stories song lyrics haiku fiction novel imagine "
        "slogan tagline joke jokes creative "
        "screenplay dialogue character brainstorm limerick "
        "gedicht geschichte lied witz erfinde poema cuento historia canción chiste poème histoire chanson "
        "blague poesia storia"
    ),
}
BY_WORD: dict[str, str] = {
    word: name for name in reversed(CATEGORIES) for word in _WORDS[name].split() if name in CATEGORIES
}
# What no list of words can hold: several words, and scripts that write without spaces.
PHRASES: tuple[tuple[str, str], ...] = (
    ("tl;dr", "summarization"),
    ("sum up", "summarization"),
    ("in a nutshell", "summarization"),
    ("key points", "summarization"),
    ("fasse zusammen", "summarization"),
    ("step by step", "reasoning"),
    ("how many", "reasoning"),
    ("schritt für schritt", "reasoning"),
    ("paso a paso", "reasoning"),
    ("pros and cons", "analysis"),
    ("root cause", "analysis"),
    ("write a story", "creative"),
    ("write a poem", "creative"),
)
SIGNS: tuple[tuple[str, str], ...] = (
    ("代码", "code"),
    ("函数", "code"),
    ("コード", "code"),
    ("코드", "code"),
    ("код", "code"),
    ("证明", "reasoning"),
    ("計算", "reasoning"),
    ("计算", "reasoning"),
    ("докаж", "reasoning"),
    ("提取", "extraction"),
    ("抽出", "extraction"),
    ("извлек", "extraction"),
    ("总结", "summarization"),
    ("摘要", "summarization"),
    ("要約", "summarization"),
    ("요약", "summarization"),
    ("резюм", "summarization"),
    ("分析", "analysis"),
    ("分析して", "analysis"),
    ("анализ", "analysis"),
    ("诗", "creative"),
    ("故事", "creative"),
    ("物語", "creative"),
    ("стих", "creative"),
)
HARD = frozenset(
    "architecture concurrency distributed optimize optimise optimization prove "
    "proof theorem rigorous thorough "
    "comprehensive detailed complex migration scalable security vulnerability multi-step design refactor "
    "komplex ausführlich architektur optimiere gründlich complejo detallado arquitectura optimiza complexe "
    "détaillé optimise complesso".split()
)
