package client

// then is what a client does after a close.
type then int

const (
	reconnect then = iota // with since
	wait                  // longer, then reconnect
	stop
)

// The rows of the contract's table of close codes that do not say reconnect.
var closes = map[int]struct {
	then   then
	code   string // of the Problem
	reason string
}{
	1000: {stop, "bye", "The hub said goodbye."},
	4401: {stop, CodeUnauthorized, "Not authorised: start a new session."},
	4404: {stop, CodeUnauthorized, "The session is closed."}, // as every later call will be told
	4409: {stop, "protocol_error", "The hub does not understand this client."},
	4429: {wait, "", "Too many connections: wait."},
}
