-- For wrk, from programs.py: counts the answers that are not 200 with this body, and says how many.
--   wrk ... -s wrk.lua URL -- BODY
local threads = {}

function setup(thread)
    threads[#threads + 1] = thread
end

function init(args)
    body, wrong = args[1], 0
end

function response(status, _, got)
    if status ~= 200 or got ~= body then
        wrong = wrong + 1
    end
end

function done(summary)
    local all = 0
    for _, thread in ipairs(threads) do
        all = all + thread:get("wrong")
    end
    local e = summary.errors
    print(string.format("answers %d us %d wrong %d errors %d", summary.requests, summary.duration,
        all, e.connect + e.read + e.write + e.timeout))
end
