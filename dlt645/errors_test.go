package dlt645

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// TestRefusalsOfAnyLength: a meter that will not says so with one byte, and
// some with none, two or three.
func TestRefusalsOfAnyLength(t *testing.T) {
	for _, c := range []struct {
		p    Protocol
		code string
		en   string
		told string
		no   bool // such data
	}{
		{V2007, "", "no reason given", "", false},
		{V2007, "02", "no requested data", "02", true},
		{V2007, "0200", "repeated recharge", "0002", false},
		{V2007, "020000", "no known reason", "000002", false},
		{V1997, "", "no reason given", "", false},
		{V1997, "02", "data identifier error", "02", true},
		{V1997, "0200", "no known reason", "0002", false},
		{V1997, "020000", "no known reason", "000002", false},
	} {
		di := DI{c.p, 0x9010}
		if c.p == V2007 {
			di.Code = 0x00010000
		}
		a := Address{1, 2, 3, 4, 5, 6}
		req := ReadRequest(a, di)
		wire, err := RefusalTo(req, a, unhex(t, c.code)...).AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		var f Frame
		if _, ok := Scan(wire, &f); !ok || !f.Answers(req) {
			t.Errorf("%X is no answer", wire)
			continue
		}
		r := f.Refusal()
		if r == nil || r.Text().EN != c.en || r.Text().ZH == "" || r.CodeText() != c.told || r.Unsupported() != c.no {
			t.Errorf("%v %s: got %+v, %q", c.p, c.code, r, r.Text())
		}
		if _, ok := f.Parts(nil); !ok {
			t.Errorf("%v %s has no layout", c.p, c.code)
		}
	}
}

// TestErrorsCanBeToldApart, also when they are wrapped.
func TestErrorsCanBeToldApart(t *testing.T) {
	_, err := Decode(nil, DI{Code: 0x02010100}, []byte{1, 2, 3})
	if e, ok := errors.AsType[*LengthError](fmt.Errorf("reading: %w", err)); !ok || *e != (LengthError{DI{Code: 0x02010100}, 3, 2, true}) {
		t.Errorf("a voltage of three bytes: %v", err)
	}
	_, err = Decode(nil, DI{Code: 0x0201FF00}, []byte{1, 2, 3})
	if e, ok := errors.AsType[*LengthError](err); !ok || e.Always || e.Want != 2 {
		t.Errorf("voltages of three bytes: %v", err)
	}
	_, err = Decode(nil, DI{Code: 0x0506FF01}, []byte{1, 2, 3})
	if e, ok := errors.AsType[*LengthError](err); !ok || e.Want != 0 {
		t.Errorf("a freeze block of three bytes: %v", err)
	}
	if _, err = Decode(nil, DI{Code: 0x99000001}, nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("an identifier that there is not: %v", err)
	}
	wire, _ := ReadRequest(Address{1, 2, 3, 4, 5, 6}, DI{Code: 0x02010100}).AppendBinary(nil)
	for fault, at := range map[Fault]int{FaultStart: 7, FaultChecksum: 12, FaultEnd: len(wire) - 1} {
		bad := bytes.Clone(wire)
		bad[at] ^= 1
		var f Frame
		e, ok := errors.AsType[*FrameError](f.UnmarshalBinary(bad))
		if !ok || e.Fault != fault || e.Got == e.Want {
			t.Errorf("byte %d wrong: %+v", at, e)
		}
		if e, ok := errors.AsType[*FrameError](Diagnose(append([]byte{0xFE}, bad...))); !ok || e.Fault != fault {
			t.Errorf("byte %d wrong behind a preamble: %+v", at, e)
		}
	}
}

// TestLongWritesAreSentAndTold: 50 bytes of data are what the standard allows.
func TestLongWritesAreSentAndTold(t *testing.T) {
	for n, want := range map[int]bool{38: false, 39: true, 243: true} {
		f, err := WriteRequest(Address{1}, DI{Code: 0x04000101}, Access{}, make([]byte, n))
		if err != nil || f.Overlong() != want {
			t.Errorf("%d bytes: %v, overlong %v", n, err, f.Overlong())
		}
	}
	if _, err := WriteRequest(Address{1}, DI{Code: 0x04000101}, Access{}, make([]byte, 244)); err == nil {
		t.Error("more than a frame holds is no error")
	}
	if f := AnswerTo(ReadRequest(Address{1}, DI{Code: 0x04000101}), Address{1}, make([]byte, 180), false); f.Overlong() {
		t.Error("an answer is told as a long write")
	}
}

// TestOtherProtocolsTellTheirAddress.
func TestOtherProtocolsTellTheirAddress(t *testing.T) {
	for name, want := range map[string]string{"Q/GDW 698.45": "00000000013001", "Q/GDW 376.1": "11110004", "CJ/T 188": "AAAAAAAAAAAAAA", "Modbus-RTU": "1"} {
		b := append([]byte{0}, unhexed(t, foreignFrames[name])...)
		o, ok := FindOther(append(b, 0))
		if !ok || o.Protocol != name || o.Address != want || o.Start != 1 || o.End != len(b) || !strings.HasSuffix(o.String(), want) {
			t.Errorf("%s: got %+v, want address %s", name, o, want)
		}
	}
	if o, ok := FindOther(nil); ok || o.String() != "" {
		t.Errorf("nothing is %+v", o)
	}
}

// TestTheShortestFrameOf376 holds a control field and an address.
func TestTheShortestFrameOf376(t *testing.T) {
	for users, want := range map[int]string{2: "", 5: "", 6: "11110004", 7: "11110004"} {
		l := byte(users<<2 | 1)
		b := []byte{0x68, l, 0, l, 0, 0x68}
		b = append(b, []byte{0x4B, 0x11, 0x11, 0x04, 0x00, 0x00, 0x02}[:users]...)
		b = append(b, checksum(b[6:]), 0x16)
		if o, ok := FindOther(b); ok != (want != "") || o.Address != want {
			t.Errorf("%d bytes between: got %+v, %v, want address %q", users, o, ok, want)
		}
	}
}
