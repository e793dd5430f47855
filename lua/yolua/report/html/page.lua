-- What every report.html has around its sections: head and style (desktop, phone, light, dark, paper), and the legend of the boxes.
local page = {}

page.head = [[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>TITLE: yolua report</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5b6670; --ground: #f4f6f8; --card: #fff; --line: #dde2e7; --tint: 0, 114, 178;
  --accent: #0067a3; --up: #00734f; --down: #a8400a; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #a3adb7; --ground: #14181c; --card: #1e2429; --line: #374049;
  --tint: 86, 180, 233; --accent: #6fbdf0; --up: #4fd0a5; --down: #f59a62; } }
* { box-sizing: border-box; }
html { scroll-behavior: smooth; -webkit-text-size-adjust: 100%; }
body { margin: 0 auto; padding: 1.5rem 1.25rem 3rem; max-width: 76rem; background: var(--ground); color: var(--ink);
  font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; overflow-wrap: anywhere; }
a { color: var(--accent); text-underline-offset: .15em; }
h1 { margin: 0; font-size: 2rem; line-height: 1.15; letter-spacing: -.02em; }
h2 { margin: 0 0 .9rem; font-size: 1.25rem; line-height: 1.25; letter-spacing: -.01em; }
h3 { margin: 1.4rem 0 .5rem; font-size: 1rem; }
h2 + h3, .pair h3 { margin-top: 0; }
.lede { margin: .3rem 0 1rem; color: var(--soft); }
.state { display: inline-block; margin-left: .6rem; padding: .1rem .6rem; border-radius: 1rem; vertical-align: middle;
  font-size: .8rem; font-weight: 600; letter-spacing: 0; color: var(--card); background: var(--up); }
.state.open { background: var(--down); }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1.1rem; list-style: none; margin: 0 0 1.3rem; padding: 0; font-size: .92rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 10px; padding: 1.25rem; margin: 0 0 1.25rem; }
.facts { display: grid; grid-template-columns: repeat(auto-fill, minmax(9.5rem, 1fr)); gap: .9rem 1.2rem; margin: 0; }
.facts dt { color: var(--soft); font-size: .82rem; } .facts dd { margin: 0; font-variant-numeric: tabular-nums; }
.cards { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 13rem), 1fr)); gap: 1rem; margin: 0 0 1.4rem; padding: 0;
  list-style: none; }
.cards li { border: 1px solid var(--line); border-radius: 8px; padding: .8rem 1rem; }
.cards b { display: block; font-size: 1.75rem; line-height: 1.3; font-variant-numeric: tabular-nums; letter-spacing: -.02em; }
.cards span { display: block; color: var(--soft); font-size: .82rem; line-height: 1.4; }
.up { color: var(--up); } .down { color: var(--down); } .cards .up { color: var(--up); font-weight: 600; }
.cards .down { color: var(--down); font-weight: 600; }
.pair { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr)); gap: 1.4rem 2rem; align-items: start; }
.pair > * { min-width: 0; }
.scroll, pre { overflow: auto; max-width: 100%; margin: 0; } .scroll.tall, pre { max-height: 34rem; }
pre { font: .82rem/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
table { border-collapse: collapse; font-size: .88rem; line-height: 1.4; overflow-wrap: normal; }
.pair table { width: 100%; } .pair .plots { grid-template-columns: minmax(0, 1fr); }
th, td { padding: .35rem .6rem; text-align: left; border-bottom: 1px solid var(--line); }
th:first-child { padding-left: 0; }
thead th { position: sticky; top: 0; background: var(--card); color: var(--soft); font-weight: 500; vertical-align: bottom; }
tbody th { font-weight: 500; white-space: nowrap; } tr.total > * { font-weight: 700; }
.n { text-align: right; font-variant-numeric: tabular-nums; } td.n { white-space: nowrap; }
.heat td { text-align: right; font-variant-numeric: tabular-nums; background: rgba(var(--tint), calc(var(--s, 0) * .5)); }
details { margin: 1rem 0 0; } section > h2 + details { margin-top: 0; }
summary { cursor: pointer; color: var(--accent); font-weight: 500; } summary h2 { display: inline; color: var(--ink); }
details[open] > summary { margin-bottom: .8rem; }
summary small { color: var(--soft); font-weight: 400; margin-left: .5rem; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
figure { margin: 0; min-width: 0; } figcaption { color: var(--soft); font-size: .85rem; margin-top: .35rem; }
img { display: block; width: 100%; height: auto; border-radius: 5px; }
.bars { margin: 0; } .bars div { display: grid; grid-template-columns: 7rem 1fr 9rem; gap: .8rem; align-items: center; padding: .15rem 0; }
.bars dd { margin: 0; font-variant-numeric: tabular-nums; font-size: .88rem; } .bars dt { font-size: .88rem; }
.bars dd:nth-child(2) { background: var(--line); border-radius: 3px; } .bars span { display: block; height: .8rem; border-radius: 3px;
  background: var(--accent); }
.plots { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 22rem), 1fr)); }
.pictures { display: grid; gap: 1.3rem 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 34rem), 1fr)); }
.pictures.wide { grid-template-columns: minmax(0, 1fr); }
.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .4rem 1.3rem; margin: 0 0 1rem; padding: 0; font-size: .9rem; }
.legend li::before { content: ""; display: inline-block; width: 1.3em; height: .85em; margin-right: .45em; border: 3px solid var(--c);
  vertical-align: -.08em; outline: 1px solid rgba(0, 0, 0, .35); outline-offset: -3px; }
.legend .dashed::before { border-style: dashed; outline: 0; }
footer { color: var(--soft); font-size: .85rem; }
@media (max-width: 40rem) {
  body { padding: 1rem .75rem 2rem; } section { padding: 1rem .85rem; border-radius: 8px; } h1 { font-size: 1.6rem; }
  th, td { padding: .35rem .3rem; }
  table { font-size: .82rem; } tbody th, td.n { white-space: normal; overflow-wrap: normal; }
  .facts { grid-template-columns: repeat(2, minmax(0, 1fr)); }
  .pictures::before { content: "Swipe a picture to see all of it."; color: var(--soft); font-size: .85rem; }
  .zoom { overflow-x: auto; } .zoom img { width: 42rem; max-width: none; }
}
@media print {
  :root { --ground: #fff; --card: #fff; --ink: #000; --soft: #444; --line: #bbb; --accent: #000; color-scheme: light; }
  body { max-width: none; padding: 0; font-size: 10.5pt; } nav, summary small { display: none; }
  section { border: 0; border-top: 1px solid var(--line); border-radius: 0; padding: .8rem 0; }
  .scroll, .scroll.tall, pre { overflow: visible; max-height: none; } pre { white-space: pre-wrap; }
  details::details-content { content-visibility: visible; display: block; } figure, tr, .cards li { break-inside: avoid; }
  h2, h3 { break-after: avoid; } thead th { position: static; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
}
</style>
</head>
<body>
]]

page.legend = [[
<ul class="legend" aria-label="Legend">
<li style="--c:#f0e442">truth that was found</li><li style="--c:#009e73">hit</li><li class="dashed" style="--c:#e69f00">miss</li>
<li class="dashed" style="--c:#d55e00">false alarm</li><li class="dashed" style="--c:#999">ignored</li>
</ul>
]]

page.foot = "\n</main>\n<footer>Made by yolua VERSION; this page is self-contained and needs no network.</footer>\n</body>\n</html>\n"

return page
