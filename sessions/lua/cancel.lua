-- cancel: session id, job id -> 'ok', or why not. Queued: cancelled now. Running: asked to stop. Finished: nothing.

even_when_full()
local sid, jid = arg(1), arg(2)
local no = refusal(sid)
if no then return no end
local state = call('HGET', job_key(sid, jid), 'state')
if not state then return 'gone' end
if state == 'queued' then
  withdraw(sid, jid)
  has_less_to_do(sid)
elseif state == 'running' then
  request_cancel(sid, jid)
end
publish()
return 'ok'
