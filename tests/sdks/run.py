"""A run and a read with `agentbase-sdk` of PyPI; see check.sh."""

import os
import sys

from agentbase import Agentbase

client = Agentbase(
    api_key=os.environ["SWITCHYARD_KEY"],
    base_url=f"http://{sys.argv[1]}/proxy/agentbase",
    max_retries=0,
)
stream = client.agent.run(message="Hello", mode="flash", streaming_tokens=True)
events = list(stream)
kinds = [event["type"] for event in events]
assert kinds[0] == "agent_started" and kinds[-1] == "agent_completed", kinds
said = "".join(event["content"] for event in events if event["type"] == "agent_response")
assert said == "You said: Hello", said
messages = client.messages.get(session="s1")
assert [message.content for message in messages] == ["Hi"], messages
print("agentbase-sdk: run, messages")
