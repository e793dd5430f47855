-- What the program's own Lua files say of themselves: the comment a file opens with, and those above its functions. Help pages are made
-- of these, so that a thing is described in one place.
local core = require "yolua.core"
local terminal = require "yolua.terminal"

local comments = {}

-- The comment that the text begins with, without its dashes; "" if there is none.
function comments.opening(text)
  local lines = {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local words = line:match "^%-%-%s?(.*)$"
    if not words then break end
    lines[#lines + 1] = words
  end
  return table.concat(lines, "\n")
end

-- The first sentence of a comment, on one line.
function comments.sentence(comment)
  local text = comment:gsub("\n%s*\n.*", ""):gsub("%s+", " ")
  local from = 1
  while true do
    local stop = text:find("%.%s", from)
    if not stop then return text end
    if text:sub(stop - 2, stop - 1) ~= "al" then return text:sub(1, stop) end -- "et al. 2013"
    from = stop + 1
  end
end

-- Paragraphs are wrapped to the width; indented lines (examples) are left as they are.
function comments.fit(comment, width)
  local out, paragraph = {}, nil
  local function flush()
    if paragraph then table.move(terminal.wrap(paragraph, width), 1, 1000, #out + 1, out) end
    paragraph = nil
  end
  for line in (comment .. "\n"):gmatch "([^\n]*)\n" do
    if line:find "^%s" or line == "" then
      flush()
      local indent = line:match "^%s*"
      local pieces = terminal.length(line) <= width and { line:sub(#indent + 1) } or terminal.wrap(line, width - #indent, 4)
      for _, piece in ipairs(pieces) do out[#out + 1] = indent .. piece end
    else paragraph = paragraph and paragraph .. " " .. line or line end
  end
  flush()
  return table.concat(out, "\n")
end

-- The functions of a file that a comment stands above: list of {name =, call = "name(a, b)", text =}.
function comments.functions(text)
  local list, comment = {}, {}
  for line in (text .. "\n"):gmatch "([^\n]*)\n" do
    local words = line:match "^%-%-%s?(.*)$"
    local name, arguments = line:match "^function [%w_]+[.:]([%a][%w_]*)(%b())"
    if words then comment[#comment + 1] = words
    else
      if name and #comment > 0 then
        list[#list + 1] = { name = name, call = name .. arguments, text = table.concat(comment, " ") }
      end
      comment = {}
    end
  end
  return list
end

-- The text of a file that the program carries.
function comments.file(name) return core.embedded(name) end

return comments
