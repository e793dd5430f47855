-- The sanitizers of this build (tests/CMakeLists.txt tells them), and how a test leaves out what cannot hold with them.
local sanitizer = { name = os.getenv "YOLUA_SANITIZED" or "" }

sanitizer.any = sanitizer.name ~= ""
sanitizer.threads = sanitizer.name:find "thread" ~= nil

-- In front of a call in the shell whose leaks are not asked for: in a sandbox LeakSanitizer cannot read what it needs, and Open MPI and
-- cuDNN leave blocks of libraries that they have closed by then, so that no suppression can name them.
sanitizer.no_leaks = 'ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=0"'

-- In front of ranks, likewise: ThreadSanitizer does not see how threads in Open MPI, which is not compiled with it, wait for each other.
sanitizer.ranks = sanitizer.no_leaks .. ' TSAN_OPTIONS="$TSAN_OPTIONS:ignore_noninstrumented_modules=1:detect_deadlocks=0"'

-- Seconds that something may take.
function sanitizer.patience(seconds) return sanitizer.any and 10 * seconds or seconds end

-- Ends the test as skipped in a build with sanitizers.
function sanitizer.skip(t, why) t.skipIf(sanitizer.any, ("-fsanitize=%s: %s"):format(sanitizer.name, why)) end

return sanitizer
