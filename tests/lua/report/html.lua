-- report.html: what is escaped, what the page holds, and how a real browser lays it out at 390 pixels.
local t = require "luaunit"
local core = require "yolua.core"
local html = require "yolua.report.html"
local program = require "support.program"

TestHtml = {}

local top, run

function TestHtml.setUp()
  if top then return end
  top = program.tiny()
  run = top .. "/r"
  program.ok { "recipes/coco_ft.lua", "config=" .. top .. "/config.yaml", "epochs=2", "freeze=body", "out=" .. run }
end

function TestHtml.testBase64() -- RFC 4648, section 10
  for text, code in pairs { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foobar = "Zm9vYmFy", ["\0\255\254"] = "AP/+" } do
    t.assertEquals(core.files.base64(text), code)
  end
end

function TestHtml.testEscape()
  t.assertEquals(html.escape [[<a href="x">'&']], "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;")
  local text = html.table({ "<b>", "<i>" }, { { "x", "1.5" }, { "&", "n/a" } }, { name = '"' })
  t.assertNil(text:find("<b>", 1, true))
  t.assertStrContains(text, '<td class="n">1.5</td>')
  t.assertStrContains(text, '<th scope="row">&amp;</th>')
  local body = { { "a", "words", "-0.100" }, { "b", '"', "+0.100" } }
  text = html.table({ "x", "y", "change" }, body, { name = "n", changes = 3, total = true })
  t.assertStrContains(text, "<td>&quot;</td>")
  t.assertStrContains(text, '<td class="n down">-0.100</td>')
  t.assertStrContains(text, 'aria-label="n"')
  t.assertStrContains(text, '<tr class="total"><th scope="row">b</th>')
end

-- A cell's tint is its share of the line's sum; a line of nothing has none.
function TestHtml.testHeat()
  local text = require("yolua.report.html.parts").heat({ "true \\ seen", "a", "b" }, { { "a", "3", "1" }, { "b", "0", "0" } }, "c")
  t.assertStrContains(text, '<td style="--s:0.75">3</td><td style="--s:0.25">1</td>')
  t.assertStrContains(text, '<th scope="row">b</th><td>0</td><td>0</td>')
end

-- Times of every length; a clock's seconds are no whole numbers.
function TestHtml.testDuration()
  local about = require "yolua.report.html.about"
  for seconds, words in pairs { [0.26] = "0.3 s", [83.75] = "1 min 23 s", [7384.2] = "2 h 3 min" } do
    t.assertStrContains(about.facts { results = { seconds = seconds }, config = {}, made = {}, epochs = {} }, words)
  end
end

function TestHtml.testSections()
  local list = html.sections "# a\n\n| x | y |\n| --- | --- |\n| 1 |  |\n\n## b\n"
  t.assertEquals(list, { { title = "a", head = { "x", "y" }, body = { { "1", "" } } }, { title = "b", body = {} } })
end

function TestHtml.testContent()
  local page = core.system.read(run .. "/report.html")
  for _, words in ipairs { "<!DOCTYPE html>", 'lang="en"', "name=\"viewport\"", "kitti: AP at 40 recall points", "voc: AP", "coco: AP",
    "poster (clean)", "confusion at score", "Over the epochs: loss", "Over the epochs: ap", "Precision over recall",
    "Frame 000024: hits ", "Detections on the picture of frame 000024", "region1", "epochs: 2", "false alarm", "ms per image", "finished",
    "dev mean (voc)" } do
    t.assertStrContains(page, words)
  end
  for tag in page:gmatch "<img[^>]*>" do t.assertStrMatches(tag, '<img[%w ="]- src="data:image/[%w+]+;base64,[%w+/=]+" alt="[^"]+">') end
  t.assertNil(page:find("<script", 1, true))
  t.assertNil(page:find "src=\"http")
end

-- The layer table says what was trained, its sum is the network's, and headings go down by one.
function TestHtml.testNetworkAndHeadings()
  local page = core.system.read(run .. "/report.html")
  local layers = page:match '<section id="network".-</section>'
  local _, trained = layers:gsub("<td>trained</td>", "")
  t.assertEquals(trained, 1)
  t.assertTrue(select(2, layers:gsub("<td>frozen</td>", "")) > 0)
  local params = core.json.decode(core.system.read(run .. "/results.json")).params
  t.assertEquals(layers:match '<tr class="total">.-<td class="n">(%d+)</td>', tostring(params))
  local last = 0
  for level in page:gmatch "<h(%d)" do
    t.assertTrue(tonumber(level) <= last + 1, "h" .. level .. " after h" .. last)
    last = tonumber(level)
  end
  for id in page:gmatch 'href="#([^"]+)"' do t.assertStrContains(page, ('<section id="%s"'):format(id)) end
end

-- Pictures on the page are JPEG, as many as there are, and no larger than they need be; the files beside it stay as they are.
function TestHtml.testPictures()
  local page = core.system.read(run .. "/report.html")
  local _, count = page:gsub("data:image/jpeg;base64,", "")
  t.assertEquals(count, 16) -- the first frames, and the worst
  t.assertTrue(#page < 1e6, #page)
  local image = core.image.new(2000, 500, ("\90\120\150"):rep(2000 * 500))
  image:save(top .. "/wide.png")
  local text, wide = require("yolua.report.html.parts").picture(top .. "/wide.png", 'a "b"', "c")
  t.assertTrue(wide)
  t.assertStrContains(text, 'width="960" height="240"')
  t.assertStrContains(text, 'alt="a &quot;b&quot;"')
end

function TestHtml.testVerb()
  local before = core.files.hash(run .. "/report.html")
  for _, words in ipairs { { "report", run }, { "report", "run=" .. run .. "/" }, { "report", "out=" .. run } } do
    os.remove(run .. "/report.html")
    t.assertStrContains(program.ok(words), run .. "/report.html")
    t.assertEquals(core.files.hash(run .. "/report.html"), before)
  end
  local function refused(status, sentence, ...)
    local got, _, err = program.run { "report", ... }
    t.assertEquals(got, status)
    t.assertStrContains(err, sentence)
    t.assertEquals(select(2, err:gsub("\n", "")), 1)
  end
  refused(1, "no such run directory " .. top .. "/absent", top .. "/absent")
  refused(1, "data is not a run directory (config.yaml is missing)", top .. "/data")
  refused(2, "yolua report RUNDIR")
  refused(2, "expected key=value", run, run)
end

-- A run that has not come to its end: what is there is shown.
function TestHtml.testUnfinished()
  local part = top .. "/part"
  os.execute(("cp -r '%s' '%s' && cd '%s' && rm -r report.html results.json results.md plots detections"):format(run, part, part))
  program.ok { "report", part }
  local page = core.system.read(part .. "/report.html")
  for _, words in ipairs { "unfinished", "Over the epochs: loss", "region1", "epochs: 2", "2 of 2 epochs" } do
    t.assertStrContains(page, words)
  end
  t.assertNil(page:find('id="results"', 1, true))
  os.execute(("cp '%s/results.json' '%s'"):format(run, part))
  t.assertStrContains(core.system.read(html.write(part)), '<span class="state">finished</span>')
  local line = '{"epoch":3,"train_loss":1,"dev_loss":1}\n'
  core.files.append(part .. "/metrics.jsonl", line) -- it was continued
  t.assertStrContains(core.system.read(html.write(part)), '<span class="state open">unfinished</span>')
  os.remove(part .. "/results.json")
  os.remove(part .. "/best.safetensors")
  os.remove(part .. "/last.safetensors")
  os.remove(part .. "/metrics.jsonl")
  core.system.write(part .. "/log.txt", "failed: <it>\n")
  program.ok { "report", part }
  t.assertStrContains(core.system.read(part .. "/report.html"), "failed: &lt;it&gt;")
end

-- With many classes the most frequent twelve are on the page, the others folded, and their F1 left in plots/.
function TestHtml.testManyClasses()
  local many, classes = top .. "/many", {}
  core.files.make_folder(many .. "/plots")
  core.system.write(many .. "/config.yaml", "epochs: 1\n")
  for i = 1, 15 do
    classes["class " .. i] = { n_gt = i, n_det = 1, tp = 1, fp = 0, ap07 = 0.5, ap = 0.5 }
    for _, stem in ipairs { "pr", "f1" } do
      core.plot.lines { path = ("%s/plots/%s-class_%d.svg"):format(many, stem, i), series = {} }
    end
  end
  local row = { protocol = "voc", stage = "a", split = "dev", map = 0.5, iou = 0.5, classes = classes }
  core.system.write(many .. "/results.json", core.json.encode { recipe = "many", eval = { row } })
  program.ok { "report", many }
  local page = core.system.read(many .. "/report.html")
  t.assertEquals(select(2, page:gsub('alt="Precision over recall: ', "")), 15)
  t.assertEquals(select(2, page:gsub('alt="F1 over', "")), 12)
  local open = page:match '<section id="precision%-and%-recall".-<details>'
  t.assertEquals(select(2, open:gsub("<img", "")), 12)
  t.assertStrContains(open, 'alt="Precision over recall: class_15"')
  t.assertNil(open:find('recall: class_3"', 1, true))
  t.assertStrContains(page, "12 classes; those of 3 more are in plots/")
end

-- The frames that the loss is largest on, the worst first, and how large the boxes of each list are.
function TestHtml.testWorstFramesAndSizes()
  local page, frames = core.system.read(run .. "/report.html"), core.json.decode(core.system.read(run .. "/worst/frames.json"))
  t.assertTrue(#frames >= 2 and #frames <= 8)
  for i, frame in ipairs(frames) do
    t.assertTrue(frame.loss > 0 and frame.loss <= (frames[i - 1] or frame).loss)
    t.assertStrContains(page, ("Frame %s: loss %.1f, hits %d, misses %d"):format(frame.id, frame.loss, frame.hits, frame.misses))
    t.assertEquals(core.files.kind(run .. "/worst/" .. frame.file), "file")
  end
  local known = core.json.decode(core.system.read(run .. "/boxes.json"))
  t.assertEquals(known.lists[1].use, "train")
  t.assertEquals(#known.lists[1].counts, #known.edges + 1)
  local sum = 0
  for _, n in ipairs(known.lists[1].counts) do sum = sum + n end
  local said = core.system.read(run .. "/log.txt"):match "training on %d+ frames with (%d+) objects"
  t.assertEquals(sum, tonumber(said))
  t.assertStrContains(page, ("training: %d boxes"):format(sum))
  t.assertEquals(require("yolua.report.boxes").count { { 4, 4 }, { 8, 8 }, { 2, 8 }, { 64, 16 }, { 300, 300 } }, { 2, 1, 0, 1, 0, 0, 1 })
end

-- Another run beside it: curves and differences with intervals.
function TestHtml.testAgainst()
  local other = top .. "/other"
  program.ok { "recipes/coco_ft.lua", "config=" .. top .. "/config.yaml", "epochs=3", "freeze=body", "seed=5", "out=" .. other }
  program.ok { "report", run, "against=" .. other }
  local page = core.system.read(run .. "/report.html")
  for _, words in ipairs { '<section id="other-runs"', 'alt="Dev loss of the runs"', "; r:Coco-FT against other:Coco-FT, " } do
    t.assertTrue(page:find(words, 1, true) ~= nil, words) -- (the page is too long for a message)
  end
  t.assertStrContains(core.system.read(run .. "/plots/against-dev_loss.svg"), "other")
  local status, _, err = program.run { "report", run, "against=" .. top .. "/none" }
  t.assertEquals(status, 1)
  t.assertStrContains(err, "no such run directory")
  program.ok { "report", run }
  t.assertNil(core.system.read(run .. "/report.html"):find("other-runs", 1, true))
end

-- A page around the report, in a frame as wide as a phone, that opens all that is folded and writes what it measures into its own text.
local MEASURE = [[<!DOCTYPE html><iframe id="f" src="report.html" style="width:390px;height:800px;border:0"></iframe><p id="p"></p><script>
onload = () => { const d = f.contentDocument, images = [...d.images];
  for (const e of d.querySelectorAll('details')) e.open = true;
  const missing = images.filter(i => !i.naturalWidth).length;
  const phone = d.documentElement.scrollWidth;
  f.style.width = "1280px";
  p.textContent = "wide " + phone + " " + d.documentElement.scrollWidth + " images " + images.length + " missing " + missing; };
</script>]]

function TestHtml.testBrowser()
  if not os.execute "command -v chromium >/dev/null 2>&1" then return print "SKIP chromium is not installed" end
  core.system.write(run .. "/measure.html", MEASURE)
  local pipe <close> = io.popen(("timeout 60 chromium --headless --no-sandbox --disable-gpu --allow-file-access-from-files "
    .. "--enable-logging=stderr --user-data-dir='%s/chromium' "
    .. "--dump-dom 'file://%s/measure.html' 2>'%s/chromium.log'"):format(top, run, top))
  local wide, desktop, images, missing = pipe:read("a"):match 'wide (%d+) (%d+) images (%d+) missing (%d+)</p>'
  t.assertTrue(tonumber(wide) ~= nil and tonumber(wide) <= 390, "sideways: " .. tostring(wide))
  t.assertTrue(tonumber(desktop) <= 1280, "sideways: " .. desktop)
  t.assertTrue(tonumber(images) >= 9)
  t.assertEquals(missing, "0")
  t.assertNil(core.system.read(top .. "/chromium.log"):find("CONSOLE", 1, true))
end

local status = t.LuaUnit.run()
if top then os.execute("rm -rf '" .. top .. "'") end
os.exit(status)
