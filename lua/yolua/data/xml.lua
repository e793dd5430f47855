-- The little XML that VOC's annotations are written in. Every search is a plain one, so that no file makes it slow.
local core = require "yolua.core"
local fail = require "yolua.data.fail"
local trim = require "yolua.options.trim"

local xml = {}

local LARGEST <const> = 2 ^ 22 // 1 | 0 -- bytes; VOC's own files are under 10 KiB
local entities = { amp = "&", lt = "<", gt = ">", quot = '"', apos = "'" }

-- A text with its entities replaced.
function xml.plain(text)
  return (text:gsub("&(#?%w+);", function(name)
    local code = name:match "^#(%d+)$" or name:match "^#(x%x+)$" and "0" .. name:sub(2)
    code = code and tonumber(code)
    return code and code > 0 and code < 0x110000 and utf8.char(code) or entities[name]
  end))
end

-- The text between the first <name> and </name>, without the white space around it; nil if there is none.
function xml.tag(text, name)
  local _, first = text:find("<" .. name .. ">", 1, true)
  local last = first and text:find("</" .. name .. ">", first + 1, true)
  return last and trim(text:sub(first + 1, last - 1))
end

-- Blanks what stands from each `open` to the next `close`: the places of the rest stay.
local function blank(text, open, close, path, what)
  local parts, from = {}, 1
  while true do
    local first = text:find(open, from, true)
    parts[#parts + 1] = text:sub(from, (first or 0) - 1)
    if not first then return table.concat(parts) end
    local _, last = text:find(close, first + #open, true)
    if not last then fail("%s: expected an end of the %s that begins at byte %d", path, what, first) end
    parts[#parts + 1], from = text:sub(first, last):gsub("[^\n]", " "), last + 1
  end
end

-- The annotation at `path`, without its comments and the parts of objects (a person's head, hands and feet have boxes of their own).
function xml.read(path)
  local text = core.system.read(path)
  if #text > LARGEST then fail("%s: expected an annotation of at most %d bytes, got %d", path, LARGEST, #text) end
  text = blank(text, "<!--", "-->", path, "comment")
  local start = text:find("<annotation", 1, true)
  if not (start and text:find("</annotation>", start, true)) then fail("%s: expected an <annotation>, from its start to its end", path) end
  return blank(text, "<part>", "</part>", path, "<part>")
end

return xml
