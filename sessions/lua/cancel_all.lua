-- cancel_all: session id, highest number or '' for what there is now, how many at once
-- -> {how many queued ones are left, highest number}, or why not.

even_when_full()
local sid, highest, limit = arg(1), arg(2), arg(3)
local key = session_key(sid)
local no = refusal(sid)
if no then return no end
if highest == '' then
  highest = call('HGET', key, 'number')
  for _, jid in ipairs(call('SMEMBERS', running_key(sid))) do request_cancel(sid, jid) end
end
local queue = key .. ':queue'
for _, jid in ipairs(call('ZRANGEBYSCORE', queue, '-inf', highest, 'LIMIT', 0, limit)) do withdraw(sid, jid) end
has_less_to_do(sid)
publish()
return {call('ZCOUNT', queue, '-inf', highest), highest}
