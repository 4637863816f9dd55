-- seen: ids of sessions that have a socket or have called.

even_when_full()
for i = 1, argc do call('ZADD', SEEN, 'XX', int(NOW), arg(i)) end
