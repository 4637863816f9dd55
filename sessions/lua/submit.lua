-- submit: session id, most jobs that may be queued, then for each job: id, model, image, width, height, spec
-- -> {when}, or why not: 'gone', 'closed', 'full'. All jobs or none.
-- A second call with the same ids, after a lost reply, changes nothing.

local sid, most = arg(1), num(arg(2))
local key = session_key(sid)
local no = refusal(sid)
if no then return no end

local known = call('HGET', job_key(sid, arg(3)), 'created')
if known then return {known} end

local jobs = (argc - 2) / 6
if queued(sid) + jobs > most then return 'full' end
for i = 0, jobs - 1 do
  local at = 3 + i * 6
  local jid = arg(at)
  local number = int(call('HINCRBY', key, 'number', 1))
  call('HSET', job_key(sid, jid), 'id', jid, 'number', number, 'model', arg(at + 1), 'image', arg(at + 2),
    'width', arg(at + 3), 'height', arg(at + 4), 'spec', arg(at + 5), 'state', 'queued', 'stage', '', 'percent', 0,
    'error', '', 'created', int(WALL), 'started', '', 'finished', '', 'decode', '', 'infer', '', 'postprocess', '',
    'attempt', 0, 'cancel', '', 'node', '', 'deaths', 0, 'died', '')
  call('ZADD', key .. ':queue', number, jid)
  call('ZADD', key .. ':jobs', number, jid)
  record_job(sid, jid)
end
call('ZADD', SEEN, int(NOW), sid)
note_work(sid)
place(sid)
wake = true
publish()
return {int(WALL)}
