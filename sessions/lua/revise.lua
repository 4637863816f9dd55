-- revise: session id, job id, the revision that is corrected, then of the one that follows: content, edit, count, options, and for its
-- event changed, removed, box -> {'ok', revision} | {'conflict', the newest revision}, or why not.
-- A compare-and-set on the revision. Blobs are stored before it; edit names one of them, so that a second call, after a lost reply, is
-- known and changes nothing, also when other revisions have followed: who hears of a conflict deletes the blobs.

local sid, jid, from, content, edit = arg(1), arg(2), arg(3), arg(4), arg(5)
local no = refusal(sid)
if no then return no end
local key = job_key(sid, jid)
local j = call('HMGET', key, 'state', 'revision', 'drop')
if j[1] ~= 'done' or j[3] then return 'gone' end
local revision = int(num(from) + 1)
if j[2] ~= from then
  local made = call('XRANGE', revisions_key(sid, jid), revision .. '-0', revision .. '-0')[1]
  if made and made[2][8] == edit then return {'ok', revision} end
  return {'conflict', j[2]}
end

call('HSET', key, 'revision', revision, 'content', content, 'count', arg(6), 'options', arg(7))
call('XADD', revisions_key(sid, jid), revision .. '-0', 'at', int(WALL), 'by', call('HGET', session_key(sid), 'name'), 'content', content,
  'edit', edit, 'options', arg(7))
record(sid, {'type', 'edit', 'id', jid, 'revision', revision, 'changed', arg(8), 'removed', arg(9), 'box', arg(10)})
record_job(sid, jid)
call('ZADD', SEEN, 'XX', int(NOW), sid)
publish()
return {'ok', revision}
