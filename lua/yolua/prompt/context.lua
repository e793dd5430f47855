-- Where in a piece of unfinished Lua the cursor stands: inside which braces of which call, behind which key, in a quoted text or not.
-- A light reading that never fails: what is no Lua gives no context.
local context = {}

-- Past a comment, a long bracket or a quoted text that begins at `at`: the place behind it, or nil and the text so far where it is open.
local function skip_text(text, at)
  local quote = text:match("^[\"']", at)
  if quote then
    local i = at + 1
    while i <= #text do
      local c = text:sub(i, i)
      if c == "\\" then i = i + 1 elseif c == quote then return i + 1 end
      i = i + 1
    end
    return nil, text:sub(at + 1)
  end
  local equals = text:match("^%[(=*)%[", at)
  if equals then
    local _, stop = text:find("]" .. equals .. "]", at, true)
    return stop and stop + 1, text:sub(at)
  end
  return (text:find("\n", at, true) or #text) + 1 -- a comment
end

-- What stands before a brace or a quote: "yl.load" of a call, ":detect" of a method, `key =` inside a table.
local function owner(before)
  local key = before:match "([%a_][%w_]*)%s*=%s*$"
  if key then return { key = key } end
  local name = before:match "([%a_][%w_.:]*)%s*%(?%s*$" or before:match "([%a_][%w_.:]*)%s*%([^()]*,%s*$"
  return { call = name }
end

-- Returns { stack = open brackets from the outside in, each {bracket, call | key, from = the place behind it}, quoted = the unfinished
-- text, owner = what it belongs to, start = whether a key of the innermost table could begin here, word = the name that is being typed }.
function context.read(text)
  local stack, at = {}, 1
  while at <= #text do
    local c = text:sub(at, at)
    local next_at = at + 1
    if c == '"' or c == "'" or text:find("^%-%-", at) or text:find("^%[=*%[", at) then
      local stop, open = skip_text(text, at)
      if not stop then return { stack = stack, quoted = open, owner = owner(text:sub(1, at - 1)) } end
      next_at = stop
    elseif c == "{" or c == "(" or c == "[" then
      local entry = owner(text:sub(1, at - 1))
      entry.bracket, entry.from = c, at + 1
      stack[#stack + 1] = entry
    elseif c == "}" or c == ")" or c == "]" then stack[#stack] = nil end
    at = next_at
  end
  local word = text:match "([%a_][%w_]*)$" or ""
  local before = text:sub(1, #text - #word)
  return { stack = stack, word = word, start = before:find "[{,;]%s*$" ~= nil }
end

return context
