-- report.html: what is escaped, what the page holds, and how a real browser lays it out at 390 pixels.
local t = require "luaunit"
local core = require "yolua.core"
local html = require "yolua.html"
local program = require "support.program"

TestHtml = {}

local top, run

function TestHtml.setUp()
  if top then return end
  top = program.tiny()
  run = top .. "/r"
  program.ok { "recipes/coco_ft.lua", "config=" .. top .. "/config.yaml", "epochs=2", "out=" .. run }
end

function TestHtml.testBase64() -- RFC 4648, section 10
  for text, code in pairs { [""] = "", f = "Zg==", fo = "Zm8=", foo = "Zm9v", foobar = "Zm9vYmFy", ["\0\255\254"] = "AP/+" } do
    t.assertEquals(core.files.base64(text), code)
  end
end

function TestHtml.testEscape()
  t.assertEquals(html.escape [[<a href="x">'&']], "&lt;a href=&quot;x&quot;&gt;&#39;&amp;&#39;")
  local text = html.table({ "<b>" }, { { "x", "1.5" }, { "&", '"' } }, '"')
  t.assertNil(text:find("<b>", 1, true))
  t.assertStrContains(text, '<td class="n">1.5</td>')
  t.assertStrContains(text, 'aria-label="&quot;"')
end

function TestHtml.testSections()
  local list = html.sections "# a\n\n| x | y |\n| --- | --- |\n| 1 |  |\n\n## b\n"
  t.assertEquals(list, { { title = "a", head = { "x", "y" }, body = { { "1", "" } } }, { title = "b", body = {} } })
end

function TestHtml.testContent()
  local page = core.system.read(run .. "/report.html")
  for _, words in ipairs { "<!DOCTYPE html>", 'lang="en"', "name=\"viewport\"", "kitti: AP at 40 recall points", "voc: AP", "coco: AP",
    "poster (clean)", "confusion at score", "Loss per image", "Precision over recall", "Detections on frame 000024", "region1",
    "epochs: 2", "false alarm", "network, ms per image" } do
    t.assertStrContains(page, words)
  end
  for tag in page:gmatch "<img[^>]*>" do t.assertStrMatches(tag, '<img src="data:image/[%w+]+;base64,[%w+/=]+" alt="[^"]+">') end
  t.assertNil(page:find("<script", 1, true))
  t.assertNil(page:find "src=\"http")
end

function TestHtml.testVerb()
  local before = core.system.read(run .. "/report.html")
  os.remove(run .. "/report.html")
  t.assertStrContains(program.ok { "report", "run=" .. run .. "/" }, run .. "/report.html")
  t.assertEquals(core.system.read(run .. "/report.html"), before)
  local status, _, err = program.run { "report", "run=" .. top .. "/absent" }
  t.assertEquals(status, 1)
  t.assertStrContains(err, "absent/results.md")
  t.assertEquals((program.run { "report" }), 2)
end

-- A page around the report, in a frame as wide as a phone, that writes what it measures into its own text.
local MEASURE = [[<!DOCTYPE html><iframe id="f" src="report.html" style="width:390px;height:800px;border:0"></iframe><p id="p"></p><script>
onload = () => { const d = f.contentDocument, images = [...d.images];
  const missing = images.filter(i => !i.naturalWidth).length;
  p.textContent = "wide " + d.documentElement.scrollWidth + " images " + images.length + " missing " + missing; };
</script>]]

function TestHtml.testBrowser()
  if not os.execute "command -v chromium >/dev/null 2>&1" then return print "SKIP chromium is not installed" end
  core.system.write(run .. "/measure.html", MEASURE)
  local pipe <close> = io.popen(("timeout 60 chromium --headless --no-sandbox --disable-gpu --allow-file-access-from-files "
    .. "--enable-logging=stderr --user-data-dir='%s/chromium' "
    .. "--dump-dom 'file://%s/measure.html' 2>'%s/chromium.log'"):format(top, run, top))
  local wide, images, missing = pipe:read("a"):match 'wide (%d+) images (%d+) missing (%d+)</p>'
  t.assertTrue(tonumber(wide) ~= nil and tonumber(wide) <= 390, "sideways: " .. tostring(wide))
  t.assertTrue(tonumber(images) >= 9)
  t.assertEquals(missing, "0")
  t.assertNil(core.system.read(top .. "/chromium.log"):find("CONSOLE", 1, true))
end

local status = t.LuaUnit.run()
if top then os.execute("rm -rf '" .. top .. "'") end
os.exit(status)
