"""The public samples of the policy proxy as they were written; curl takes its address from the variable."""

from __future__ import annotations

TYPESCRIPT = """\
const baseUrl = process.env.KAGU_API_BASE_URL ?? "https://api.kagu.ai";
const response = await fetch(`${baseUrl}/runtime/proxy/chat/completions`, {
method: "POST",
headers: {
"Content-Type": "application/json",
Authorization: `Bearer ${process.env.KAGU_PROJECT_API_KEY}`,
"x-kagu-user-id": "user_123",
"x-kagu-policy-key": "support_chat",
"x-kagu-request-id": "req_abc_001",
},
body: JSON.stringify({
model: "openai/gpt-4o-mini",
messages: [{ role: "user", content: "Hello, world!" }],
}),
});
const data = await response.json();
// OpenAI-shaped payload plus top-level `kagu` metadata on success
console.log(data);
"""

PYTHON = """\
import os
import requests
base_url = os.getenv("KAGU_API_BASE_URL", "https://api.kagu.ai")
resp = requests.post(
f"{base_url}/runtime/proxy/chat/completions",
headers={
"Content-Type": "application/json",
"Authorization": f"Bearer {os.environ['KAGU_PROJECT_API_KEY']}",
"x-kagu-user-id": "user_123",
"x-kagu-policy-key": "support_chat",
},
json={
"model": "openai/gpt-4o-mini",
"messages": [{"role": "user", "content": "Hello, world!"}],
},
)
resp.raise_for_status()
print(resp.json())
"""

CURL = """\
curl "$KAGU_API_BASE_URL/runtime/proxy/chat/completions" \\
-H "Content-Type: application/json" \\
-H "Authorization: Bearer $KAGU_PROJECT_API_KEY" \\
-H "x-kagu-user-id: user_123" \\
-H "x-kagu-policy-key: support_chat" \\
-d '{
"model": "openai/gpt-4o-mini",
"messages": [
{"role": "user", "content": "Hello, world!"}
]
}'
"""
