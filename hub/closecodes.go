package hub

import (
	_ "embed" // closecodes.json
	"encoding/json"
	"fmt"
)

// CloseCode says why a socket was closed.
type CloseCode int

// The close codes of the contract, and 1011 for a failure of the server. closecodes.json, which the clients share, says what each means and what
// a client does after it.
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

//go:embed closecodes.json
var closeCodesJSON []byte

// reasons are the sentences of closecodes.json, by their codes.
var reasons = func() map[CloseCode]string {
	var table []struct {
		Code   CloseCode `json:"code"`
		Reason string    `json:"reason"` // at most 123 bytes: it travels in the close frame
	}
	if err := json.Unmarshal(closeCodesJSON, &table); err != nil {
		panic(fmt.Sprintf("hub: closecodes.json: %v", err))
	}
	reasons := make(map[CloseCode]string, len(table))
	for _, row := range table {
		reasons[row.Code] = row.Reason
	}
	return reasons
}()

// reason is the table's sentence for code; empty for a code that a peer made up.
func (code CloseCode) reason() string { return reasons[code] }
