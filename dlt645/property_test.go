package dlt645

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func drawAddress(t *rapid.T) Address {
	var a Address
	for i := range a {
		a[i] = bcd(rapid.IntRange(0, 99).Draw(t, "address"))
	}
	return a
}

func drawTime(t *rapid.T) time.Time {
	return time.Unix(rapid.Int64Range(946684800, 4102444799).Draw(t, "time"), 0).UTC()
}

func drawBytes(t *rapid.T, name string, least, most int) []byte {
	return rapid.SliceOfN(rapid.Byte(), least, most).Draw(t, name)
}

// drawRequest draws a request of any function of either edition.
func drawRequest(t *rapid.T) Frame {
	a, di, at := drawAddress(t), DI{Code: rapid.Uint32().Draw(t, "di")}, drawTime(t)
	p := Protocol(rapid.IntRange(0, 1).Draw(t, "protocol"))
	if p == V1997 {
		di = DI{V1997, di.Code & 0xFFFF}
	}
	var by Access
	copy(by.Password[:], drawBytes(t, "password", 4, 4))
	copy(by.Operator[:], drawBytes(t, "operator", 4, 4))
	n := byte(rapid.IntRange(1, 255).Draw(t, "n"))
	value := drawBytes(t, "value", 0, 30)
	must := func(f Frame, err error) Frame {
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	common := []func() Frame{
		func() Frame { return ReadRequest(a, di) },
		func() Frame { return ReadMoreRequest(a, di, n) },
		func() Frame { return must(WriteRequest(a, di, by, value)) },
		func() Frame { return WriteAddressRequest(p, a) },
		func() Frame { return TimeBroadcast(at) },
		func() Frame { return must(BaudRequest(a, p, 9600)) },
		func() Frame { return PasswordRequest(a, di, by.Password, Password{n}) },
		func() Frame { return DemandResetRequest(a, p, by) },
	}
	of2007 := []func() Frame{
		func() Frame { return LoadRequest(a, di, n, time.Time{}) },
		func() Frame { return LoadRequest(a, di, n, at) },
		func() Frame { return AddressRequest() },
		func() Frame {
			return AuthenticateRequest(a, DI{V2007, 0x07000000 | di.Code&0xFFFFFF}, by.Operator, value)
		},
		func() Frame {
			return FreezeRequest(a, Freeze{FreezeEvery(n % 4), 1 + int(n)%28, int(n) % 24, int(n) % 60})
		},
		func() Frame { return MeterClearRequest(a, by) },
		func() Frame { return EventClearRequest(a, by, di) },
		func() Frame { return ControlRequest(a, by, Command(n), at) },
		func() Frame { return OutputRequest(a, Output(n%3)) },
	}
	if p == V1997 {
		common = append(common, func() Frame { return RereadRequest(a) })
	} else {
		common = append(common, of2007...)
	}
	return rapid.SampledFrom(common).Draw(t, "request")()
}

// drawAnswer draws an answer to a request: good, with more to come, or a
// refusal.
func drawAnswer(t *rapid.T, req Frame) Frame {
	a := drawAddress(t)
	if rapid.Bool().Draw(t, "refused") {
		return RefusalTo(req, a, drawBytes(t, "err", 0, 2)...)
	}
	return AnswerTo(req, a, drawBytes(t, "payload", 0, 190), rapid.Bool().Draw(t, "more"))
}

func drawFrame(t *rapid.T) Frame {
	f := drawRequest(t)
	if rapid.Bool().Draw(t, "answer") {
		f = drawAnswer(t, f)
	}
	return f
}

func sameFrame(a, b Frame) bool {
	return a.Address == b.Address && a.Control == b.Control && bytes.Equal(a.Data, b.Data)
}

func TestEveryFrameSurvivesTheWire(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrame(t)
		b, err := f.AppendBinary(AppendPreamble(nil, rapid.IntRange(0, 8).Draw(t, "preamble")))
		if err != nil {
			t.Fatal(err)
		}
		var got Frame
		at, ok := Scan(b, &got)
		if !ok || at.End != len(b) || !sameFrame(got, f) {
			t.Fatalf("%X gives %+v, want %+v", b, got, f)
		}
	})
}

// TestRequestsHaveALayout takes every request apart and puts the parts
// together again.
func TestRequestsHaveALayout(t *testing.T) {
	seen := map[string]bool{}
	check := func(t *rapid.T) {
		f := drawRequest(t)
		parts, ok := f.Parts(nil)
		if !ok {
			t.Fatalf("no layout fits %+v", f)
		}
		var again []byte
		for _, p := range parts {
			if p.Start != len(again) {
				t.Fatalf("part %v of %+v stands at %d, want %d", p.Field.Text(), f, p.Start, len(again))
			}
			again = append(again, p.Data...)
			p.Meaning()
		}
		if !bytes.Equal(again, f.Data) {
			t.Fatalf("the parts of %X give %X", f.Data, again)
		}
		if f.Control.Function().Name(f.Protocol()) == "" {
			t.Fatalf("function %02X has no name", byte(f.Control))
		}
		seen[f.Protocol().String()+" "+f.Control.Function().Name(f.Protocol())] = true
	}
	never := func() (names []string) {
		for p, functions := range map[Protocol][32]string{V2007: functions2007, V1997: functions1997} {
			for _, n := range functions {
				if key := p.String() + " " + n; n != "" && !seen[key] && key != "1997 broadcast-time" {
					names = append(names, key)
				}
			}
		}
		return names
	}
	// What is drawn is chance: go on until each was, far longer than that takes.
	for round := 0; round < 10 || round < 500 && len(never()) > 0; round++ {
		rapid.Check(t, check)
	}
	if names := never(); len(names) > 0 {
		t.Errorf("never drawn: %q", names)
	}
}

func TestAnswersAreMatchedToTheirRequestAlone(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		req := drawRequest(t)
		ans := drawAnswer(t, req)
		ans.Address = req.Address
		if !ans.Answers(req) {
			t.Fatalf("%+v is not taken for the answer to %+v", ans, req)
		}
		other := req
		other.Control ^= 1
		if ans.Answers(other) || req.Answers(req) {
			t.Fatalf("%+v is taken for the answer to another function", ans)
		}
		// A request to repeat the last answer names no identifier.
		if di, ok := ans.DI(); ok && req.Control.Function() != Func97Reread {
			ans.Data = slices.Clone(ans.Data)
			ans.Data[0] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
			if got, _ := ans.DI(); got != di && ans.Answers(req) {
				t.Fatalf("the answer for %v is taken for that for %v", got, di)
			}
		}
	})
}

func TestAnyChangedByteIsNoticed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrame(t)
		b, err := f.AppendBinary(nil)
		if err != nil {
			t.Fatal(err)
		}
		b[rapid.IntRange(0, len(b)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "flip"))
		var got Frame
		if at, ok := Scan(b, &got); ok && at.Start == 0 && at.End == len(b) && sameFrame(got, f) {
			t.Fatalf("the damaged %X is taken for %+v", b, f)
		}
	})
}

func TestNoiseNeverHidesTheFrameBehindIt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFrame(t)
		noise := rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte{headByte, tailByte, preambleByte})), 0, 30).Draw(t, "noise")
		b, err := f.AppendBinary(slices.Clone(noise))
		if err != nil {
			t.Fatal(err)
		}
		frames, at := scanAll(b)
		for i := range frames {
			if at[i].End == len(b) && sameFrame(frames[i], f) {
				return
			}
			// 12 bytes or more of noise may be a frame by themselves.
			if at[i].End > len(noise) && at[i].Start < len(noise) {
				return
			}
		}
		t.Fatalf("%X hides %+v", noise, f)
	})
}

// entries lists every entry of the tables with an identifier of its family.
func entriesOf(p Protocol) (entries []*entry, dis []DI) {
	seen := map[*entry]bool{}
	for _, e := range directories[p].entries {
		if seen[e] {
			continue
		}
		seen[e] = true
		entries, dis = append(entries, e), append(dis, e.anyMember(p))
	}
	return entries, dis
}

// anyMember gives an identifier that the entry holds and that is no block.
func (e *entry) anyMember(p Protocol) DI {
	for _, low := range []uint32{0, 1, 0x0100, 0x0101} {
		di := DI{p, e.code | low}
		if found, ok := lookup(di); ok && found == e {
			return di
		}
	}
	panic(fmt.Sprintf("no member of %08X is found", e.code))
}

func drawValue(t *rapid.T, p *part) Value {
	if rapid.IntRange(0, 9).Draw(t, "absent") == 0 && p.form != formLoad && p.width > 0 {
		return Value{}
	}
	switch p.form {
	case formNumber:
		most := pow10(min(2*int(p.width), 18)) - 1
		least := int64(0)
		if p.signed {
			most = 8*pow10(2*int(p.width)-1) - 1
			least = -most
		}
		if p.most != 0 {
			least, most = int64(p.least), int64(p.most)
		}
		n := rapid.Int64Range(least, most).Draw(t, "number")
		return Value{Kind: Number, Dec: Decimal{n, p.dec}}
	case formText:
		width := max(int(p.width), 1)
		s := rapid.StringOfN(rapid.RuneFrom([]rune("0123456789ABCxyz.-")), 1, width, -1).Draw(t, "text")
		return Value{Kind: Characters, Text: s}
	case formTime:
		layout := strings.NewReplacer("YY", "2006", "MM", "01", "DD", "02", "hh", "15", "mm", "04", "ss", "05").Replace(spread(p.tokens))
		return Value{Kind: Time, Text: drawTime(t).Format(layout)}
	}
	width := max(int(p.width), 1)
	b := drawBytes(t, "bytes", width, width)
	b[0] &= 0x7F // not absent
	if p.form == formDigits {
		for i := range b {
			b[i] = bcd(int(b[i]) % 100)
		}
	}
	kind := Characters
	if p.form == formBits {
		kind = Bits
	}
	return Value{Kind: kind, Text: fmt.Sprintf("%X", b)}
}

// spread puts the signs between the tokens of a time that people read.
func spread(tokens string) string {
	var b strings.Builder
	for i := 0; i < len(tokens); i += 2 {
		switch {
		case i == 0:
		case tokens[i] <= 'Z':
			b.WriteByte('-')
		case tokens[i-1] <= 'Z':
			b.WriteByte(' ')
		default:
			b.WriteByte(':')
		}
		b.WriteString(tokens[i : i+2])
	}
	return b.String()
}

// TestEveryItemSurvivesEncoding draws values for every row of both tables,
// encodes them and decodes them again.
func TestEveryItemSurvivesEncoding(t *testing.T) {
	for _, p := range []Protocol{V2007, V1997} {
		entries, dis := entriesOf(p)
		if want := map[Protocol]int{V2007: 250, V1997: 60}[p]; len(entries) < want {
			t.Errorf("%v: only %d rows", p, len(entries))
		}
		for i, e := range entries {
			if e.parts[0].form == formLoad || e.parts[0].form == formFreeze {
				continue // see below
			}
			rapid.Check(t, func(t *rapid.T) {
				rounds := 1
				if e.again != once {
					rounds = rapid.IntRange(1, 8).Draw(t, "rounds")
				}
				var items []Item
				for k := range rounds * len(e.parts) {
					items = append(items, Item{DI: dis[i], Index: uint16(k), Value: drawValue(t, &e.parts[k%len(e.parts)])})
				}
				b, err := AppendData(nil, dis[i], items)
				if err != nil {
					t.Fatalf("%v: %v", dis[i], err)
				}
				got, err := Decode(nil, dis[i], b)
				if err != nil || !slices.Equal(got, items) {
					t.Fatalf("%v: %X gives\n%v (%v), want\n%v", dis[i], b, got, err, items)
				}
				for _, it := range got {
					if name, ok := Name(it); !ok || name.EN == "" || name.ZH == "" {
						t.Fatalf("%v item %d has no name", it.DI, it.Index)
					}
				}
			})
		}
	}
}

func TestEveryBlockSurvivesEncoding(t *testing.T) {
	for _, p := range []Protocol{V2007, V1997} {
		entries, dis := entriesOf(p)
		for i, e := range entries {
			block, ok := Block(dis[i])
			if !ok || e.width == 0 {
				continue
			}
			rapid.Check(t, func(t *rapid.T) {
				var items []Item
				for _, di := range Members(nil, block, 4) {
					for k := range e.parts {
						items = append(items, Item{DI: di, Index: uint16(k), Value: drawValue(t, &e.parts[k])})
					}
				}
				b, err := AppendData(nil, block, items)
				if err != nil {
					t.Fatal(err)
				}
				fill := [][]byte{nil, {0xAA}, {0xDD}}[rapid.IntRange(0, 2).Draw(t, "fill")]
				got, err := Decode(nil, block, append(b, fill...))
				if err != nil || !slices.Equal(got, items) {
					t.Fatalf("%v: %X gives\n%v (%v), want\n%v", block, b, got, err, items)
				}
			})
		}
	}
}

func TestLoadRecordsSurviveEncoding(t *testing.T) {
	di := DI{Code: 0x06000002}
	rapid.Check(t, func(t *rapid.T) {
		var items []Item
		for record := range rapid.IntRange(1, 5).Draw(t, "records") {
			classes := rapid.Uint8().Draw(t, "classes") | 1
			for i := range loadFields {
				if classes>>loadFields[i].class&1 != 0 {
					v := drawValue(t, &loadParts[i])
					if i == 0 && v.Kind == Absent {
						v = Value{Kind: Time, Text: "2026-11-20 10:15"}
					}
					items = append(items, Item{DI: di, Index: uint16(record*LoadStride + i), Value: v})
				}
			}
		}
		b, err := AppendData(nil, di, items)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(nil, di, b)
		if err != nil || !slices.Equal(got, items) {
			t.Fatalf("%X gives\n%v (%v), want\n%v", b, got, err, items)
		}
		// A record whose checksum is wrong is passed over, not believed.
		b[5] ^= 1
		got, err = Decode(nil, di, b)
		if err != nil || got[0].Value.Kind != Invalid {
			t.Fatalf("%X gives %v (%v)", b, got, err)
		}
	})
}

func TestFreezeBlocks(t *testing.T) {
	for _, di := range []DI{{Code: 0x0506FF01}, {Code: 0x0504FF02}} {
		for tariffs := range 5 {
			for _, fill := range []string{"none", "between", "after"} {
				data, want := freezeBlock(t, di, tariffs+1, fill)
				got, err := Decode(nil, di, data)
				if err != nil || !slices.Equal(got, want) {
					t.Errorf("%v with %d tariffs, AA %s: got\n%v (%v), want\n%v", di, tariffs, fill, got, err, want)
				}
			}
		}
	}
}

func freezeBlock(t *testing.T, di DI, n int, fill string) (data []byte, items []Item) {
	members := frozen
	if di.byteAt(2) == 0x04 {
		members, n = frozen[:3], 1
	}
	for i, m := range members {
		width := m.width
		if m.tariffs {
			width *= n
		}
		one := di.member(0xFF00, uint32(m.d1))
		b := bytes.Repeat([]byte{0x11}, width)
		got, err := Decode(nil, one, b)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, got...)
		data = append(data, b...)
		if fill == "after" || fill == "between" && i < len(members)-1 {
			data = append(data, loadFill)
		}
	}
	return data, items
}

func TestFollowUpFramesAreAssembledInSequence(t *testing.T) {
	di := DI{Code: 0x03300501}
	a := Address{1}
	whole := make([]byte, 682)
	for i := range whole {
		whole[i] = byte(i)
	}
	run := func(part int, spoil func(n int, f *Frame)) ([]byte, error) {
		var s Assembly
		req := ReadRequest(a, di)
		for n, rest := 0, whole; ; n++ {
			k := min(part, len(rest))
			f := AnswerTo(req, a, rest[:k], k < len(rest))
			if spoil != nil {
				spoil(n, &f)
			}
			rest = rest[k:]
			more, err := s.Add(f)
			if err != nil || !more {
				return s.Data(), err
			}
			req = s.Next(a)
		}
	}
	for _, part := range []int{1, 2, 100, 190, 1000} {
		if part == 1 {
			whole = whole[:513] // beyond 255 frames the count begins at 1 again
		}
		if got, err := run(part, nil); err != nil || !bytes.Equal(got, whole) {
			t.Errorf("in parts of %d: %d bytes, %v", part, len(got), err)
		}
	}
	for name, spoil := range map[string]func(int, *Frame){
		"a number twice": func(n int, f *Frame) {
			if n == 2 {
				f.Data[len(f.Data)-1] = 1
			}
		},
		"another identifier": func(n int, f *Frame) {
			if n == 1 {
				f.Data[0]++
			}
		},
		"a first frame in the middle": func(n int, f *Frame) {
			if n == 1 {
				*f = AnswerTo(ReadRequest(a, di), a, []byte{1}, true)
			}
		},
	} {
		if _, err := run(100, spoil); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
}
