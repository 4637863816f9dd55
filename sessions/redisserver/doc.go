// Package redisserver finds the Redis that the hub keeps its state in, and gives a client of it.
//
//	a URL ------------------------------> that server            "external"
//	auto: REDIS_URL is set -------------> that server            "external"
//	auto: redis-server is on PATH ------> a child of this hub    "child"     unix socket, append-only file
//	auto: otherwise, and embedded ------> miniredis in process   "embedded"  nothing survives a restart
//
// Check looks whether Open would give one that takes writes, and keeps nothing.
//
// The child belongs to one hub: it listens on a unix socket alone, is started again when it dies, and dies with
// the hub, even with one that is killed.
package redisserver
