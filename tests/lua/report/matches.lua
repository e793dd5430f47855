-- Roles of drawn boxes: hits, misses, false alarms, regions that forgive.
local t = require "luaunit"
local matches = require "yolua.report.matches"

TestMarks = {}

local function roles(list)
  local count = {}
  for _, mark in ipairs(list) do count[mark.role] = (count[mark.role] or 0) + 1 end
  return count
end

function TestMarks.testRoles()
  local truths = {
    { class = "car", box = { 0, 0, 10, 10 } }, { class = "car", box = { 20, 0, 30, 10 } }, { class = "bus", box = { 50, 50, 60, 60 } },
    { class = "region", box = { 100, 100, 200, 200 }, ignore = true },
  }
  local dets = {
    { class = "car", score = 0.6, box = { 0, 0, 10, 9 } }, -- second best on the first car: a false alarm
    { class = "car", score = 0.9, box = { 0, 0, 10, 10 } },
    { class = "car", score = 0.8, box = { 50, 50, 60, 60 } }, -- another class
    { class = "car", score = 0.7, box = { 120, 120, 140, 140 } }, -- forgiven
    { class = "bus", score = 0.2, box = { 50, 50, 60, 60 } }, -- below conf
  }
  local list, hits, misses, alarms = matches.of(truths, dets, 0.25)
  t.assertEquals({ hits, misses, alarms }, { 1, 2, 2 })
  t.assertEquals(roles(list), { hit = 1, truth = 1, miss = 2, false_alarm = 2, ignore = 2 })
  t.assertEquals(list[#list].label, "car 0.60")
end

function TestMarks.testHalfIsEnough()
  local truths = { { class = "car", box = { 0, 0, 10, 10 } } }
  local function hits(x2)
    local _, hit = matches.of(truths, { { class = "car", score = 0.9, box = { 0, 0, x2, 10 } } })
    return hit
  end
  t.assertEquals({ hits(5), hits(4.9), hits(20), hits(20.1) }, { 1, 0, 1, 0 }) -- IoU 0.5 matches, less does not
end

function TestMarks.testEmpty()
  local list, hits, misses, alarms = matches.of({}, {})
  t.assertEquals({ #list, hits, misses, alarms }, { 0, 0, 0, 0 })
end

os.exit(t.LuaUnit.run())
