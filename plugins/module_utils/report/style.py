# SPDX-FileCopyrightText: esper.cloud contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The style of the page of a report."""

STYLE = """
:root {
  color-scheme: light dark;
  --page: #f4f6f8; --card: #ffffff; --ink: #17202a; --soft: #57636f; --line: #d9dfe5; --track: #e9edf1;
  --plain: #2f6db5; --good: #1f8a5b; --warn: #b7791f; --bad: #c0392b; --others: #7b8794;
  --before: #fdf0ee; --after: #ecf7f1;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #12171c; --card: #1b2229; --ink: #e8edf2; --soft: #9eabb8; --line: #313b45; --track: #2a333c;
    --plain: #6ea8e8; --good: #4cc38a; --warn: #e0a84a; --bad: #f0786a; --others: #8d9aa7;
    --before: #38211f; --after: #17312a;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body {
  margin: 0; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main, header, footer { max-width: 1200px; margin: 0 auto; padding: 0 20px; }
header { padding-top: 28px; }
h1 { font-size: 1.1rem; font-weight: 600; color: var(--soft); margin: 0; overflow-wrap: anywhere; }
.headline { font-size: 1.9rem; line-height: 1.2; font-weight: 700; margin: 2px 0 6px; overflow-wrap: anywhere; }
.headline.good { color: var(--good); } .headline.warn { color: var(--warn); } .headline.bad { color: var(--bad); }
.meta { color: var(--soft); font-size: .9rem; margin: 0; overflow-wrap: anywhere; }
h2 { font-size: 1.25rem; margin: 36px 0 12px; }
h3 { font-size: .95rem; margin: 0 0 10px; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: 12px; margin: 20px 0 0;
  padding: 0; list-style: none; }
.tile { background: var(--card); border: 1px solid var(--line); border-top: 4px solid var(--others); border-radius: 8px;
  padding: 10px 14px; }
.tile b { display: block; font-size: 1.7rem; line-height: 1.2; font-variant-numeric: tabular-nums; }
.tile span { color: var(--soft); font-size: .85rem; }
.tile.good { border-top-color: var(--good); } .tile.warn { border-top-color: var(--warn); }
.tile.bad { border-top-color: var(--bad); } .tile.plain { border-top-color: var(--plain); }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(340px, 100%), 1fr)); gap: 16px;
  margin-top: 10px; }
.card { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 16px; margin: 0;
  min-width: 0; }
svg { display: block; width: 100%; height: auto; }
svg text { font: 13px system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
  fill: var(--ink); }
svg .count { fill: var(--soft); text-anchor: end; font-variant-numeric: tabular-nums; }
svg .track { fill: var(--track); }
svg .plain { fill: var(--plain); } svg .good { fill: var(--good); } svg .warn { fill: var(--warn); }
svg .bad { fill: var(--bad); } svg .others { fill: var(--others); }
.object { background: var(--card); border: 1px solid var(--line); border-radius: 8px; margin: 0 0 12px;
  padding: 12px 16px; }
.object h3 { margin: 0; font-size: 1rem; overflow-wrap: anywhere; }
.kind { color: var(--soft); font-weight: 400; }
.tag { display: inline-block; font-size: .75rem; font-weight: 600; padding: 1px 8px; border-radius: 10px;
  border: 1px solid currentColor; margin-right: 8px; color: var(--others); vertical-align: 2px; white-space: nowrap; }
.tag.good { color: var(--good); } .tag.warn { color: var(--warn); } .tag.bad { color: var(--bad); }
.note { color: var(--soft); font-size: .85rem; margin: 4px 0 0; overflow-wrap: anywhere; }
.error { margin: 6px 0 0; color: var(--bad); overflow-wrap: anywhere; white-space: pre-wrap; }
table { width: 100%; border-collapse: collapse; margin-top: 10px; table-layout: fixed; font-size: .9rem; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: .8rem; padding: 4px 8px; }
td { border-top: 1px solid var(--line); padding: 6px 8px; vertical-align: top; overflow-wrap: anywhere; }
code { font: .85rem/1.45 ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; }
td.before code { background: var(--before); } td.after code { background: var(--after); }
td.before code, td.after code { padding: 1px 4px; border-radius: 4px; box-decoration-break: clone;
  -webkit-box-decoration-break: clone; }
table.two th:first-child { width: 33%; }
nav { display: flex; flex-wrap: wrap; gap: 4px 18px; margin-top: 16px; font-size: .9rem; }
.list { columns: 3 300px; column-gap: 24px; padding: 0; margin: 10px 0 0; list-style: none; }
.list li { break-inside: avoid; padding: 6px 0; border-top: 1px solid var(--line); overflow-wrap: anywhere; }
.list b { font-weight: 600; } .list p { margin: 0; }
.none { color: var(--soft); font-style: italic; }
a { color: var(--plain); }
footer { color: var(--soft); font-size: .85rem; padding-top: 28px; padding-bottom: 36px; overflow-wrap: anywhere; }
@media (max-width: 640px) {
  main, header, footer { padding-left: 12px; padding-right: 12px; }
  .headline { font-size: 1.5rem; }
  .tiles { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .tile:last-child:nth-child(odd) { grid-column: 1 / -1; }
  thead { position: absolute; clip-path: inset(50%); width: 1px; height: 1px; overflow: hidden; }
  tr { display: block; border-top: 1px solid var(--line); padding: 6px 0; }
  td { display: block; border: 0; padding: 2px 0; }
  td[data-label] { display: grid; grid-template-columns: 5.5rem minmax(0, 1fr); justify-items: start; }
  td[data-label]::before { content: attr(data-label); color: var(--soft); font-size: .8rem; }
}
@media print {
  :root {
    --page: #ffffff; --card: #ffffff; --ink: #000000; --soft: #444444; --line: #bbbbbb; --track: #eeeeee;
    --plain: #2f6db5; --good: #1f8a5b; --warn: #95600f; --bad: #c0392b; --others: #7b8794;
    --before: #fdf0ee; --after: #ecf7f1;
  }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 11pt; }
  main, header, footer { max-width: none; padding-left: 0; padding-right: 0; }
  nav { display: none; }
  .card, .tile, tr { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
"""
