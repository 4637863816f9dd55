package hub

import (
	_ "embed" // closecodes.json
	"encoding/json"
	"fmt"
)

// CloseCode says why a socket was closed.
type CloseCode int

// The close codes of the contract, and 1011 for a failure of the server. closecodes.json, which the web
// client imports too, says what each means.
const (
	CloseBye           CloseCode = 1000
	CloseGoingAway     CloseCode = 1001
	CloseInternal      CloseCode = 1011
	CloseUnauthorized  CloseCode = 4401
	CloseSessionClosed CloseCode = 4404
	CloseTooSlow       CloseCode = 4408
	CloseProtocol      CloseCode = 4409
	CloseTooMany       CloseCode = 4429
)

// Then is what a client does after a close.
type Then string

// What a client may do after a close.
const (
	Stop      Then = "stop"
	Reconnect Then = "reconnect" // with since
	Wait      Then = "wait"      // longer than for Reconnect, then reconnect
)

// Close is one row of the table of close codes.
type Close struct {
	Code   CloseCode `json:"code"`
	Name   string    `json:"name"`
	Reason string    `json:"reason"` // at most 123 bytes: it travels in the close frame
	Then   Then      `json:"then"`
}

//go:embed closecodes.json
var closeCodesJSON []byte

var closeCodes = func() []Close {
	var table []Close
	if err := json.Unmarshal(closeCodesJSON, &table); err != nil {
		panic(fmt.Sprintf("hub: closecodes.json: %v", err))
	}
	return table
}()

// CloseCodes is the table of close codes that server and web client share.
func CloseCodes() []Close { return append([]Close(nil), closeCodes...) }

// reason is the table's sentence for code; empty for a code that a peer made up.
func (code CloseCode) reason() string {
	for _, c := range closeCodes {
		if c.Code == code {
			return c.Reason
		}
	}
	return ""
}
