-- revisions: session id, job id -> {entry...} of the revisions after the first, oldest first, or why not.

local sid, jid = arg(1), arg(2)
local no = refusal(sid)
if no then return no end
if call('EXISTS', job_key(sid, jid)) == 0 then return 'gone' end
return call('XRANGE', revisions_key(sid, jid), '-', '+')
