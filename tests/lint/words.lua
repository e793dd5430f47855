-- What no file may hold: places of one machine, marks of unfinished work, tabs, blanks at line ends.
local t = require "luaunit"
local tree = require "support.tree"

TestWords = {}

local function everything(pattern)
  local list = {}
  for _, path in ipairs(tree.files(pattern)) do
    if not (path:find "%.weights$" or path:find "%.jpg$") then list[#list + 1] = path end -- numbers, no text
  end
  for _, name in ipairs { "CMakeLists.txt", "README.md", "CHANGELOG.md", ".ci/run" } do list[#list + 1] = name end
  return list
end

local PLACES = { "work", "tmp", "root", "home", "farm", "Users" } -- folders that differ from machine to machine

-- A place is named where its path starts, and continues below it; a fuzz seed may hold anything.
local function place_in(line, path)
  if path:find "^tests/fuzz/" then return end
  for _, place in ipairs(PLACES) do
    if (" " .. line):find("[%s\"'=(`:]/" .. place .. "/[%a.]") then return "names /" .. place .. "/, a place of one machine" end
  end
end

function TestWords.testPlaces()
  t.assertNotNil(place_in('open("/' .. 'tmp/x")', "a.c"))
  t.assertNil(place_in("a/" .. "tmp/x", "a.c"))
  t.assertEquals(tree.faults(everything(), place_in), {})
end

function TestWords.testUnfinishedWork()
  local marks = { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X" }
  t.assertEquals(tree.faults(everything(), function(line)
    for _, mark in ipairs(marks) do
      if line:find("%f[%w]" .. mark .. "%f[%W]") then return "says " .. mark end
    end
  end), {})
end

function TestWords.testBlanks()
  t.assertEquals(tree.faults(everything "%.[%l]+$", function(line)
    if line:find "[ \t\r]$" then return "ends in a blank" end
    if line:find "\t" then return "holds a tab" end
  end), {})
end

-- A formatter that reflows comments tears rules and formulas.
function TestWords.testTornComments()
  local function torn(line)
    if line:find "^ %* %-%-%-" then return "is the torn end of a section rule" end
    if line:find "%f[%w]new %*%a" then return "reads 'new' as C++ does" end
  end
  t.assertNotNil(torn " * ------ */")
  t.assertEquals(tree.faults(tree.files "%.[ch]$", torn), {})
end

-- Words that were once used for what the field has a term for, by the files that used them.
local PRIVATE = {
  ["runtime/kernels/yolo.c"] = { "judge", "verdict", "teach%a*", "taught", "pull" },
  ["runtime/kernels/region.c"] = { "teach%a*", "taught" },
  ["runtime/kernels/maxpool.c"] = { "seers" },
  ["runtime/kernels/avgpool.c"] = { "seers" },
  ["lua/yolua/train/training.lua"] = { "way_on", "session" },
  ["lua/yolua/train/trainer.lua"] = { "way_on", "[Ss]ession" },
  ["lua/yolua/report.lua"] = { "beneath" },
  ["lua/yolua/eval/protocols.lua"] = { "beneath" },
  ["lua/yolua/model.lua"] = { "still" },
  ["lua/yolua/policies/freeze.lua"] = { "still" },
  ["lua/yolua/options/suggestions.lua"] = { "meant" },
  ["lua/yolua/cli/inputs.lua"] = { "needs" },
  ["lua/yolua/report/matches.lua"] = { "marks" },
  ["runtime/eval/kitti.c"] = { "suspects?", "excused?" },
  ["runtime/eval/confusion.c"] = { "excused" },
  ["runtime/eval/voc.c"] = { "judge", "verdict" },
  ["runtime/eval/voc.h"] = { "beneath" },
  ["runtime/net/plan_steps.c"] = { "below", "counts" },
  ["runtime/net/plan_impl.h"] = { "below", "counts" },
  ["runtime/net/memory.c"] = { "below", "counts" },
  ["runtime/net/lend.c"] = { "who" },
  ["runtime/layers/layer.h"] = { "who" },
  ["runtime/tensor/tensor.h"] = { "who" },
  ["runtime/core/options.h"] = { "who" },
  ["runtime/bind/tree.c"] = { "who" },
}

function TestWords.testPrivateWords()
  local files = {}
  for path in pairs(PRIVATE) do files[#files + 1] = path end
  t.assertEquals(tree.faults(files, function(line, path)
    for _, word in ipairs(PRIVATE[path]) do
      local found = line:match("%f[%a](" .. word .. ")%f[%A]")
      if found then return ("says '%s'"):format(found) end
    end
  end), {})
end

-- Phrases that a native speaker would not write, and what to write instead. Each pattern is split, so that this file passes.
local STRANGE = {
  { "%f[%a]one'" .. "s own", "your own" }, { "%f[%a]one" .. "self%f[%A]", "yourself" }, { "%f[%a]by " .. "heart%f[%A]", "overfitting" },
  { "%f[%a]comes? " .. "along%f[%A]", "bundled" }, { "that are " .. "none%f[%A]", "invalid" }, { "that is " .. "none%f[%A]", "invalid" },
  { "lent for " .. "one call", "valid only during the call" }, { "memory is " .. "gone", "no longer valid" },
  { "no [%a ]- was " .. "named", "no ... given" }, { "nothing " .. "named", "without arguments" },
  { "%f[%a]go" .. "es on%f[%A]", "continues" }, { "%f[%a]go " .. "on%f[%A]", "continue" },
  { "the machine, " .. "over%f[%A]", "checks a data set and the machine" }, { "%f[%a]looks? [%a ]-set, .- " .. "over%f[%A]", "checks" },
  { "%f[%a]look%a* it " .. "over%f[%A]", "check it" }, { "data set " .. "looked over", "checks" },
}

local function strange(line)
  for _, pair in ipairs(STRANGE) do
    if (" " .. line):lower():find(pair[1]) then return ("says '%s'; write: %s"):format((" " .. line):lower():match(pair[1]), pair[2]) end
  end
end

function TestWords.testPlainEnglish()
  for _, line in ipairs { "In a Lua of one'" .. "s own", "few frames are learned by " .. "heart", "since no data set was " .. "named",
    "the network that comes " .. "along", "places that are " .. "none", "it was lent for " .. "one call", "a run go" .. "es on",
    "looks a data set, and the machine, " .. "over" } do t.assertNotNil(strange(line), line) end
  for _, line in ipairs { "everyone's owner", "precision over recall", "nil if there are none", "it going once", "cargo one",
    "no network is named here" } do t.assertNil(strange(line), line) end
  t.assertEquals(tree.faults(everything(), strange), {})
end

-- Entries of the changelog stand in its sections, once each.
function TestWords.testChangelog()
  local section, seen, faults = nil, {}, {}
  for line in tree.read("CHANGELOG.md"):gmatch "[^\n]+" do
    section = line:match "^### (.*)" or (not line:find "^## " and section or nil)
    if line:find "^%- " and not (section == "Added" or section == "Changed" or section == "Fixed") or line:find "^%-" and seen[line] then
      faults[#faults + 1] = "outside a section, or there twice: " .. line:sub(1, 60)
    end
    seen[line] = true
  end
  t.assertEquals(faults, {})
end

os.exit(t.LuaUnit.run())
