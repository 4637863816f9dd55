-- open: session id, since ('' for none), the epoch of since ('' where the client does not know), how many jobs
-- -> {session, 1 when resumed, jobs newest first, epoch}, or why not.
-- The moment at which a subscription begins. A session that connects gets a free slot if nobody waits. It is
-- resumed when the log is of the same epoch and reaches back to since, and then the jobs are left out. While nothing can be written it only reads.

local sid, since, known, limit = arg(1), arg(2), arg(3), num(arg(4))
local key = session_key(sid)
local no = refusal(sid)
if no then return no end
local refused = redis.pcall('ZADD', SEEN, int(NOW), sid)
if type(refused) == 'number' and call('HGET', key, 'state') == 'idle' then reserve(sid) end

local seq = num(call('HGET', key, 'seq'))
local first = call('XRANGE', key .. ':log', '-', '+', 'COUNT', 1)[1]
first = first and num(string.match(first[1], '^%d+')) or seq + 1
local now = epoch()
local resumed = since ~= '' and (known == '' or known == now) and num(since) <= seq and num(since) + 1 >= first

local jobs = {}
if not resumed then
  for i, jid in ipairs(call('ZREVRANGE', key .. ':jobs', 0, limit - 1)) do
    jobs[i] = call('HMGET', job_key(sid, jid), unpack(PUBLIC_JOB))
  end
end
publish()
return {describe(sid), resumed and 1 or 0, jobs, now}
