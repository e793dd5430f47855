-- What every report.html has around its sections: head, style for desktop, phone, light and dark, and the legend of the boxes.
local page = {}

page.head = [[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>TITLE: yolua report</title>
<link rel="icon" href="data:,">
<style>
:root { color-scheme: light dark; --ink: #1d2329; --soft: #5b6670; --ground: #f5f6f8; --card: #fff; --line: #d9dee3; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ec; --soft: #a3adb7; --ground: #15191d; --card: #1e2429; --line: #39424a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1rem; max-width: 1200px; background: var(--ground); color: var(--ink);
  font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
h1 { margin: .5rem 0 1rem; font-size: 1.7rem; } h2 { margin: 0 0 .7rem; font-size: 1.1rem; }
section { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: 1rem; margin: 0 0 1rem; }
.scroll, pre { overflow: auto; max-height: 32rem; max-width: 100%; margin: 0; }
table { border-collapse: collapse; font-size: .9rem; white-space: nowrap; overflow-wrap: normal; }
th, td { padding: .3rem .7rem; text-align: left; border-bottom: 1px solid var(--line); }
thead th { position: sticky; top: 0; background: var(--card); color: var(--soft); font-weight: 600; }
tbody th { font-weight: 600; } .n { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 0; } figcaption { color: var(--soft); font-size: .85rem; }
img { display: block; width: 100%; height: auto; border-radius: 4px; background: #fff; }
.plots, .pictures { display: grid; gap: 1rem; grid-template-columns: repeat(auto-fill, minmax(min(100%, 30rem), 1fr)); }
ul { list-style: none; display: flex; flex-wrap: wrap; gap: .4rem 1.2rem; margin: 0 0 1rem; padding: 0; }
li::before { content: ""; display: inline-block; width: 1.2em; height: .8em; margin-right: .4em; border: 3px solid var(--c); }
.dashed::before { border-style: dashed; }
</style>
</head>
<body>
<header><h1>TITLE</h1></header>
<main>
]]

page.legend = [[
<ul aria-label="Legend">
<li style="--c:#f0e442">truth that was found</li><li style="--c:#009e73">hit</li><li class="dashed" style="--c:#e69f00">miss</li>
<li class="dashed" style="--c:#d55e00">false alarm</li><li class="dashed" style="--c:#999">ignored</li>
</ul>
]]

page.foot = "\n</main>\n</body>\n</html>\n"

return page
