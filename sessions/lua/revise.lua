-- revise: session id, job id, the revision that is corrected, then of the one that follows: content, edit, count, options, and for its
-- event changed, removed, box -> {'ok', revision} | {'conflict', the newest revision}, or why not.
-- A compare-and-set on the revision. Blobs are stored before it; edit names one of them, so that a second call, after a lost reply, is
-- known and changes nothing.

local sid, jid, from, content, edit = arg(1), arg(2), arg(3), arg(4), arg(5)
local no = refusal(sid)
if no then return no end
local key = job_key(sid, jid)
local j = call('HMGET', key, 'state', 'revision', 'edit', 'drop')
if j[1] ~= 'done' or j[4] then return 'gone' end
if j[3] == edit then return {'ok', j[2]} end
if j[2] ~= from then return {'conflict', j[2]} end

local revision = int(num(from) + 1)
call('HSET', key, 'revision', revision, 'content', content, 'edit', edit, 'count', arg(6), 'options', arg(7))
call('XADD', revisions_key(sid, jid), revision .. '-0', 'at', int(WALL), 'by', call('HGET', session_key(sid), 'name'), 'content', content,
  'edit', edit, 'options', arg(7))
record(sid, {'type', 'edit', 'id', jid, 'revision', revision, 'changed', arg(8), 'removed', arg(9), 'box', arg(10)})
record_job(sid, jid)
call('ZADD', SEEN, 'XX', int(NOW), sid)
publish()
return {'ok', revision}
