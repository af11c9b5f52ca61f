package dlt645test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"meterd/dlt645"
)

var (
	unit  = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}
	noon  = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	owner = dlt645.Access{Password: DefaultPassword, Operator: dlt645.Operator{0x11, 0x22, 0x33, 0x44}}
	thief = dlt645.Access{Password: dlt645.Password{0x02, 0, 0, 0}}
)

func must(t *testing.T) func(dlt645.Frame, error) dlt645.Frame {
	return func(f dlt645.Frame, err error) dlt645.Frame {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
}

// ask sends a request through the wire format and back.
func ask(t *testing.T, m *Meter, req dlt645.Frame, at time.Time) (dlt645.Frame, bool) {
	t.Helper()
	ans, ok := m.Answer(req, at)
	if !ok {
		return ans, false
	}
	if !ans.Answers(req) {
		t.Errorf("%+v is no answer to %+v", ans, req)
	}
	if len(ans.Data) > dlt645.MaxReadData {
		t.Errorf("an answer of %d bytes", len(ans.Data))
	}
	if _, ok := ans.Parts(nil); !ok {
		t.Errorf("no layout fits the answer %+v", ans)
	}
	return ans, true
}

// TestEachFunction asks for every function of both editions, rightly and
// wrongly.
func TestEachFunction(t *testing.T) {
	di := func(code uint32) dlt645.DI { return dlt645.DI{Code: code} }
	old := func(code uint32) dlt645.DI { return dlt645.DI{Protocol: dlt645.V1997, Code: code} }
	other := dlt645.Address{0, 0, 0, 0, 0, 9}
	m := must(t)
	voltage := []byte{0x01, 0x22}
	for _, c := range []struct {
		name    string
		edition dlt645.Protocol
		req     dlt645.Frame
		want    string // control and data of the answer in hexadecimal; ".." for what varies; "" for silence
	}{
		{"read", 0, dlt645.ReadRequest(unit, di(0x02010100)), "91 000101020122"},
		{"read what it lacks", 0, dlt645.ReadRequest(unit, di(0x02FF0000)), "D1 02"},
		{"read of another meter", 0, dlt645.ReadRequest(other, di(0x02010100)), ""},
		{"read with an abbreviated address", 0, dlt645.ReadRequest(dlt645.Address{0xAA, 0xAA, 0xAA, 0xAA, 0x01, 0x01}, di(0x02010100)), "91 000101020122"},
		{"read load record", 0, dlt645.LoadRequest(unit, di(0x06010000), 1, time.Time{}), "91 00000106A0A0.."},
		{"read load record at a time", 0, dlt645.LoadRequest(unit, di(0x06000001), 2, noon.Add(-time.Hour)), "B1 01000006A0A0.."},
		{"read address", 0, dlt645.AddressRequest(), "93 010120112420"},
		{"write", 0, m(dlt645.WriteRequest(unit, di(0x04000103), owner, []byte{0x30})), "94 "},
		{"write with a wrong password", 0, m(dlt645.WriteRequest(unit, di(0x04000103), thief, []byte{0x30})), "D4 04"},
		{"write of a wrong width", 0, m(dlt645.WriteRequest(unit, di(0x04000103), owner, []byte{0x30, 0x00})), "D4 01"},
		{"write to all", 0, m(dlt645.WriteRequest(dlt645.AnyAddress, di(0x04000103), owner, []byte{0x30})), ""},
		{"write address", 0, dlt645.WriteAddressRequest(dlt645.V2007, other), "95 "},
		{"authenticate", 0, dlt645.AuthenticateRequest(unit, di(0x070000FF), owner.Operator, make([]byte, 16)), "C3 0800"},
		{"freeze", 0, dlt645.FreezeRequest(unit, dlt645.Freeze{}), "96 "},
		{"freeze all", 0, dlt645.FreezeRequest(dlt645.BroadcastAddress, dlt645.Freeze{}), ""},
		{"baud", 0, m(dlt645.BaudRequest(unit, 0, 9600)), "97 20"},
		{"baud with two bits", 0, dlt645.Frame{Address: unit, Control: 0x17, Data: []byte{0x0C}}, "D7 08"},
		{"password", 0, dlt645.PasswordRequest(unit, di(0x04000C03), DefaultPassword, dlt645.Password{0x02, 1, 2, 3}), "98 02010203"},
		{"password with a wrong one", 0, dlt645.PasswordRequest(unit, di(0x04000C03), thief.Password, dlt645.Password{0x02, 1, 2, 3}), "D8 04"},
		{"demand reset", 0, dlt645.DemandResetRequest(unit, 0, owner), "99 "},
		{"demand reset by a thief", 0, dlt645.DemandResetRequest(unit, 0, thief), "D9 04"},
		{"meter clear", 0, dlt645.MeterClearRequest(unit, owner), "9A "},
		{"event clear", 0, dlt645.EventClearRequest(unit, owner, dlt645.AllEvents), "9B "},
		{"trip", 0, dlt645.ControlRequest(unit, owner, dlt645.CommandTrip, noon.Add(time.Minute)), "9C "},
		{"trip past its deadline", 0, dlt645.ControlRequest(unit, owner, dlt645.CommandTrip, noon.Add(-time.Second)), "DC 01"},
		{"trip by a thief", 0, dlt645.ControlRequest(unit, thief, dlt645.CommandTrip, noon.Add(time.Minute)), "DC 04"},
		{"output", 0, dlt645.OutputRequest(unit, dlt645.OutputTariff), "9D 02"},
		{"broadcast time", 0, dlt645.TimeBroadcast(noon), ""},
		{"a read of 1997", 0, dlt645.ReadRequest(unit, old(0x9010)), ""},

		{"97 read", 1, dlt645.ReadRequest(unit, old(0xB611)), "81 11B62002"},
		{"97 read block", 1, dlt645.ReadRequest(unit, old(0x901F)), "81 1F90.."},
		{"97 read what it lacks", 1, dlt645.ReadRequest(unit, old(0x90FF)), "C1 02"},
		{"97 reread", 1, dlt645.RereadRequest(unit), "83 11B62002"},
		{"97 write", 1, m(dlt645.WriteRequest(unit, old(0xC033), owner, make([]byte, 6))), "84 "},
		{"97 write with a wrong password", 1, m(dlt645.WriteRequest(unit, old(0xC033), thief, make([]byte, 6))), "C4 04"},
		{"97 write address", 1, dlt645.WriteAddressRequest(dlt645.V1997, other), "8A "},
		{"97 baud", 1, m(dlt645.BaudRequest(unit, dlt645.V1997, 2400)), "8C 08"},
		{"97 password", 1, dlt645.PasswordRequest(unit, old(0), DefaultPassword, dlt645.Password{0, 1, 2, 3}), "8F 00010203"},
		{"97 demand reset", 1, dlt645.DemandResetRequest(unit, dlt645.V1997, owner), "90 "},
		{"97 broadcast time", 1, dlt645.TimeBroadcast(noon), ""},
		{"97 a read of 2007", 1, dlt645.ReadRequest(unit, di(0x02010100)), ""},
		{"97 read address of 2007", 1, dlt645.AddressRequest(), ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			mt := NewMeter(unit, 3)
			mt.Set(0x02010100, voltage)
			if c.edition == 1 {
				mt = NewMeter97(unit, 3)
				mt.Set(0xB611, []byte{0x20, 0x02})
				mt.Set(0xC033, make([]byte, 6))
				mt.Answer(dlt645.ReadRequest(unit, old(0xB611)), noon)
			}
			ans, ok := ask(t, mt, c.req, noon)
			got := ""
			if ok {
				got = fmt.Sprintf("%02X %X", byte(ans.Control), ans.Data)
			}
			want, open := bytes.CutSuffix([]byte(c.want), []byte(".."))
			if got != c.want && !(open && bytes.HasPrefix([]byte(got), want)) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestStateThatRequestsLeave follows what functions change.
func TestStateThatRequestsLeave(t *testing.T) {
	m := NewMeter(unit, 3)
	m.Quirks.TripDelay = 3 * time.Second
	read := func(code uint32, at time.Time) string {
		t.Helper()
		di := dlt645.DI{Code: code}
		ans, ok := ask(t, m, dlt645.ReadRequest(unit, di), at)
		if !ok || ans.Control.Refusal() {
			return fmt.Sprintf("%v", ans.Refusal())
		}
		items, err := dlt645.Decode(nil, di, ans.Payload())
		if err != nil {
			t.Fatal(err)
		}
		return items[0].Value.String()
	}
	do := func(f dlt645.Frame, at time.Time) {
		t.Helper()
		if ans, ok := ask(t, m, f, at); !ok || ans.Control.Refusal() {
			t.Fatalf("%+v: %v", f, ans.Refusal())
		}
	}
	steps := []struct {
		name string
		do   func()
		code uint32
		at   time.Time
		want string
	}{
		{"closed", nil, 0x04000503, noon, "0000"},
		{"commanded open", func() {
			do(dlt645.ControlRequest(unit, owner, dlt645.CommandTrip, noon.Add(time.Minute)), noon)
		}, 0x04000503, noon.Add(time.Second), "0040"},
		{"open", nil, 0x04000503, noon.Add(3 * time.Second), "0050"},
		{"counted", nil, 0x1D000001, noon.Add(3 * time.Second), "1"},
		{"its time", nil, 0x1D000101, noon.Add(3 * time.Second), "2026-11-20 12:00:03"},
		{"closed again", func() {
			do(dlt645.ControlRequest(unit, owner, dlt645.CommandClose, noon.Add(time.Minute)), noon.Add(10*time.Second))
		}, 0x04000503, noon.Add(10 * time.Second), "0000"},
		{"protected", func() {
			do(dlt645.ControlRequest(unit, owner, dlt645.CommandProtect, noon.Add(time.Minute)), noon.Add(10*time.Second))
		}, 0x04000503, noon.Add(10 * time.Second), "1000"},
		{"written", func() {
			f, _ := dlt645.WriteRequest(unit, dlt645.DI{Code: 0x04000103}, owner, []byte{0x30})
			do(f, noon)
		}, 0x04000103, noon, "30"},
		{"programming counted", nil, 0x03300000, noon, "1"},
		{"programming record", nil, 0x03300001, noon, "2026-11-20 12:00:00"},
		{"demand reset", func() { do(dlt645.DemandResetRequest(unit, 0, owner), noon.Add(-time.Hour)) }, 0x03300200, noon.Add(-time.Hour), "1"},
		{"frozen", func() { do(dlt645.FreezeRequest(unit, dlt645.Freeze{}), noon.Add(time.Minute)) }, 0x05010001, noon.Add(time.Minute), "2026-11-20 12:01"},
		{"frozen at midnight", func() { m.Answer(dlt645.ReadRequest(unit, dlt645.DI{}), noon.Add(13*time.Hour)) }, 0x05060001, noon.Add(13 * time.Hour), "2026-11-21 00:00"},
		{"events cleared", func() { do(dlt645.EventClearRequest(unit, owner, dlt645.AllEvents), noon) }, 0x03300000, noon, "0"},
		{"the clearing itself", nil, 0x03300300, noon, "1"},
		{"energies cleared", func() { do(dlt645.MeterClearRequest(unit, owner), noon.Add(14*time.Hour)) }, 0x00010000, noon.Add(14 * time.Hour), "0.00"},
	}
	for _, s := range steps {
		if s.do != nil {
			s.do()
		}
		if got := read(s.code, s.at); got != s.want {
			t.Errorf("%s: %08X is %q, want %q", s.name, s.code, got, s.want)
		}
	}
}

func TestBroadcastTimeIsTakenAsMetersDo(t *testing.T) {
	for _, c := range []struct {
		name  string
		now   time.Time
		ahead time.Duration // of the meter's clock
		to    dlt645.Address
		taken bool
	}{
		{"two minutes off", noon, 2 * time.Minute, dlt645.BroadcastAddress, true},
		{"six minutes off", noon, 6 * time.Minute, dlt645.BroadcastAddress, false},
		{"near midnight", noon.Add(11*time.Hour + 57*time.Minute), time.Minute, dlt645.BroadcastAddress, false},
		{"to one meter", noon, time.Minute, unit, false},
	} {
		m := NewMeter(unit, 3)
		m.ClockOffset = c.ahead
		f := dlt645.TimeBroadcast(c.now)
		f.Address = c.to
		if _, ok := m.Answer(f, c.now); ok {
			t.Errorf("%s: it answers", c.name)
		}
		if taken := m.ClockOffset != c.ahead; taken != c.taken {
			t.Errorf("%s: taken %v, want %v", c.name, taken, c.taken)
		}
	}
}

func TestFollowUpsInSequenceAndOutOfIt(t *testing.T) {
	for _, edition := range []dlt645.Protocol{dlt645.V2007, dlt645.V1997} {
		m, di := NewMeter(unit, 3), dlt645.DI{Code: 0x0001FF00}
		if edition == dlt645.V1997 {
			m, di = NewMeter97(unit, 3), dlt645.DI{Protocol: edition, Code: 0x901F}
		}
		whole, _ := m.Answer(dlt645.ReadRequest(unit, di), noon)
		m.Buffer = 3
		var got dlt645.Assembly
		req := dlt645.ReadRequest(unit, di)
		for n := 0; ; n++ {
			ans, _ := ask(t, m, req, noon)
			more, err := got.Add(ans)
			if err != nil {
				t.Fatal(err)
			}
			if !more {
				break
			}
			req = got.Next(unit)
			if n == 2 && edition == dlt645.V2007 {
				if wrong, _ := m.Answer(dlt645.ReadMoreRequest(unit, di, 9), noon); !wrong.Control.Refusal() {
					t.Errorf("%v: a wrong SEQ is answered with %+v", edition, wrong)
				}
			}
		}
		if !bytes.Equal(got.Data(), whole.Payload()) {
			t.Errorf("%v: got %X, want %X", edition, got.Data(), whole.Payload())
		}
	}
}

// FuzzMeter gives any bytes to meters of both editions: they must not panic,
// and what they answer must be an answer to what was asked.
func FuzzMeter(f *testing.F) {
	f.Add([]byte{0x68, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0xAA, 0x68, 0x13, 0x00, 0xDF, 0x16})
	for _, req := range []dlt645.Frame{
		dlt645.ControlRequest(unit, owner, dlt645.CommandTrip, noon.Add(time.Hour)), dlt645.LoadRequest(unit, dlt645.DI{Code: 0x06000000}, 3, noon),
		dlt645.EventClearRequest(unit, owner, dlt645.AllEvents), dlt645.TimeBroadcast(noon), dlt645.RereadRequest(unit),
	} {
		b, err := req.AppendBinary(nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	write, err := dlt645.WriteRequest(unit, dlt645.DI{Code: 0x04000101}, owner, []byte{5, 0x20, 0x11, 0x26})
	if err != nil {
		f.Fatal(errors.Join(err))
	}
	b, _ := write.AppendBinary(nil)
	f.Add(b)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, m := range []*Meter{NewMeter(unit, 3), NewMeter97(unit, 1)} {
			var req dlt645.Frame
			for rest := b; ; {
				at, ok := dlt645.Scan(rest, &req)
				if !ok {
					break
				}
				rest = rest[at.End:]
				ans, ok := m.Answer(req, noon)
				if !ok {
					continue
				}
				if !ans.Answers(req) {
					t.Errorf("%+v is no answer to %+v", ans, req)
				}
				if _, err := ans.AppendBinary(nil); err != nil {
					t.Errorf("the answer to %+v: %v", req, err)
				}
				if di, ok := ans.DI(); ok && !ans.Control.More() {
					dlt645.Decode(nil, di, ans.Payload())
				}
			}
		}
	})
}
