-- Data that change under a training: the folder vanishes, or a frame turns bad, in its second epoch. One sentence names the picture; with
-- the data back, the run continues to the bytes of an undisturbed one.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"
local files = core.files

local top = program.tiny()

-- Trains three epochs of two steps; in step `at` the shell's `command` runs in the top folder.
local RECIPE = [[
local yl = require "yolua"
local o = yl.options {}
local run <close> = yl.run(o)
local data, net = yl.data(o.data), yl.load { cfg = o.cfg, names = o.names, seed = 3 }
local trouble = { name = "trouble", on = { step = function(_, t)
  if t.step == 3 and not run.resumed then os.execute "cd 'TOP' && COMMAND" end
end } }
yl.train { net = net, data = data, run = run, options = o, yl.keep.best "dev_loss", trouble }
]]

local function train(name, command, ...)
  local path = ("%s/%s.lua"):format(top, name)
  core.system.write(path, (RECIPE:gsub("%u%u%u+", { TOP = top, COMMAND = command })))
  return program.run { path, "config=" .. top .. "/config.yaml", "threads=1", "data.limit=8", "data.workers=1", "data.cache=0", "epochs=3",
    "batch=4", "seed=5", "out=" .. top .. "/" .. name, ... }
end

local function hash(name) return files.hash(("%s/%s/last.safetensors"):format(top, name)) end

TestData = {}

local function refused_and_resumed(name, command, sentence, mend)
  if not files.kind(top .. "/whole") then t.assertEquals(train("whole", "true"), 0) end
  local status, _, err = train(name, command)
  t.assertEquals(status, 1)
  t.assertStrMatches(err:gsub("yolua: warning: [^\n]*\n", ""), "yolua: [^\n]*" .. sentence .. "\n")
  t.assertNotNil(files.kind(("%s/%s/last.safetensors"):format(top, name)))
  os.execute(("cd '%s' && %s"):format(top, mend))
  local again, _, complaint = program.run { ("%s/%s.lua"):format(top, name), "resume=" .. top .. "/" .. name }
  t.assertEquals(again, 0, complaint)
  t.assertEquals(hash(name), hash "whole")
end

function TestData.testTheDataSetVanishes()
  refused_and_resumed("vanished", "mv data gone", "cannot open [^\n]*/image_2/%d+%.png: No such file or directory", "mv gone data")
end

function TestData.testAFrameTurnsBad()
  refused_and_resumed("bad", "cp -r data kept; for f in data/training/image_2/*; do head -c 100 kept/training/image_2/${f##*/} >$f; done",
    "[^\n]*/image_2/%d+%.png: a damaged or unusual PNG: [^\n]*", "rm -r data; mv kept data")
end

local status = t.LuaUnit.run()
os.execute(("rm -r '%s'"):format(top))
os.exit(status)
