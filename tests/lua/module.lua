-- The plain module: a stock lua5.4 requires "yolua" and gets what the program gets; the process stays the host's.
local t = require "luaunit"
local core = require "yolua.core"
local program = require "support.program"

if not os.execute "command -v lua5.4 >/dev/null 2>&1" then
  print "SKIP lua5.4 is not installed"
  os.exit(0)
end

local folder = program.path:match "^(.*)/[^/]*$" .. "/lua"
local top = os.tmpname()
os.remove(top)
core.files.make_folder(top)

local function write(name, text)
  core.system.write(top .. "/" .. name, text)
  return top .. "/" .. name
end

-- The stock interpreter on a script, from the source folder: its status and what it printed on both streams.
local function lua(code, words, environment)
  local script = write("script.lua", code)
  local pipe = io.popen(("cd '%s' && env -u OMP_WAIT_POLICY %s LUA_PATH='%s/?/init.lua' LUA_CPATH='%s/?.so' lua5.4 '%s' %s 2>&1"):format(
    program.source, environment or "", folder, folder, script, words or ""))
  local said = pipe:read "a"
  local _, _, status = pipe:close()
  return status, said
end

local MODEL = { "cfg=recipes/models/street.cfg", "weights=recipes/models/street.weights", "names=recipes/models/street.names" }

TestModule = {}

function TestModule:testPredictsAsTheProgramDoes()
  local image = top .. "/000001.png"
  core.scene.write({ seed = 7, index = 1, style = "source" }, image)
  local words = { "predict", "source=" .. image, "conf=.05", "json=true", table.unpack(MODEL) }
  local expected = program.ok(words)
  local status, said = lua(([[
    local yl = require "yolua"
    local model = yl.load { cfg = "recipes/models/street.cfg", weights = "recipes/models/street.weights",
      names = "recipes/models/street.names" }
    local results = {}
    yl.detect(model, { "%s" }, { conf = 0.05 }, function(_, found)
      local width, height = yl.core.image.probe "%s"
      results[1] = { image = "%s", width = width, height = height, detections = found }
    end)
    print(yl.core.json.encode(results))]]):format(image, image, image))
  t.assertEquals(said, expected)
  t.assertEquals(status, 0)
  t.assertTrue(#core.json.decode(expected)[1].detections > 0)
end

function TestModule:testInstallsNoHandlerAndNoSecondLua()
  local status, said = lua [[
    local function caught() return io.open "/proc/self/status":read "a":match "SigCgt:%s*(%x+)" end
    local before = caught()
    require "yolua"
    io.write(before == caught() and "same" or "other")]]
  t.assertEquals({ status, said }, { 0, "same" })
  local f <close> = assert(io.open(folder .. "/yolua/runtime.so", "rb"))
  t.assertNil(f:read "a":find("$LuaVersion:", 1, true))
end

function TestModule:testThreadsSoonSleepUnlessToldOtherwise()
  local code = 'require "yolua" io.write(tostring(os.getenv "GOMP_SPINCOUNT"), "\\n")'
  local status, said = lua(code, "", "-u GOMP_SPINCOUNT OMP_DISPLAY_ENV=verbose")
  t.assertEquals(status, 0)
  if said:find "OMP_" then t.assertStrContains(said, "GOMP_SPINCOUNT = '300'") end -- a build with OpenMP
  t.assertStrMatches(said, ".*nil\n") -- children of the host do not inherit it
  t.assertStrMatches(select(2, lua(code, "", "GOMP_SPINCOUNT=7")), ".*7\n")
end

function TestModule:testFailuresAndWarnings()
  local _, said = lua 'print(pcall(function() return require("yolua").zreos end))'
  t.assertStrContains(said, "script.lua:1: yl has no 'zreos', did you mean 'zeros'?")
  _, said = lua 'require("yolua").core.system.warn "look out"'
  t.assertEquals(said, "yolua: warning: look out\n")
  local status
  status, said = lua 'require("yolua").load { cfg = "/nowhere.cfg" }'
  t.assertEquals(status, 1)
  t.assertStrContains(said, "script.lua:1: cannot open /nowhere.cfg")
end

-- A recipe under the stock interpreter takes the same words.
function TestModule:testRecipesTakeTheirWords()
  local recipe = [[
    local o = require("yolua").options { epochs = 3, optim = { lr = 0.5 } }
    print(o.epochs, o.optim.lr, require("yolua.options.table").origin(o, "epochs"))]]
  t.assertStrMatches(select(2, lua(recipe)), "3\t0.5\t.*script.lua:1\n")
  t.assertEquals(select(2, lua(recipe, "epochs=4 optim.lr=.25")), "4\t0.25\tcommand line\n")
  local status, said = lua(recipe, "epoch=4")
  t.assertEquals(status, 1)
  t.assertStrContains(said, "script.lua has no option 'epoch', did you mean 'epochs'?")
  t.assertEquals(select(2, lua("dofile '" .. write("recipe.lua", recipe) .. "'", "epochs=4")):match "^%d", "3") -- not its words
end

local result = t.LuaUnit.run()
os.execute(("rm -rf '%s'"):format(top))
os.exit(result)
