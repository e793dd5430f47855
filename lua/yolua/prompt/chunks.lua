-- What is typed, pasted or piped into the prompt as chunks that Lua can run: an expression gives its values, an unfinished chunk goes
-- on, a text of many lines falls into statements.
local chunks = {}

-- Before an expression: gives its values. With something to close, the call in it is no tail call, which would forget this line.
local VALUES <const> = "local _result <close> = nil return "

-- The text after so many line ends, so that messages name the line it stands on.
local function at_line(text, line) return ("\n"):rep((line or 1) - 1) .. text end

-- `local x = 1` at the prompt would be gone with its line: the names live on as globals. Nil where the text does not begin so.
local function keeping(text)
  local names = text:match "^%s*local%s+function%s+([%a_][%w_]*)" or text:match "^%s*local%s+([%a_][%w_%s,]*)="
    or text:match "^%s*local%s+([%a_][%w_%s,]*)$"
  if not names or names:find "^function%f[^%w_]" then return nil end
  return text .. "\n_ENV." .. names:gsub("%s", ""):gsub(",", ",_ENV.") .. " = " .. names
end

-- The chunk that the text is: an expression first, else statements. Returns nil and the message, and whether more is expected.
-- name: what messages call it (default "=prompt"); line: the number of its first line.
function chunks.compile(text, name, line)
  name = name or "=prompt"
  local chunk = load(at_line(VALUES .. text, line), name, "t")
  if chunk then return chunk end
  local kept = keeping(text)
  chunk = kept and load(at_line(kept, line), name, "t")
  if chunk then return chunk end
  local statements, message = load(at_line(text, line), name, "t")
  if statements then return statements end
  return nil, message, message:find "<eof>$" ~= nil
end

-- Whether a line can only continue the one before it: `:method()`, `.field`, `+ 1`, `}`.
local function continues(line)
  local start = line:match "^%s*(%S.*)$"
  return start and (start:find "^[:.,=+*/%%^&|<>})%]]" ~= nil or start:find "^%-[^-]" ~= nil or start:find "^~=" ~= nil
    or start:find "^and%f[%W]" ~= nil or start:find "^or%f[%W]" ~= nil) or false
end

local function lines_of(text)
  local lines = {}
  for line in (text:gsub("\r\n?", "\n") .. "\n"):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  while lines[#lines] and not lines[#lines]:find "%S" do lines[#lines] = nil end
  return lines
end

-- The last line of the chunk that begins at `first`: the nearest at which it is whole and the next one does not continue it. What
-- begins with `local` takes the rest along, if that compiles, since its name ends where the chunk does.
local function chunk_end(lines, first, name)
  local rest = table.concat(lines, "\n", first)
  if rest:find "^%s*local%f[%W]" and load(rest, name, "t") then return #lines end
  for last = first, #lines do
    local text = table.concat(lines, "\n", first, last)
    local _, _, unfinished = chunks.compile(text, name)
    if not unfinished and not continues(lines[last + 1] or "") then return last end
  end
  return #lines
end

-- A text of several lines as a list of {text =, line = number of its first line}.
function chunks.split(text, name)
  local lines, list, first = lines_of(text), {}, 1
  while first <= #lines do
    if not lines[first]:find "%S" then first = first + 1
    else
      local last = chunk_end(lines, first, name or "=prompt")
      list[#list + 1] = { text = table.concat(lines, "\n", first, last), line = first }
      first = last + 1
    end
  end
  return list
end

-- The last chunk of a text of several lines: the one that more input would continue.
function chunks.last(text)
  local list = chunks.split(text)
  return #list > 0 and list[#list].text or ""
end

return chunks
