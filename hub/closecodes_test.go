package hub

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestCloseCodesAreThoseOfTheConstants(t *testing.T) {
	want := map[CloseCode]string{
		CloseBye:           "stop",
		CloseGoingAway:     "reconnect",
		CloseInternal:      "reconnect",
		CloseUnauthorized:  "stop",
		CloseSessionClosed: "stop",
		CloseTooSlow:       "reconnect",
		CloseProtocol:      "stop",
		CloseTooMany:       "wait",
	}
	type row struct {
		Code         CloseCode
		Name, Reason string
		Then         string // what a client does
	}
	var table []row
	if err := json.Unmarshal(closeCodesJSON, &table); err != nil {
		t.Fatal(err)
	}
	if len(table) != len(want) {
		t.Errorf("%d rows, want %d", len(table), len(want))
	}
	if !slices.IsSortedFunc(table, func(a, b row) int { return int(a.Code - b.Code) }) {
		t.Error("the table is not sorted")
	}
	names := map[string]bool{}
	for _, row := range table {
		if then, known := want[row.Code]; !known || row.Then != then {
			t.Errorf("%d: then %q, want %q", row.Code, row.Then, then)
		}
		if row.Name == "" || names[row.Name] {
			t.Errorf("%d: name %q is empty or taken", row.Code, row.Name)
		}
		names[row.Name] = true
		// RFC 6455 leaves 123 bytes for the reason.
		if reason := row.Code.reason(); reason == "" || reason != row.Reason || len(reason) > 123 {
			t.Errorf("%d: the reason %q of %d bytes", row.Code, reason, len(reason))
		}
	}
}
