"""The forms of secrets, one line of a table each: RE2 sources that only such a secret satisfies."""

from __future__ import annotations

from dataclasses import dataclass

W = r"[A-Za-z0-9_\-]"
A = r"[A-Za-z0-9]"
HEX = r"[0-9a-f]"
IS = r"""["']?\s{0,3}(?:=>|:=|=|:)\s{0,3}["']?"""  # what stands between a name and its value


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of secret. `hint`: an RE2 source, or `begins` or `holds` and the words."""

    id: str
    words: str
    sources: tuple[str, ...]
    hint: tuple[str, ...]
    check: str = ""


def form(kind: str, words: str, hint: str, *sources: str, check: str = "") -> Form:
    """Return a form whose hint is written as `begins: a b` or `holds: a b`."""
    how, _, what = hint.partition(": ")
    return Form(kind, words, sources, (how, *what.split()), check)


def private_key(kind: str, words: str, name: str) -> Form:
    """Return the form of a private key in PEM lines, real ones or as \\n: the whole block is the secret."""
    notes = r"(?:[A-Za-z\-]{1,20}: [^\r\n\\]{1,100}(?:\\r|\\n|[\r\n]){1,4}){0,3}"
    body = r"[A-Za-z0-9+/=\\\r\n\t ]*"
    source = rf"-----BEGIN {name}-----(?:\\r|\\n|[\r\n]){{0,4}}{notes}{body}(?:-----END {name}-----)?"
    return Form(kind, words, (source,), ("holds", r"-----BEGIN\ [A-Z\ ]{0,20}PRIVATE"))


FORMS = (
    form("sluice", "Sluice key", "holds: sk-sluice-", rf"\bsk-sluice-{W}{{43}}"),
    form("aws_access_key", "AWS access key", "begins: AKIA ASIA ABIA ACCA",
         r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16}\b"),
    form("aws_secret_key", "AWS secret key", "holds: secret_?access_?key aws_secret",
         rf"(?i:secret_?access_?key|aws_secret_?key|aws_secret){IS}([A-Za-z0-9/+]{{40}})"),
    form("github", "GitHub token", "begins: gh[pousr]_", rf"\bgh[pousr]_{A}{{36,255}}"),
    form("github_fine", "GitHub fine-grained token", "begins: github_pat_",
         rf"\bgithub_pat_{A}{{22}}_{A}{{59}}"),
    form("gitlab", "GitLab token", "begins: gl[a-z]{2,6}-",
         rf"\bgl(?:pat|dt|rt|ptt|ft|soat|cbt|agent)-{W}{{20,64}}"),
    form("slack", "Slack token", "begins: xox[a-z] xapp-", r"\b(?:xox[abeoprs]|xapp)-[A-Za-z0-9\-]{10,250}"),
    form("slack_webhook", "Slack webhook", "holds: hooks\\.slack",
         r"\bhooks\.slack\.com/(?:services|workflows|triggers)/[A-Za-z0-9+/]{20,120}"),
    form("stripe_live", "Stripe live key", "begins: [sr]k_live", rf"\b[sr]k_live_{A}{{16,250}}"),
    form("stripe_test", "Stripe test key", "begins: [sr]k_test", rf"\b[sr]k_test_{A}{{16,250}}"),
    form("stripe_webhook", "Stripe webhook secret", "begins: whsec_", r"\bwhsec_[A-Za-z0-9+/=]{24,100}"),
    form("openai", "OpenAI key", "begins: sk-", rf"\bsk-(?:proj|svcacct|admin|None)-{W}{{20,250}}",
         rf"\bsk-{A}{{20}}T3BlbkFJ{A}{{20}}\b", rf"\bsk-{A}{{48}}\b"),
    form("anthropic", "Anthropic key", "begins: sk-ant-", rf"\bsk-ant-{W}{{20,250}}"),
    form("openrouter", "OpenRouter key", "begins: sk-or-", rf"\bsk-or-(?:v1-)?{HEX}{{64}}"),
    form("groq", "Groq key", "begins: gsk_", rf"\bgsk_{A}{{48,56}}\b"),
    form("xai", "xAI key", "begins: xai-", rf"\bxai-{A}{{70,90}}\b"),
    form("perplexity", "Perplexity key", "begins: pplx-", rf"\bpplx-{A}{{40,60}}\b"),
    form("replicate", "Replicate token", "begins: r8_", rf"\br8_{A}{{37,40}}\b"),
    form("hugging_face", "Hugging Face token", "begins: hf_", rf"\bhf_{A}{{34,40}}\b"),
    form("google_api", "Google API key", "holds: AIza", rf"\bAIza{W}{{35}}"),
    form("google_oauth", "Google OAuth secret or token", "begins: GOCSPX ya29", rf"\bGOCSPX-{W}{{28}}",
         rf"\bya29\.{W}{{20,500}}"),
    form("google_service_account", "Google service account key", "holds: private_key_id",
         r"""private_key_id["']\s{0,4}:\s{0,4}["']([0-9a-f]{40})"""),
    form("azure_storage", "Azure storage key", "holds: AccountKey SharedAccessKey",
         r"(?i:AccountKey|SharedAccessKey)=([A-Za-z0-9+/]{42,86}={1,2})"),
    form("azure_client", "Azure client secret", "holds: [0-9]Q~",
         r"\b[A-Za-z0-9_~.]{3}\dQ~[A-Za-z0-9_~.\-]{31,34}"),
    form("azure_signature", "Azure access signature", "holds: [?&]sig=", r"[?&]sig=([A-Za-z0-9%+/]{43,100})"),
    form("twilio", "Twilio key", "begins: SK[0-9a-f]{32} twilio", rf"\bSK{HEX}{{32}}\b",
         rf"(?i:\btwilio)[^\n]{{0,40}}?\b({HEX}{{32}})\b"),
    form("sendgrid", "SendGrid key", "begins: SG\\.", rf"\bSG\.{W}{{22}}\.{W}{{43}}"),
    form("mailgun", "Mailgun key", "holds: key-[0-9a-f]{8} [0-9a-f]{4}-[0-9a-f]{8}-[0-9a-f]{8}",
         rf"\bkey-{HEX}{{32}}\b",
         rf"\b{HEX}{{32}}-{HEX}{{8}}-{HEX}{{8}}\b"),
    form("mailchimp", "Mailchimp key", "holds: -us[0-9]", rf"\b{HEX}{{32}}-us\d{{1,2}}\b"),
    form("npm", "npm token", "begins: npm_", rf"\bnpm_{A}{{36}}\b"),
    form("pypi", "PyPI token", "begins: pypi-", rf"\bpypi-AgE{W}{{50,250}}"),
    form("rubygems", "RubyGems key", "begins: rubygems_", rf"\brubygems_{HEX}{{48}}\b"),
    form("docker", "Docker token", "begins: dckr_", rf"\bdckr_[op]at_{W}{{27,60}}"),
    form("digitalocean", "DigitalOcean token", "begins: do[opr]_v1", rf"\bdo[opr]_v1_{HEX}{{64}}\b"),
    form("heroku", "Heroku key", "begins: HRKU- heroku", rf"\bHRKU-{W}{{36,70}}",
         rf"(?i:\bheroku)[^\n]{{0,30}}?\b({HEX}{{8}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{4}}-{HEX}{{12}})\b"),
    form("shopify", "Shopify token", "begins: shp[a-z]{2}_", r"\bshp(?:at|ca|pa|ss)_[0-9a-fA-F]{32}\b"),
    form("square", "Square token", "begins: EAAA sq0", rf"\bsq0(?:atp|csp|idp)-{W}{{22,60}}",
         rf"\bEAAA{W}{{60}}"),
    form("telegram", "Telegram bot token", "holds: [0-9]:AA", rf"\b\d{{8,10}}:AA{W}{{33}}"),
    form("discord", "Discord bot token", r"\.[A-Za-z0-9_\-]{6}\.[A-Za-z0-9_\-]{12}",
         rf"\b[MNO]{W}{{23,27}}\.{W}{{6}}\.{W}{{27,38}}"),
    form("discord_webhook", "Discord webhook", "holds: api/webhooks",
         rf"\bdiscord(?:app)?\.com/api/webhooks/\d{{17,20}}/{W}{{60,80}}"),
    form("databricks", "Databricks token", "begins: dapi", rf"\bdapi{HEX}{{32}}\b"),
    form("vault", "HashiCorp Vault token", "begins: hv[sbr]\\.", rf"\bhv[sbr]\.{W}{{24,250}}"),
    form("linear", "Linear key", "begins: lin_api_", rf"\blin_api_{A}{{40}}\b"),
    form("notion", "Notion token", "begins: ntn_ secret_", rf"\b(?:ntn_|secret_){A}{{43,50}}\b"),
    form("new_relic", "New Relic key", "begins: NRAK", r"\bNRAK-[A-Z0-9]{27}\b"),
    form("grafana", "Grafana token", "begins: glsa_", rf"\bglsa_{A}{{32}}_[0-9a-fA-F]{{8}}\b"),
    form("postman", "Postman key", "begins: PMAK", rf"\bPMAK-{HEX}{{24}}-{HEX}{{34}}\b"),
    form("airtable", "Airtable token", r"\bpat[A-Za-z0-9]{14}\.", rf"\bpat{A}{{14}}\.{HEX}{{64}}\b"),
    form("atlassian", "Atlassian token", "begins: ATATT3", r"\bATATT3[A-Za-z0-9_\-=]{100,250}"),
    form("jwt", "JSON web token (JWT)", "holds: eyJ", rf"\beyJ{W}{{8,}}\.eyJ{W}{{8,}}\.{W}{{8,}}"),
    private_key("private_key", "private key (PEM)", r"(?:RSA |EC |DSA |ENCRYPTED )?PRIVATE KEY"),
    private_key("ssh_key", "SSH private key", r"OPENSSH PRIVATE KEY"),
    private_key("pgp_key", "PGP private key", r"PGP PRIVATE KEY BLOCK"),
    form("database_url", "database address with a password", r"holds: [a-z]://[^\s:@/]*:[^\s@/]",
         r"\b(?:postgres|postgresql|mysql|mariadb|mongodb|redis|rediss|valkey|amqp|amqps"
         r"|mssql|sqlserver|clickhouse|cockroachdb|oracle)(?:\+[a-z0-9_]{1,20})?"
         r"://[^\s:@/]{0,100}:([^\s@/]{1,200})@", check="is_set"),
    form("url_password", "address with a password", r"holds: [a-z]://[^\s:@/]*:[^\s@/]",
         r"\b(?:https?|ftps?|sftp|ssh|git|smtps?|imaps?|ldaps?|wss?)://[^\s:@/]{1,100}:([^\s@/]{1,200})@",
         check="is_set"),
    form("basic_auth", "Basic or Bearer authorization", "begins: basic bearer",
         r"(?i)\b(?:basic|bearer)\s{1,3}([A-Za-z0-9._~+/\-]{16,1000}={0,2})", check="is_random"),
    form("password", "password or key beside its name",
         "holds: passw pwd passphrase secret api_?-?key apikey token kennwort"
         " contrase senha mot\\sde\\spasse",
         r"(?i)(?:passw(?:or)?d|pwd|passphrase|passwort|kennwort|contraseña|senha|mot de passe|secret"
         r"|api[_\- ]?key"
         r"|(?:access|auth|refresh|secret|bearer|api|client)[_\- ]?(?:token|secret|key))"
         + IS + r"""([^\s"'<>,;]{8,128})""", check="is_random"),
)  # fmt: skip
