"""A minimal client of `mmgcn serve`, with only the standard library.

    python client.py 42                     a user's recommendations
    python client.py 42 --like clip-003     store a like first; the list is re-ranked at once

A token is read from the environment variable MMGCN_TOKEN.
"""

import argparse
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request


def request(address, body=None):
    """Return the JSON of a GET, or of a POST with a body."""
    headers = {"Content-Type": "application/json"}
    if token := os.environ.get("MMGCN_TOKEN"):
        headers["Authorization"] = f"Bearer {token}"
    data = None if body is None else json.dumps(body).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers)) as response:
            return json.load(response)
    except urllib.error.HTTPError as error:  # a problem document says what is wrong
        problem = json.load(error)
        sys.exit(f"{problem['code']}: {problem['detail']}")


def main():
    """Print a list of recommendations."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("user", help="user id")
    parser.add_argument("--like", action="append", default=[], metavar="ITEM", help="item id")
    parser.add_argument("--service", default="http://127.0.0.1:8000", help="its address")
    words = parser.parse_args()
    service = words.service.rstrip("/")
    if words.like:
        events = [{"user_id": words.user, "item_id": i, "event": "like"} for i in words.like]
        request(f"{service}/v1/feedback", {"events": events})
    user = urllib.parse.quote(words.user, safe="")
    options = "k=5&session=true" if words.like else "k=5"
    for card in request(f"{service}/v1/recommend/{user}?{options}")["items"]:
        print(f"{card['rank']:>2}  {card['score']:.3f}  {card['caption'] or card['item_id']}")


if __name__ == "__main__":
    main()
