-- delete_image: session id, image id, how many jobs at once -> {how many jobs are left to do, job id...}: the jobs that are gone from the
-- lists now or, while their workers have them in hand, as soon as these hear; or why not.
-- Those who listen hear of each that it is cancelled and deleted, a finished one too.

even_when_full()
local sid, image, limit = arg(1), arg(2), num(arg(3))
local no = refusal(sid)
if no then return no end
local key = image_key(sid, image)
local ids = call('ZRANGE', key, 0, limit - 1)
for _, jid in ipairs(ids) do
  call('ZREM', key, jid)
  local state = call('HGET', job_key(sid, jid), 'state')
  if state then call('HSET', job_key(sid, jid), 'drop', '1') end
  if state == 'running' then
    request_cancel(sid, jid)
  elseif state then
    if state == 'queued' then
      call('ZREM', session_key(sid) .. ':queue', jid)
      over(sid, jid, 'cancelled')
    else
      call('HINCRBY', session_key(sid), state, -1)
      call('HINCRBY', session_key(sid), 'cancelled', 1)
      call('HSET', job_key(sid, jid), 'state', 'cancelled', 'error', '')
    end
    record_job(sid, jid)
    forget(sid, jid)
  end
end
has_less_to_do(sid)
publish()
return {call('ZCARD', key), unpack(ids)}
