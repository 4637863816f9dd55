-- finish: session id, job id, attempt, outcome (done failed cancelled requeue), error, decode, infer, postprocess
-- in ms, ms that its worker was busy with it, how many objects -> 'ok', 'cancelled' when its user was quicker, whichever attempt this is, or
-- why nothing changed: 'stale' (another attempt has it, or it is finished), 'closed', or 'gone': there is no such job, in a session that may well
-- be there. A compare-and-set on (job, attempt). A job that went back to its queue and was not claimed again may still finish.
-- A second call, after a lost reply, changes nothing.

even_when_full()
local sid, jid, attempt, outcome = arg(1), arg(2), arg(3), arg(4)
local session, key = session_key(sid), job_key(sid, jid)
local j = call('HMGET', key, 'state', 'attempt', 'node', 'cancel')
local state = j[1]
if not state then return 'gone' end
if state == 'cancelled' then return 'cancelled' end
if j[2] ~= attempt then return 'stale' end
if state ~= 'running' and state ~= 'queued' then return state == outcome and 'ok' or 'stale' end

local no = refusal(sid)
if no or (outcome == 'requeue' and j[4] ~= '1') then
  put_back(sid, jid)
  settle()
  publish()
  return no and 'closed' or 'ok'
end

if j[4] == '1' then outcome = 'cancelled' end
let_go(sid, jid, j[3])
call('ZREM', session .. ':queue', jid)
if state == 'queued' then -- going back has taken from it when it started
  call('HSET', key, 'started', int(WALL - num(arg(6)) - num(arg(7)) - num(arg(8))))
end
call('HSET', key, 'error', arg(5), 'decode', arg(6), 'infer', arg(7), 'postprocess', arg(8))
over(sid, jid, outcome)
if outcome == 'done' then
  call('HSET', key, 'percent', 100, 'revision', 1, 'count', arg(10))
  record_mask(sid, jid)
  learn(sid, jid, num(arg(9)) / 1000)
end
record_job(sid, jid)
drop(sid, jid)
call('ZADD', SEEN, 'XX', int(NOW), sid)
note_work(sid)
leave_line(sid)
publish()
return outcome == arg(4) and 'ok' or outcome
