"""What prompt injections say, in six languages; `between` are the words that may stand between the others."""

from __future__ import annotations

from dataclasses import dataclass

MARKS = (
    r"(?i)<\|(?:im_start|im_end|start_header_id|end_header_id|system|eot_id|endoftext|begin_of_text)\|>",
    r"(?i)\[/?INST\]|<</?SYS>>",
    r"(?i)</?system_?prompt>",
    r"(?i)#{2,4}\s{0,2}(?:system|new instructions?|system (?:message|prompt|override))\s{0,2}:",
)


@dataclass(frozen=True, slots=True)
class Phrases:
    """The words of one language, as alternatives of RE2 sources."""

    language: str
    begins: tuple[str, ...]  # how any of it begins
    overrule: str  # ignore, forget
    between: str  # all, of, your
    before: str  # previous
    instructions: str
    reveal: str
    hidden: str  # your system prompt
    whole: tuple[str, ...]  # phrases of their own; a blank is any gap between words


ENGLISH = Phrases(
    "English",
    ("ignor", "disregard", "forget", "overrid", "bypass", "(?:do not|don['\u2019]t|stop) follow",
     "reveal",
     "show", "print", "repeat", "output", "display", "tell", "give", "leak", "expose", "dump", "what",
     "you are (?:now|no longer)", "act as", "pretend", "do anything now", "from now", "enable", "enter",
     "switch", "activate", "respond", "answer", "without any", "your new", "new instr"),
    r"ignor(?:e|ing)|disregard(?:ing)?|forget|overrid(?:e|ing)|bypass(?:ing)?|(?:do not"
    r"|don['\x{2019}]t|stop) follow(?:ing)?",
    r"all|any|every|everything|of|the|your|my|our|these|those|that|and|or|previous|system|other|just"
    r"|please|you|were|was|have|been|given|to|above|safety",
    r"previous|prior|above|earlier|preceding|foregoing|former|original|initial|existing"
    r"|all of your|all your|all the|your|system|developer|told before",
    r"instructions?|prompts?|rules|directions|guidelines|commands?|directives?|programming|restrictions"
    r"|(?:system|developer) (?:prompts?|messages?|instructions?)",
    r"reveal|show|print(?: out)?|repeat|output|display|tell|give|leak|expose|dump|what (?:is|are|was"
    r"|were)|what's",
    r"(?:me )?(?:(?:all|exactly|verbatim|out|back|of|to|us) ){0,3}(?:your (?:(?:full|entire|exact"
    r"|complete|own|hidden|secret|original|initial) ){0,2}(?:system (?:prompt|message|instructions?)"
    r"|developer message|hidden (?:prompt|instructions?|rules)|(?:initial|original|secret) (?:prompt"
    r"|instructions?|rules))|the (?:(?:full|entire|exact|complete) ){0,2}(?:system prompt|hidden prompt"
    r"|hidden instructions)(?: above| verbatim|\b))",
    (
        r"you are (?:now|no longer) (?:in )?(?:a |an )?(?:DAN|developer mode|jailbroken|unrestricted"
        r"|unfiltered|uncensored|bound by|restricted by|free from all|an? ai without)\b",
        r"(?:act|respond|answer|behave) as (?:if you were )?(?:a |an )?(?:DAN|unrestricted|unfiltered"
        r"|jailbroken|uncensored|evil ai|an? ai without)\b",
        r"(?:enable|enter|activate|switch to) (?:the )?(?:god|jailbreak|jailbroken|DAN|unrestricted"
        r"|unfiltered|uncensored) mode",
        r"pretend (?:that )?(?:you|to) (?:have|had|are|be|were) (?:no|not bound by|free of|without"
        r"|an? ai without) (?:any )?(?:restrictions|rules|limits|limitations|filters|guidelines)",
        r"(?:respond|answer) without (?:any )?(?:ethical|moral|safety|content|legal) (?:restrictions"
        r"|filters|guidelines|constraints|considerations)",
        r"do anything now",
        r"from now on,? you (?:are|will|must) (?:now )?(?:ignore|disregard|not follow|no longer follow"
        r"|have no (?:rules|restrictions|filters))",
        r"(?:forget|ignore|disregard) (?:all |everything )(?:of )?(?:that )?(?:you were told"
        r"|you have been told|you know|you've been told|(?:said|written|stated) (?:above|before))",
    ),
)  # fmt: skip
GERMAN = Phrases(
    "German",
    ("ignor", "vergiss", "vergessen sie", "missacht", "überschreib", "umgeh", "befolg", "zeig", "verrat",
     "nenn", "gib", "wiederhol", "offenbar", "wie lautet", "du bist", "tu so", "verhalt", "antwort",
     "ab sofort",
     "ab jetzt", "was steht"),
    r"ignorier(?:e|st|en sie|t)?|vergiss|vergessen sie|missachte(?:n sie)?|überschreib(?:e|en sie)"
    r"|umgeh(?:e|en sie)|befolge(?:n sie)? nicht",
    r"bitte|jetzt|nun|einfach|sofort|ab|alle|aller|allen|all|sämtliche|sämtlichen|jegliche|die|der|den"
    r"|das|deine|deiner|deinen|dein|ihre|ihren|meine|von|dir|ihnen|bis|gegebenen|hier|und|oder|anderen"
    r"|oben|system",
    r"vorherigen?|vorigen?|bisherigen?|obigen?|früheren?|vorangegangenen?|vorangehenden?|ursprünglichen?"
    r"|anfänglichen?|gegebenen|alle deine|all deine|deine|sämtliche|alle vorher|zuvor|davor|oben",
    r"(?:system)?-?(?:anweisung(?:en)?|instruktion(?:en)?|regeln?|vorgaben?|befehle?|richtlinien?"
    r"|prompts?|anleitung(?:en)?)",
    r"zeig(?:e|en sie)?|verrat(?:e|en sie)?|nenn(?:e|en sie)?|gib|wiederhol(?:e|en sie)?|offenbar(?:e"
    r"|en sie)?|wie lautet|wie lauten|was steht in",
    r"(?:(?:mir|uns|bitte|genau|wörtlich|vollständig) ){0,3}(?:dein(?:en|em|e)?|ihren?|den"
    r"|die) (?:(?:vollständigen?|genauen?|gesamten?|ganzen?) )?(?:system-?prompt|system-?nachricht"
    r"|system-?anweisung(?:en)?|geheimen (?:anweisungen|regeln)|versteckten (?:anweisungen|regeln)"
    r"|ursprünglichen (?:anweisungen|prompt))",
    (
        r"du bist (?:jetzt|nun|ab jetzt|ab sofort|nicht mehr)(?: ein| eine)? (?:DAN\b|uneingeschränkt"
        r"|unzensiert|ungefiltert|an (?:deine|keine) |ki ohne|ohne (?:regeln|einschränkungen|filter))",
        r"tu so,? als (?:hättest du|ob du|wärst du) (?:keine|ohne) (?:regeln|einschränkungen|filter"
        r"|richtlinien|grenzen)",
        r"antworte (?:ab (?:jetzt|sofort) )?ohne (?:jegliche |alle )?(?:ethischen? "
        r"|moralischen? )?(?:einschränkungen|filter|richtlinien|zensur)",
        r"(?:vergiss|ignoriere) alles,? was (?:dir|du|vorher|zuvor|davor|oben|bisher)",
    ),
)  # fmt: skip
FRENCH = Phrases(
    "French",
    ("ignor", "oubli", "ne (?:tiens|tenez)", "fais abstraction", "faites abstraction", "contourn",
     "ne (?:suis|suivez)",
     "montr", "r[ée]v[èeé]l", "affich", "r[ée]p[èe]t", "donn", "tu es", "tu n'as", "agis",
     "fais comme", "r[ée]pond", "quel"),
    r"ignore[rz]?|oublie[rz]?|ne (?:tiens|tenez) (?:pas|plus|aucun) compte|(?:fais|faites) abstraction"
    r"|contourne[rz]?|ne (?:suis|suivez) (?:pas|plus)",
    r"toutes?|tous|les?|la|l'ensemble|tes|ton|ta|vos|votre|ces|mes|de|des|du|et|ou|système|données?"
    r"|maintenant|qui|t'ont|ont|été|autres",
    r"pr[ée]c[ée]dente?s?|ant[ée]rieure?s?|ci-dessus|initiale?s?|d'origine|donn[ée]es?|plus haut"
    r"|toutes tes|toutes vos|tes|vos|pr[ée]alables",
    r"instructions?|consignes?|r[èe]gles?|directives?|ordres|prompts?|invites?",
    r"montre[rz]?(?:[\s\-]moi)?|r[ée]v[èeé]le[rz]?(?:[\s\-]moi)?|affiche[rz]?(?:[\s\-]moi)?"
    r"|r[ée]p[èeé]te[rz]?|donne[rz]?(?:[\s\-]moi)?|quel(?:le)?s? (?:est|sont)",
    r"(?:ton|ta|tes|votre|vos|le|les) (?:(?:propres?|intégralité du) )?(?:prompt système|prompt systeme"
    r"|system prompt|message système|invite système|instructions? système|(?:instructions|règles"
    r"|consignes) (?:cachées|secrètes|initiales|d'origine))",
    (
        r"tu es (?:maintenant|d[ée]sormais)(?: un| une)? (?:DAN\b|(?:ia|intelligence artificielle"
        r"|modèle) sans|sans (?:restriction|règle|limite|filtre)s?|non censur)",
        r"tu n'as (?:plus |d[ée]sormais )?aucune? (?:restriction|règle|limite|filtre|contrainte)s?",
        r"(?:r[ée]ponds|agis|fais comme si tu étais) sans (?:aucune? )?(?:restriction|règle|limite"
        r"|filtre|censure)s?",
        r"oublie[rz]? tout ce (?:qui|que|qu'on) (?:t'a|vous a|pr[ée]c[èe]de|tu sais|je t'ai|on t'a)",
    ),
)  # fmt: skip
SPANISH = Phrases(
    "Spanish",
    ("ignor", "olvid", "omit", "descart", "no sigas", "haz caso", "haga caso", "pas[ae] por alto",
     "mu[eé]str",
     "revel", "repit", "imprim", "dime", "dame", "cu[aá]l", "ahora eres", "act[uú]a", "finge", "responde"),
    r"ignor(?:a|e|ar)|olvid(?:a|e|ar)|omit(?:e|a|ir)|descart(?:a|e|ar)|no sigas|(?:haz|haga) caso omiso"
    r"|pas[ae] por alto",
    r"todas?|todos|las?|los|el|tus?|sus?|mis|estas|esas|de|del|a|y|o|que|te|han|dado|dieron|sistema"
    r"|dem[áa]s",
    r"anteriores|previas|previos|de arriba|iniciales|originales|dadas|precedentes|todas tus|tus"
    r"|te dieron|te han dado",
    r"instrucci[óo]n(?:es)?|[óo]rdenes|reglas|directrices|indicaciones|normas|prompts?",
    r"mu[eé]str[ae](?:me)?|mostrar|revel(?:a|e|ar)(?:me)?|repit[ea]|imprim[ea]|dime|dame"
    r"|cu[aá]l(?:es)? (?:es|son)",
    r"(?:tus?|sus?|el|las|los) (?:(?:propio|completo) )?(?:prompt del? sistema|system prompt"
    r"|mensaje del? sistema|instrucciones del? sistema|(?:instrucciones|reglas) (?:ocultas|secretas"
    r"|iniciales|originales))",
    (
        r"ahora eres(?: un| una)? (?:DAN\b|(?:ia|inteligencia artificial|modelo) sin"
        r"|sin (?:restricciones|reglas|filtros)|libre de (?:restricciones|reglas))",
        r"(?:act[úu]a|responde|finge) (?:como si no tuvieras|que no tienes"
        r"|sin) (?:ning[úu]na? )?(?:restricciones|restricci[óo]n|reglas|filtros?|censura|l[íi]mites)",
        r"olvid(?:a|e) todo lo (?:anterior|que te (?:han|he) dicho|que sabes|dicho)",
    ),
)  # fmt: skip
ITALIAN = Phrases(
    "Italian",
    ("ignor", "dimentic", "trascur", "non (?:seguire|considerare)", "scavalc", "mostra", "rivel",
     "ripet", "stampa",
     "dimmi", "qual", "ora sei", "adesso sei", "fai finta", "fingi", "rispondi", "comportati"),
    r"ignor(?:a|are|ate|i)|dimentic(?:a|are|ate|hi)|trascur(?:a|are|ate)|non (?:seguire|considerare)"
    r"|scavalc(?:a|are)",
    r"tutt[eio]|le|l[aoe']|gli|i|il|tue|tuoi|sue|queste|quelle|mie|di|del|delle|e|o|che|ti|sono|state"
    r"|date|sistema|altre",
    r"precedent[ei]|sopra|iniziali|originali|antecedenti|date|ricevute|tutte le tue|le tue|tue|fornite",
    r"istruzion[ei]|regole|direttive|indicazioni|comandi|ordini|linee guida|prompt",
    r"mostra(?:mi)?|rivela(?:mi)?|ripeti(?:mi)?|stampa|dimmi|qual [eè]|quali sono",
    r"(?:il tuo|le tue|la tua|il|tuo|tue) (?:(?:intero|completo) )?(?:prompt di sistema|system prompt"
    r"|messaggio di sistema|istruzioni di sistema|(?:istruzioni|regole) (?:nascoste|segrete|iniziali"
    r"|originali))",
    (
        r"(?:ora|adesso) sei(?: un| una| un')? ?(?:DAN\b|(?:ia|intelligenza artificiale|modello) senza"
        r"|senza (?:restrizioni|regole|filtri|limiti)|libero da (?:restrizioni|regole))",
        r"(?:fai finta|fingi|rispondi|comportati) (?:di non avere|senza|come se non avessi) (?:alcuna "
        r"|nessuna )?(?:restrizion[ei]|regole|filtri|limiti|censura)",
        r"dimentica tutto (?:quello|ci[oò]) che (?:ti|sai|ho|[eè])",
    ),
)  # fmt: skip
PORTUGUESE = Phrases(
    "Portuguese",
    ("ignor", "esque", "desconsider", "descart", "n[aã]o siga", "mostr", "revel", "repit", "imprim", "diga",
     "qual", "quais", "voc[eê] (?:agora|não)", "agora voc", "finja", "aja", "respond"),
    r"ignor(?:e|a|ar)|esque[çc](?:a|e|er)|desconsider(?:e|a|ar)|descart(?:e|ar)|n[aã]o siga",
    r"todas?|todos|as?|os?|suas?|seus?|tuas?|minhas|estas|essas|de|do|das|dos|e|ou|que|te|lhe|foram"
    r"|dadas|sistema|demais",
    r"anteriores|pr[ée]vias|acima|iniciais|originais|dadas|precedentes|todas as suas|suas|recebidas",
    r"instru[çc][õoãa][eo]s?|regras|diretrizes|orienta[çc][õo]es|comandos|ordens|prompts?",
    r"mostr(?:e|a|ar)(?:-me)?|revel(?:e|a|ar)(?:-me)?|repita|imprima|diga(?:-me)?|qual [ée]|quais s[aã]o",
    r"(?:o seu|a sua|as suas|seu|sua|suas|o|as) (?:(?:completo|inteiro) )?(?:prompt do? sistema"
    r"|prompt de sistema|system prompt|mensagem d[eo] sistema|instruções d[eo] sistema|(?:instruções"
    r"|regras) (?:ocultas|secretas|iniciais|originais))",
    (
        r"(?:voc[eê] agora|agora voc[eê]) [eé](?: um| uma)? (?:DAN\b|(?:ia|intelig[eê]ncia artificial"
        r"|modelo) sem|sem (?:restrições|regras|filtros|limites))",
        r"(?:finja|aja|responda) (?:que n[aã]o tem|sem"
        r"|como se n[aã]o tivesse) (?:nenhuma? )?(?:restri[çc][õo]es|restri[çc][ãa]o|regras|filtros"
        r"|censura|limites)",
        r"esque[çc]a tudo (?:o )?que (?:te|lhe|foi|voc[eê]|eu)",
    ),
)  # fmt: skip
LANGUAGES = (ENGLISH, GERMAN, FRENCH, SPANISH, ITALIAN, PORTUGUESE)
