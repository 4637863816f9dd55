-- sweep: id of a closed session, how many jobs at once -> 'busy' while one of its jobs runs, 'more', or 'clean'
-- when every job is deleted. The session stays in CLOSING until its files are deleted too.

even_when_full()
local sid, limit = arg(1), num(arg(2))
if call('EXISTS', running_key(sid)) == 1 then return 'busy' end
local jobs = session_key(sid) .. ':jobs'
local ids = call('ZRANGE', jobs, 0, limit - 1)
for _, jid in ipairs(ids) do
  call('DEL', image_key(sid, call('HGET', job_key(sid, jid), 'image') or ''))
  call('DEL', job_key(sid, jid), revisions_key(sid, jid))
end
call('ZREMRANGEBYRANK', jobs, 0, limit - 1)
if call('EXISTS', jobs) == 1 then return 'more' end
call('DEL', session_key(sid) .. ':keys', session_key(sid) .. ':left')
return 'clean'
