package meter

import (
	"testing"

	"meterd/dlt645"
)

// TestARecordHoldsNoPassword: what a command is told as goes into the ring, to
// every platform and into the log.
func TestARecordHoldsNoPassword(t *testing.T) {
	for point, want := range map[string]string{
		"04000C02": "04000C02 = (a password)", "04000c0a": "04000c0a = (a password)", "C212": "C212 = (a password)",
		"04000401": "04000401 = 12345678", "04000103": "04000103 = 12345678", "limit.power": "limit.power = 12345678", "C211": "C211 = 12345678",
	} {
		for _, op := range []Operation{OpSet, OpWrite} {
			if got := (Command{Op: op, Point: point, Value: "12345678"}).String(); got != want {
				t.Errorf("%s %s: told as %q, want %q", op, point, got, want)
			}
		}
	}
}

func TestWhatAMeterIsReachedBy(t *testing.T) {
	for text, want := range map[string]bool{
		"04000401": true, "04000402": false, "04000701": true, "04000705": true, "04000801": false,
		"04000C01": true, "04000C0A": true, "04000B01": false, "C212": true, "C211": false, "0401": false,
	} {
		di, err := dlt645.ParseDI(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := Reaches(di); got != want {
			t.Errorf("%s: got %v, want %v", text, got, want)
		}
	}
}
