-- get: session id -> the session as PUBLIC_SESSION, or why not.

local sid = arg(1)
return refusal(sid) or describe(sid)
