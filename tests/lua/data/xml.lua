-- The XML of VOC's annotations: tags, entities, what is blanked, invalid files.
local t = require "luaunit"
local core = require "yolua.core"
local xml = require "yolua.data.xml"

local path = os.tmpname()

local function read(text)
  core.system.write(path, text)
  return xml.read(path)
end

TestXml = {}

function TestXml:testPlain()
  t.assertEquals(xml.plain "a &amp; b &lt;c&gt; &quot;d&apos;", "a & b <c> \"d'")
  t.assertEquals(xml.plain "&#65;&#x42;&#x20AC;", "AB\u{20ac}")
  t.assertEquals(xml.plain "&amp;lt;", "&lt;") -- once
  t.assertEquals(xml.plain "&none; &#0; &#x110000; & &;", "&none; &#0; &#x110000; & &;") -- left as they are
end

function TestXml:testTag()
  local text = "<object>\n  <name> car </name><name>van</name>\n<empty></empty></object>"
  t.assertEquals(xml.tag(text, "name"), "car") -- the first
  t.assertEquals(xml.tag(text, "empty"), "")
  t.assertNil(xml.tag(text, "pose"))
  t.assertNil(xml.tag("<name>car", "name"))
  t.assertNil(xml.tag("</name>car<name>", "name"))
end

-- Comments and parts of objects are blanked, so that places and line numbers stay.
function TestXml:testRead()
  local text = "<annotation>\n<!-- <name>no</name>\n-->\n<object><name>person</name>" ..
    "<part><name>head</name>\n</part></object>\n</annotation>\n"
  local seen = read(text)
  t.assertEquals(#seen, #text)
  t.assertEquals(select(2, seen:gsub("\n", "")), select(2, text:gsub("\n", "")))
  t.assertEquals(xml.tag(seen, "name"), "person")
  t.assertNil(seen:find("head", 1, true))
  t.assertEquals(seen:find("<object>", 1, true), text:find("<object>", 1, true))
end

function TestXml:testRefusals()
  local function refused(sentence, text) t.assertErrorMsgContains(path .. ": " .. sentence, read, text) end
  refused("expected an <annotation>, from its start to its end", "")
  refused("expected an <annotation>, from its start to its end", "<annotation><object>")
  refused("expected an <annotation>, from its start to its end", "<!-- <annotation></annotation> -->")
  refused("expected an end of the comment that begins at byte 13", "<annotation><!-- no end</annotation>")
  refused("expected an end of the <part> that begins at byte 13", "<annotation><part></annotation>")
  refused("expected an annotation of at most 4194304 bytes, got 4194305", (" "):rep(4194305))
  t.assertErrorMsgContains("/nowhere/x.xml", xml.read, "/nowhere/x.xml")
end

local status = t.LuaUnit.run()
os.remove(path)
os.exit(status)
