package hub

import (
	"slices"
	"testing"
)

func TestCloseCodesAreThoseOfTheConstants(t *testing.T) {
	want := map[CloseCode]Then{
		CloseBye:           Stop,
		CloseGoingAway:     Reconnect,
		CloseInternal:      Reconnect,
		CloseUnauthorized:  Stop,
		CloseSessionClosed: Stop,
		CloseTooSlow:       Reconnect,
		CloseProtocol:      Stop,
		CloseTooMany:       Wait,
	}
	table := CloseCodes()
	if len(table) != len(want) {
		t.Errorf("%d rows, want %d", len(table), len(want))
	}
	if !slices.IsSortedFunc(table, func(a, b Close) int { return int(a.Code - b.Code) }) {
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
		if row.Reason == "" || len(row.Reason) > 123 {
			t.Errorf("%d: reason of %d bytes", row.Code, len(row.Reason))
		}
	}
}
