-- recipes/README.md: every schedule on the page is written to a file under the name in its first line, and run as the page says.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local tree = require "support.tree"

local top = program.tiny()
local names = {}
for block in tree.read("recipes/README.md"):gmatch "\n```lua\n(.-)```" do
  local name = block:match "^%-%- ([%w_]+%.lua)\n"
  if name then -- others are parts of a recipe
    core.system.write(top .. "/" .. name, block)
    names[#names + 1] = name
  end
end

TestReadme = {}

local function words(schedule, ...)
  return { cwd = top, "prune", "config=config.yaml", "schedule=" .. schedule, "data.limit=8", "epochs=1", "protocol=voc", "threads=2", ... }
end

function TestReadme.testNames()
  table.sort(names)
  t.assertEquals(names, { "forgiving.lua", "parts.lua", "patient.lua" })
end

function TestReadme.testTheyPrune()
  for _, name in ipairs(names) do
    local r = program.json(words(name, "rounds=4", "target=.8", "out=" .. top .. "/" .. name .. ".run"))
    t.assertTrue(r.sparsity > 0.01, name)
    t.assertTrue(#r.rounds >= 1 and #r.rounds <= 4, name)
  end
end

-- A network that loses nothing: what the page says of each.
function TestReadme.testDryRuns()
  local function shares(name, ...)
    local list = {}
    for i, r in ipairs(program.json(words(name, "dry_run=true", ...)).rounds) do list[i] = math.floor(100 * r.sparsity + 0.5) end
    return list
  end
  t.assertEquals(shares("forgiving.lua", "rounds=3"), { 2, 4, 6 })
  t.assertEquals(shares("parts.lua", "rounds=6", "target=.8"), { 15, 30, 74, 74, 80, 80 })
  t.assertEquals(shares("patient.lua", "rounds=3"), { 20, 20, 28 })
end

function TestReadme.testReplay()
  program.ok(words("linear", "rounds=2", "target=.5", "out=" .. top .. "/finished"))
  local out = program.ok { cwd = top, "-e", 'print(yl.prune.replay("finished", "forgiving.lua"))' }
  t.assertStrContains(out, "round")
  t.assertStrContains(out, "2.00 %")
end

local status = t.LuaUnit.run()
os.execute("rm -rf '" .. top .. "'")
os.exit(status)
