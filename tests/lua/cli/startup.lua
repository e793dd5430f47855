-- How the program starts: what OpenMP's threads are told, and that nothing of the call is lost on the way.
local t = require "luaunit"

local program = os.getenv "YOLUA_PROGRAM"

local function said(environment, code)
  local pipe <close> = io.popen(("env -u OMP_WAIT_POLICY -u GOMP_SPINCOUNT %s %s -e '%s'"):format(environment, program, code))
  return pipe:read "a"
end

local SPINS = 'io.write(tostring(os.getenv "GOMP_SPINCOUNT"))'

TestStartup = {}

function TestStartup.testThreadsSoonSleepUnlessToldOtherwise()
  t.assertEquals(said("", SPINS), "300")
  t.assertEquals(said("OMP_WAIT_POLICY=active", SPINS), "nil")
  t.assertEquals(said("GOMP_SPINCOUNT=100", SPINS), "100")
  t.assertEquals(said("GOMP_SPINCOUNT_=x", SPINS), "300")
end

function TestStartup.testTheCallArrivesWhole()
  t.assertEquals(said("YOLUA_X='a b'", 'io.write(os.getenv "YOLUA_X", " ", 1 + 1)'), "a b 2")
  t.assertEquals(said("-i", SPINS), "300")
  t.assertEquals(said("", 'io.write(io.open("/proc/self/comm"):read "a")'), "yolua\n")
end

os.exit(t.LuaUnit.run())
