package dlt645

import "testing"

// TestSEQ: only a good follow-up frame of 2007 has a number, behind its
// identifier.
func TestSEQ(t *testing.T) {
	for _, c := range []struct {
		control Control
		data    string
		seq     byte
		ok      bool
		payload string
	}{
		{0x12, "00FF0102 07", 7, true, ""},
		{0x92, "00FF0102 2211 09", 9, true, "2211"},
		{0xB2, "00FF0102 2211 09", 9, true, "2211"},
		{0x92, "00FF0102", 0, false, ""},
		{0x92, "00FF01", 0, false, "00FF01"},
		{0x92, "", 0, false, ""},
		{0xD2, "0102030405", 0, false, "0102030405"},
		{0x91, "00FF0102 2211 09", 0, false, "221109"},
		{0x82, "10C0 2211 09", 0, false, "221109"},
	} {
		f := Frame{Control: c.control, Data: unhexed(t, c.data)}
		if seq, ok := f.SEQ(); seq != c.seq || ok != c.ok {
			t.Errorf("%02X with %s: number %d, %v, want %d, %v", byte(c.control), c.data, seq, ok, c.seq, c.ok)
		}
		if got := f.Payload(); string(got) != string(unhexed(t, c.payload)) {
			t.Errorf("%02X with %s: payload %X, want %s", byte(c.control), c.data, got, c.payload)
		}
	}
}
