-- authenticate: SHA-256 of a token -> {session id}, or why not. It writes nothing, so that it works while nothing can be
-- written.

local sid = call('GET', PREFIX .. 'token:' .. arg(1))
if not sid then return 'gone' end
return refusal(sid) or {sid}
