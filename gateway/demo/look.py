"""How pages of the demo look: the gateway's own style sheet, and a few lines more."""

from html import escape
from pathlib import Path

import gateway.pages

_SHEET = Path(gateway.pages.__file__).parent / "static" / "gateway.css"

_MORE = """
.wide { max-width: 46rem; }
.bar { display: flex; align-items: center; gap: 1rem; margin-bottom: 1.5rem; }
.bar h1 { margin: 0; }
.bar p { margin: 0; }
.face {
  flex: none; display: grid; place-items: center; width: 3rem; height: 3rem; border-radius: 50%;
  background: var(--accent); color: var(--on-accent); font-weight: 650; letter-spacing: .02em;
}
.face.other { background: transparent; color: var(--ink); border: 1px solid var(--edge-strong); }
.person {
  display: flex; align-items: center; gap: 1rem; width: 100%; padding: .875rem 1rem; text-align: start;
  background: transparent; color: var(--ink); font: inherit; cursor: pointer;
  border: 1px solid var(--edge-strong); border-radius: .75rem; transition: border-color .12s ease;
}
.person:hover { border-color: var(--accent); background: var(--ground); }
.person b { display: block; font-weight: 600; line-height: 1.35; }
.person small { color: var(--ink-soft); font-size: .875rem; }
.section { margin: 2rem 0 .5rem; font-size: 1rem; font-weight: 600; }
.row { display: flex; flex-wrap: wrap; gap: .625rem; margin: 1.25rem 0 0; }
.row .button { width: auto; min-height: 2.5rem; padding: .4375rem 1rem; }
.tag {
  display: inline-block; padding: .0625rem .625rem; margin: 0 .375rem .25rem 0; border: 1px solid var(--edge-strong);
  border-radius: 1rem; font-size: .8125rem; color: var(--ink-soft);
}
.table { width: 100%; border-collapse: collapse; font-size: .875rem; table-layout: fixed; }
.table th { width: 12.5rem; text-align: start; font-weight: 500; color: var(--ink-soft); vertical-align: top; }
.table th, .table td { padding: .4375rem .75rem .4375rem 0; border-top: 1px solid var(--edge); }
.table td { font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; }
.table .ours th { color: var(--accent); font-weight: 600; }
.said {
  margin: .75rem 0 0; padding: .75rem 1rem; min-height: 3rem; border: 1px solid var(--edge); border-radius: .625rem;
  background: var(--ground); font-size: .8125rem; white-space: pre-wrap; overflow-wrap: anywhere;
  font-family: ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
}
.said:empty { display: none; }
@media (max-width: 36rem) {
  .table, .table tbody, .table tr, .table th, .table td { display: block; width: 100%; }
  .table th { padding-bottom: 0; }
  .table td { border-top: 0; padding-top: 0; }
}
"""

_MARK = (
    '<svg class="mark" viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">'
    '<path fill="none" stroke="currentColor" stroke-width="3" stroke-linejoin="round" d="{path}"/></svg>'
)
SHIELD = "M16 4 27 8v8c0 6-5 10-11 12C10 26 5 22 5 16V8Z"
WINDOW = "M4 7h24v18H4ZM4 13h24"


def style_sheet() -> bytes:
    return (_SHEET.read_text(encoding="utf-8") + _MORE).encode()


def page(*, title: str, brand: str, mark: str, sheet: str, body: str, wide: bool = False) -> bytes:
    """A whole document. `title` and `brand` are text, `body` is markup; `sheet` is where `style_sheet` is served."""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(title)} · {escape(brand)}</title>
<link rel="stylesheet" href="{escape(sheet)}">
<link rel="icon" href="data:,">
</head>
<body>
<div class="page">
<header class="brand">{_MARK.format(path=mark)}<span class="brand-name">{escape(brand)}</span></header>
<main class="card{" wide" if wide else ""}">
{body}
</main>
</div>
</body>
</html>
""".encode()
