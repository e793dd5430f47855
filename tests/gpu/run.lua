-- tests/gpu/run.sh where no GPU is: it packs, each part skips with its reason, and with the double as the plug-in a part runs and
-- is noted.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

local TOP = os.getenv "YOLUA_SOURCE" or "."
local BUILD = program.path:match "^(.*)/"
if core.files.kind(BUILD .. "/libyolua_cuda.so") ~= "file" then
  print "SKIP packing for a GPU machine: the CUDA plug-in was not built"
  os.exit(0)
end

local folder = os.tmpname()
os.remove(folder)
core.files.make_folder(folder)
local PACK, OUT = folder .. "/pack.tgz", folder .. "/out"

-- The script's exit status and what it printed, with `settings` in front of its environment.
local function script(settings, ...)
  local words = { "env", settings, ("'%s/tests/gpu/run.sh'"):format(TOP), ... }
  local pipe = io.popen(("%s 2>&1; echo status $?"):format(table.concat(words, " ")))
  local said = pipe:read "a"
  pipe:close()
  return tonumber(said:match "status (%d+)\n$"), said
end

TestRun = {}

function TestRun.test1_packs()
  local status, said = script("YOLUA_DATA=" .. folder .. "/none", "pack", BUILD, PACK)
  t.assertEquals(status, 0, said)
  t.assertStrContains(said, "SKIP data: " .. folder .. "/none is missing")
  t.assertTrue(#core.system.read(PACK) < 60e6)
end

function TestRun.test2_skipsVisibly()
  local status, said = script("YOLUA_CUDA_DOUBLE=no_driver", "run", PACK, OUT)
  t.assertEquals(status, 0, said)
  for part in ("suite goldens curve sanitizer inference training recipe"):gmatch "%a+" do
    t.assertStrContains(said, ("SKIP %s: this machine has no NVIDIA driver"):format(part))
  end
  t.assertEquals(core.system.read(OUT .. "/RUNS.md"), core.system.read(TOP .. "/tests/gpu/RUNS.md"))
end

function TestRun.test3_runsAndNotes()
  core.system.write(folder .. "/few", "layers/reorg\nlayers/nothing\n")
  local status, said = script(("YOLUA_SUITE=%s/few"):format(folder), "run", PACK, OUT, "suite", "goldens")
  t.assertEquals(status, 1, said)
  t.assertStrContains(said, "suite: FAILED: 6 tests pass; failed: ")
  t.assertStrContains(said, "SKIP goldens: the pack holds no data")
  local row = core.system.read(OUT .. "/RUNS.md"):sub(-200):match "\n(|[^\n]+)\n$"
  t.assertStrContains(row, "| Host double 0 | 13.0, CUDA 13.0 |")
  t.assertStrContains(row, "| suite | FAILED: 6 tests pass; failed: ") -- reorg in f32, bf16 and f16, forward, mma and loader
  t.assertStrContains(row, "bf16/layers/nothing")
  t.assertStrContains(core.system.read(OUT .. "/log"), "== suite: status 1")
end

function TestRun.test4_callsThatAreWrong()
  t.assertEquals((script("-", "run", PACK)), 2)
  local status, said = script("-", "run", PACK, OUT, "everything")
  t.assertEquals(status, 2)
  t.assertStrContains(said, "there is no part 'everything'; expected some of: suite goldens")
end

local code = t.LuaUnit.run()
os.execute(("rm -rf '%s'"):format(folder))
os.exit(code)
