-- README's tour of the prompt for the tests that play it: its steps, and how what comes out is held against it. Numbers may differ in
-- their last digit (machines add in different orders); timings are masked.
local t = require "luaunit"
local core = require "yolua.core"

local tour = {}

local program, source = os.getenv "YOLUA_PROGRAM", os.getenv "YOLUA_SOURCE" or "."
local top = os.tmpname()
os.remove(top)
core.files.make_folder(top)

-- An empty folder in which a tour begins.
function tour.folder(name)
  local path = top .. "/" .. name
  core.files.make_folder(path)
  return path
end

-- What runs the program there with a history of its own.
function tour.command(path, extra)
  return ("cd '%s' && exec env YOLUA_HISTORY='%s/history' %s '%s'"):format(path, path, extra or "", program)
end

-- ---- README ----------------------------------------------------------------------------------------------------------------

local readme = core.system.read(source .. "/README.md")
local block = assert(readme:match "\n## A tour of the prompt\n.-\n```\n(.-)```", "README has no tour")

-- A session's text as steps: {input = lines typed, output = lines that came}.
function tour.steps_of(text)
  local list = {}
  for line in text:gmatch "([^\n]*)\n" do
    local typed, more = line:match "^> ?(.*)$", line:match "^>> ?(.*)$"
    if more then table.insert(list[#list].input, more)
    elseif typed then list[#list + 1] = { input = { typed }, output = {} }
    elseif #list > 0 then table.insert(list[#list].output, line) end
  end
  while #list > 0 and list[#list].input[1] == "" do list[#list] = nil end -- the last prompt
  for _, step in ipairs(list) do
    while step.output[#step.output] == "" do step.output[#step.output] = nil end
  end
  return list
end

tour.block = block
tour.steps = tour.steps_of(block)

-- ---- comparing -------------------------------------------------------------------------------------------------------------

local function masked(text)
  return (text:gsub("[%d.]+%s+images/s", "N images/s"):gsub("[%d.]+ s %(%d+ %%", "N s (N %%"):gsub("[%d.]+%s+s%s+%(%d+%s+%%", "N s (N %%"))
end

function tour.words(text)
  local list = {}
  for word in masked(text):gmatch "%S+" do list[#list + 1] = word end
  return list
end

-- Equal, or numbers with equal text around them that differ by 2 % or two units of the last digit.
function tour.same(a, b)
  if a == b then return true end
  local x, y = a:match "%-?%d[%d.]*", b:match "%-?%d[%d.]*"
  if not x or not y or a:gsub("%-?%d[%d.]*", "", 1) ~= b:gsub("%-?%d[%d.]*", "", 1) then return false end
  local digits = math.max(#(x:match "%.(%d*)" or ""), 0)
  x, y = tonumber((x:gsub("%.$", ""))), tonumber((y:gsub("%.$", "")))
  return x ~= nil and y ~= nil and math.abs(x - y) <= math.max(2.01 * 10 ^ -digits, 0.02 * math.abs(x))
end

function tour.assert_same(got, want, where)
  local a, b = tour.words(got), tour.words(want)
  for i = 1, math.max(#a, #b) do
    if not a[i] or not b[i] or not tour.same(a[i], b[i]) then
      t.fail(("%s: expected '%s', got '%s' in:\n%s"):format(where, b[i], a[i], got))
    end
  end
end

-- The wide lines of a table hold every word of the narrow ones, in their order: columns were left out, nothing else.
function tour.assert_within(got, want, where)
  local a, b, at = tour.words(got), tour.words(want), 0
  for _, word in ipairs(a) do
    if word ~= "..." then
      repeat at = at + 1 until at > #b or tour.same(word, b[at])
      if at > #b then t.fail(("%s: '%s' is not in README's:\n%s\nbut in:\n%s"):format(where, word, want, got)) end
    end
  end
end

-- Every step of the session does what README's does; `narrow`: tables may lack columns.
function tour.compare(text, where, narrow)
  local got = tour.steps_of(text)
  t.assertEquals(#got, #tour.steps, where)
  for i, step in ipairs(tour.steps) do
    local name = ("%s, %s"):format(where, step.input[1])
    t.assertEquals((table.concat(got[i].input):gsub("%s", "")), (table.concat(step.input):gsub("%s", "")), name);
    (narrow and tour.assert_within or tour.assert_same)(table.concat(got[i].output, "\n"), table.concat(step.output, "\n"), name)
    t.assertEquals(#got[i].output > 0, #step.output > 0, name)
  end
end

-- Takes the folders away.
function tour.clean() os.execute(("rm -r '%s'"):format(top)) end

return tour
