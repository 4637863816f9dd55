-- close: session id, '1' when it may be closed only if it has expired, seconds for which its token goes on saying so, the
-- call's own id -> 'ok', 'kept', or why not. A second call with the same id, after a lost reply, changes nothing.
-- Its queue is cancelled without a word for each job, its running jobs are asked to stop; sweep.lua deletes them.

even_when_full()
local sid, expired, remember, closer = arg(1), arg(2) == '1', arg(3), arg(4)
local key = session_key(sid)
if call('HGET', key, 'closer') == closer then return 'ok' end
local no = refusal(sid)
if no then return no end
if expired and (has_work(sid) or NOW - num(call('ZSCORE', SEEN, sid)) < TTL) then return 'kept' end

for _, jid in ipairs(call('SMEMBERS', running_key(sid))) do request_cancel(sid, jid) end
release(sid)
call('ZREM', LINE, sid)
post('wait ' .. sid)
call('ZREM', SEEN, sid)
call('SADD', CLOSING, sid)
call('HINCRBY', key, 'cancelled', queued(sid))
call('DEL', key .. ':queue', key .. ':load')
call('HSET', key, 'state', 'closed', 'ticket', '', 'closer', closer)
record_session(sid)
settle()
call('EXPIRE', key, remember)
call('EXPIRE', key .. ':log', remember)
call('EXPIRE', PREFIX .. 'token:' .. call('HGET', key, 'token'), remember)
call_help()
publish()
return 'ok'
