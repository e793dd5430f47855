-- Runs the program as a user does: its exit status, what it printed, and what it complained about.
local sanitizer = require "support.sanitizer"

local program = { path = os.getenv "YOLUA_PROGRAM" or "yolua", source = os.getenv "YOLUA_SOURCE" or "." }

-- A loop of Lua that only a raised interrupt ends. ThreadSanitizer hands signals on when the program calls the system, which a loop of
-- plain Lua never does: there the loop opens a file.
program.endless = sanitizer.threads and "while true do io.open('/dev/null'):close() end" or "while true do end"

local function quoted(word) return "'" .. tostring(word):gsub("'", "'\\''") .. "'" end

local function slurp(path)
  local f = assert(io.open(path, "rb"))
  local text = f:read "a"
  f:close()
  os.remove(path)
  return text
end

-- program.run { "val", "json=true", cwd = folder, environment = "NAME=value", input = "FILE" } -> status, standard output, standard error
function program.run(words)
  local out, err, list = os.tmpname(), os.tmpname(), { quoted(program.path) }
  for _, word in ipairs(words) do list[#list + 1] = quoted(word) end
  local command = ("cd %s && %s %s >%s 2>%s <%s"):format(quoted(words.cwd or program.source), words.environment or "",
    table.concat(list, " "), out, err, quoted(words.input or "/dev/null"))
  local _, _, status = os.execute(command)
  return status, slurp(out), slurp(err)
end

-- The same for a call that has to succeed; returns what it printed.
function program.ok(words)
  local status, out, err = program.run(words)
  if status ~= 0 then error(("%s: status %d: %s"):format(table.concat(words, " "), status, err), 2) end
  return out, err
end

-- The JSON document that a verb prints.
function program.json(words)
  words[#words + 1] = "json=true"
  return require("yolua.core").json.decode(program.ok(words))
end

-- The name of a new folder: in memory where there is a gigabyte free (tests write hundreds of small files that wait for the disk), else
-- among the temporary files.
function program.new_folder()
  local name = os.tmpname()
  os.remove(name)
  local df = io.popen "df -Pk /dev/shm 2>/dev/null"
  local free = tonumber((df:read "a":match "\n%S+%s+%d+%s+%d+%s+(%d+)"))
  df:close()
  return free and free > 2 ^ 20 and "/dev/shm/" .. name:match "[^/]*$" or name
end

-- A folder with a tiny data set, network and config.yaml (support/tiny.lua).
function program.tiny()
  local top = program.new_folder()
  program.ok { "tests/support/tiny.lua", "out=" .. top }
  return top
end

return program
