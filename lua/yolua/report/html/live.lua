-- The live page of a training: report.html's look around numbers that a script brings up to date. It asks the server that sent it, and
-- nobody else.
local page = require "yolua.report.html.page"
local parts = require "yolua.report.html.parts"

local STYLE = [[
<style>
.now { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 9rem), 1fr)); gap: .8rem 1.2rem; margin: 1rem 0; }
.now dt { color: var(--soft); font-size: .82rem; }
.now dd { margin: 0; font-size: 1.35rem; font-variant-numeric: tabular-nums; letter-spacing: -.01em; overflow-wrap: normal; }
progress { display: block; width: 100%; height: .8rem; accent-color: var(--accent); }
.bar label { display: block; color: var(--soft); font-size: .85rem; margin: .7rem 0 .2rem; }
.spark { display: block; width: 100%; height: 9rem; }
.spark path { fill: none; stroke: var(--accent); stroke-width: 1.5; vector-effect: non-scaling-stroke; }
.axis { display: flex; justify-content: space-between; color: var(--soft); font-size: .82rem; font-variant-numeric: tabular-nums; }
.lost { color: var(--down); }
</style>
]]

local BODY = [[
<header><h1>NAME<span class="state open" id="state">starting</span></h1>
<p class="lede" id="note" role="status">Waiting for the first step.</p></header>
<main>
<section aria-labelledby="now-title"><h2 id="now-title">Now</h2>
<div class="bar"><label for="all" id="all-text">Training</label><progress id="all" max="1" value="0"></progress>
<label for="epoch" id="epoch-text">Epoch</label><progress id="epoch" max="1" value="0"></progress></div>
<dl class="now">
<div><dt>Loss per image</dt><dd id="loss">n/a</dd></div><div><dt>Learning rate</dt><dd id="lr">n/a</dd></div>
<div><dt>Images per second</dt><dd id="rate">n/a</dd></div><div><dt>Time left</dt><dd id="left">n/a</dd></div>
<div><dt>Time so far</dt><dd id="spent">n/a</dd></div><div hidden id="zeros-box"><dt>Zeros</dt><dd id="zeros">n/a</dd></div>
<div><dt>Waiting for images</dt><dd id="wait">n/a</dd></div></dl>
<h3>Loss by step</h3>
<svg class="spark" viewBox="0 0 100 100" preserveAspectRatio="none" role="img" aria-label="Loss by step"><path id="line" d=""/></svg>
<div class="axis"><span id="low"></span><span id="high"></span></div>
</section>
<div id="sections"></div>
</main>
<footer>Files: <a href="/config.yaml">config.yaml</a>, <a href="/metrics.jsonl">metrics.jsonl</a>, <a href="/log.txt">log.txt</a>.
Made by yolua; the page asks its own program for news once a second.</footer>
]]

local SCRIPT = [[
<script>
"use strict";
const at = id => document.getElementById(id);
const known = x => typeof x === "number" && isFinite(x);
const number = (x, digits) => known(x) ? x.toPrecision(digits) : "n/a";
function time(s) {
  if (!known(s)) return "n/a";
  s = Math.max(0, Math.round(s));
  if (s < 60) return s + " s";
  if (s < 3600) return Math.floor(s / 60) + " min " + s % 60 + " s";
  return Math.floor(s / 3600) + " h " + Math.floor(s % 3600 / 60) + " min";
}
function draw(losses) {
  if (losses.length < 2) return;
  const values = losses.map(p => p[1]).filter(known), low = Math.min(...values), high = Math.max(...values), range = high - low || 1;
  const first = losses[0][0], last = losses[losses.length - 1][0];
  at("line").setAttribute("d", losses.map((p, i) => (i ? "L" : "M") + (100 * (p[0] - first) / (last - first)).toFixed(2) + " "
    + (97 - 94 * (p[1] - low) / range).toFixed(2)).join(""));
  at("low").textContent = "step " + first + ", least " + number(low, 4);
  at("high").textContent = "step " + last + ", most " + number(high, 4);
}
function show(s) {
  const done = s.state === "finished" || s.state === "ended";
  at("state").textContent = s.state;
  at("state").className = s.state === "finished" ? "state" : "state open";
  at("note").classList.remove("lost");
  if (known(s.epoch)) {
    const share = s.total > 0 ? s.done / s.total : 0;
    at("all").value = s.epochs > 0 ? (s.epoch - 1 + share) / s.epochs : 0;
    at("epoch").value = share;
    at("all-text").textContent = "Training: epoch " + s.epoch + " of " + s.epochs;
    at("epoch-text").textContent = "Epoch: " + s.done + " of " + s.total + " images";
    at("note").textContent = done ? "The run has ended." : "Epoch " + s.epoch + " of " + s.epochs + ", " + Math.floor(100 * share) + " %";
    document.title = Math.floor(100 * at("all").value) + " % " + document.title.replace(/^\d+ % /, "");
  }
  at("loss").textContent = number(s.loss, 4);
  at("lr").textContent = known(s.lr) ? String(Number(s.lr.toPrecision(3))) : "n/a";
  at("rate").textContent = number(s.images_per_s, 3);
  at("left").textContent = done ? "done" : time(s.left_s);
  at("spent").textContent = time(s.seconds);
  at("wait").textContent = known(s.wait_share) ? (100 * s.wait_share).toFixed(1) + " %" : "n/a";
  at("zeros-box").hidden = !known(s.sparsity);
  at("zeros").textContent = known(s.sparsity) ? (100 * s.sparsity).toFixed(1) + " %" : "n/a";
  draw(s.losses || []);
}
let version = 0;
async function sections(wanted) {
  const reply = await fetch("/sections.html"), open = new Set();
  if (!reply.ok) return;
  const text = await reply.text();
  for (const d of document.querySelectorAll("#sections details[open] > summary")) open.add(d.textContent);
  at("sections").innerHTML = text;
  for (const d of document.querySelectorAll("#sections details > summary")) if (open.has(d.textContent)) d.parentNode.open = true;
  version = wanted;
}
async function look() {
  let wait = 1000;
  try {
    const reply = await fetch("/state.json");
    const s = await reply.json();
    show(s);
    if (s.version !== version) await sections(s.version);
  } catch (e) {
    at("note").textContent = "The program does not answer: the run has ended, or this machine cannot reach it.";
    at("note").classList.add("lost");
    wait = 5000;
  }
  setTimeout(look, document.hidden ? 5000 : wait);
}
look();
</script>
</body>
</html>
]]

-- The page of a run of that name, as text.
return function(name)
  local head = page.head:gsub("TITLE: yolua report", function() return parts.escape(name) .. ": yolua" end):gsub("</head>", function()
    return STYLE .. "</head>"
  end)
  return head .. BODY:gsub("NAME", function() return parts.escape(name) end) .. SCRIPT
end
