-- close: session id, ms without sockets and work after which it may be closed ('' closes it whatever it does),
-- seconds for which its token goes on saying so -> 'ok', 'kept', or why not.
-- Its queue is cancelled without a word for each job, its running jobs are asked to stop; sweep.lua deletes them.

local sid, unseen, remember = arg(1), arg(2), arg(3)
local key = session_key(sid)
local no = refusal(sid)
if no then return no end
if unseen ~= '' and (has_work(sid) or NOW - num(call('ZSCORE', SEEN, sid)) < num(unseen)) then return 'kept' end

for _, jid in ipairs(call('SMEMBERS', running_key(sid))) do request_cancel(sid, jid) end
release(sid)
call('ZREM', LINE, sid)
call('ZREM', SEEN, sid)
call('SADD', CLOSING, sid)
call('HINCRBY', key, 'cancelled', queued(sid))
call('HSET', key, 'state', 'closed', 'queued', 0, 'ticket', '')
call('DEL', key .. ':queue')
record_session(sid)
settle()
call('EXPIRE', key, remember)
call('EXPIRE', key .. ':log', remember)
call('EXPIRE', PREFIX .. 'token:' .. call('HGET', key, 'token'), remember)
wake = true
publish()
return 'ok'
