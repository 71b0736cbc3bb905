"""The page that a link for Temporal's pages opens: it says what is left to do there, once in each browser."""

from __future__ import annotations

from html import escape


def welcome_page(pages: str, endpoint: str) -> str:
    """HTML. `pages` is where Temporal's pages are, `endpoint` what they have to be told."""
    way = f'<p><a href="{escape(pages)}">Open Temporal\'s pages</a></p>' if pages else ""
    return f"""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Signed in – Mainspring</title>
<style>
  body {{ font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 4rem auto; padding: 0 1rem; }}
  code {{ background: #8882; padding: .1rem .3rem; user-select: all; }}
</style>
<h1>Signed in</h1>
<p>For eight hours this browser may read the runs of your organisation in Temporal's pages.</p>
{way}
<p>Temporal's pages have to be told once in each browser to ask for it:</p>
<ol>
  <li>Click the glasses at the top right.</li>
  <li>Choose “Use my browser setting and ignore Cluster-level setting.”</li>
  <li>Paste the endpoint <code>{escape(endpoint)}</code></li>
  <li>Switch on “Include cross-origin credentials”, apply, and load the page again.</li>
</ol>
</html>
"""
