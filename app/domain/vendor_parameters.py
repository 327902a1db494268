"""Which parameters each vendor of OpenAI's dialect refuses, and what it calls those it knows."""

from __future__ import annotations

# Of other dialects and servers: OpenAI itself answers 400 to a name that it does not know.
FOREIGN = frozenset(
    {
        "top_k", "min_p", "top_a", "typical_p", "repetition_penalty", "length_penalty", "thinking",
        "reasoning", "output_config", "cache_control", "safe_prompt", "random_seed", "enable_thinking",
        "chat_template_kwargs", "include_reasoning", "reasoning_format", "thinking_budget", "transforms",
        "provider", "route", "stop_sequences", "inference_geo", "mcp_servers", "container", "speed",
        "context_management", "diagnostics", "user_profile_id", "workspace_id",
    }
)  # fmt: skip
OPENAI_ALONE = frozenset(
    {
        "store", "metadata", "prediction", "safety_identifier", "prompt_cache_key", "prompt_cache_retention",
        "prompt_cache_options", "verbosity", "web_search_options", "moderation", "modalities", "audio",
        "output_config", "cache_control",
    }
)  # fmt: skip
PROBABILITIES = frozenset({"logprobs", "top_logprobs", "logit_bias"})
PENALTIES = frozenset({"presence_penalty", "frequency_penalty"})

OLD_FUNCTIONS = frozenset({"functions", "function_call"})
TIER = frozenset({"service_tier"})

REFUSED: dict[str, frozenset[str]] = {
    "openai": FOREIGN,
    "mistral": (FOREIGN | OPENAI_ALONE | PROBABILITIES | OLD_FUNCTIONS | TIER | {"user"})
    - {"random_seed", "safe_prompt", "prediction", "metadata"},
    "groq": (FOREIGN | OPENAI_ALONE | PROBABILITIES | {"n"})
    - {"include_reasoning", "reasoning_format", "metadata", "store"},
    "google": FOREIGN | OPENAI_ALONE | PROBABILITIES | OLD_FUNCTIONS | TIER,
    "deepseek": (FOREIGN | OPENAI_ALONE | TIER | {"n", "seed", "parallel_tool_calls"}) - {"thinking"},
    "moonshot": (OPENAI_ALONE | PROBABILITIES | TIER) - {"prompt_cache_key", "safety_identifier"},
    "minimax": OPENAI_ALONE | PROBABILITIES | TIER,
    "xai": OPENAI_ALONE - {"store", "metadata", "web_search_options"},
    "together": OPENAI_ALONE,
    "fireworks": OPENAI_ALONE - {"prediction", "metadata"},
    "local": OPENAI_ALONE,
}
# A model that takes no sampling settings refuses these of its vendor, too.
NOT_WITHOUT_SAMPLING: dict[str, frozenset[str]] = {"openai": PROBABILITIES | PENALTIES}
NOT_WITH_REASONING: dict[str, frozenset[str]] = {"xai": PENALTIES | {"stop"}}
RENAMED: dict[str, dict[str, str]] = {
    "mistral": {"seed": "random_seed", "max_completion_tokens": "max_tokens"},
    "deepseek": {"max_completion_tokens": "max_tokens"},
    "together": {"max_completion_tokens": "max_tokens"},
}
# Whose messages may hold an earlier answer's reasoning, and under which name; others refuse it.
REASONING_SENT_BACK = {
    "deepseek": "reasoning_content", "moonshot": "reasoning_content", "minimax": "reasoning_content",
    "xai": "reasoning_content", "fireworks": "reasoning_content", "together": "reasoning_content",
    "groq": "reasoning",
}  # fmt: skip
THINKS_IN_OWN_WORDS = frozenset({"deepseek", "moonshot"})  # they take `thinking` themselves

# What says no more than leaving the parameter out.
MEANINGLESS: dict[str, tuple[object, ...]] = {
    "n": (1,), "temperature": (1,), "top_p": (1,), "presence_penalty": (0,), "frequency_penalty": (0,),
    "logprobs": (False,), "top_logprobs": (0,), "store": (False,), "parallel_tool_calls": (True,),
    "service_tier": ("auto", "default"), "modalities": (["text"],), "verbosity": ("medium",),
    "tool_choice": ("auto", "none"), "function_call": ("auto", "none"),
}  # fmt: skip


def says_something(name: str, value: object) -> bool:
    """Say whether a parameter's value asks for anything that leaving it out would not."""
    return value not in (None, [], {}, "") and value not in MEANINGLESS.get(name, ())
