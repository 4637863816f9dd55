-- authenticate: SHA-256 of a token -> {session id}, or why not.

local sid = call('GET', PREFIX .. 'token:' .. arg(1))
if not sid then return 'gone' end
local no = refusal(sid)
if no then return no end
call('ZADD', SEEN, int(NOW), sid)
return {sid}
