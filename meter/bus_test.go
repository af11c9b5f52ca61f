package meter

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/bits"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"meterd/dlt645"
	"meterd/dlt645/dlt645test"
)

var (
	unit1 = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}
	unit2 = dlt645.Address{0x20, 0x24, 0x11, 0x20, 0x01, 0x02}

	voltageA = dlt645.DI{Code: 0x02010100}
	currentA = dlt645.DI{Code: 0x02020100}
)

// answerOf gives a read answer on the wire.
func answerOf(a dlt645.Address, di dlt645.DI, value string) []byte {
	data, _ := di.AppendBinary(nil)
	v, err := hex.DecodeString(value)
	if err != nil {
		panic(err)
	}
	b, err := dlt645.Frame{Address: a, Control: 0x91, Data: append(data, v...)}.AppendBinary(nil)
	if err != nil {
		panic(err)
	}
	return b
}

func refusalOf(a dlt645.Address, code byte) []byte {
	b, err := dlt645.Frame{Address: a, Control: 0xD1, Data: []byte{code}}.AppendBinary(nil)
	if err != nil {
		panic(err)
	}
	return b
}

// part is something that comes from the line some time after the request.
type part struct {
	after time.Duration
	bytes []byte
}

// script answers the n-th request with the n-th list of parts.
func script(ctx context.Context, end *dlt645test.End, answers ...[]part) (requests func() [][]byte) {
	var got [][]byte
	go func() {
		buf := make([]byte, 1024)
		for _, parts := range answers {
			n, err := end.Read(buf)
			if err != nil || ctx.Err() != nil {
				return
			}
			got = append(got, append([]byte(nil), buf[:n]...))
			at := time.Now()
			for _, p := range parts {
				time.Sleep(time.Until(at.Add(p.after)))
				end.Write(p.bytes)
			}
		}
	}()
	return func() [][]byte { return got }
}

// testTiming has a wire time of exactly 5 ms a byte: 2200 bits a second, 11
// bits a byte. A voltage request with 4 FE bytes takes 100 ms.
var testTiming = Timing{Baud: 2200, Preamble: 4, Timeout: time.Second, ByteTimeout: 500 * time.Millisecond}

func pipeBus(t Timing) (*Bus, *dlt645test.End) {
	ours, theirs := dlt645test.Pipe()
	return NewBus("test", t, func() (Port, error) { return ours, nil }, nil), theirs
}

func fe(n int) []byte { return dlt645.AppendPreamble(nil, n) }

func cat(parts ...[]byte) []byte {
	var out []byte
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// lumps are bytes that come at a pace, and are handed over every so often, as an
// adapter's latency timer does.
func lumps(first, pace, every time.Duration, b []byte) (all []part) {
	for n := 0; n < len(b); {
		at := first
		for ; at < first+time.Duration(n)*pace; at += every {
		}
		from := n
		for n < len(b) && first+time.Duration(n)*pace <= at {
			n++
		}
		all = append(all, part{at, b[from:n]})
	}
	return all
}

// TestReading holds the bus to what lines and meters do to an answer. In
// each case phase A has 220.1 V.
func TestReading(t *testing.T) {
	good := answerOf(unit1, voltageA, "0122")
	request, err := dlt645.ReadRequest(unit1, voltageA).AppendBinary(fe(4))
	if err != nil {
		t.Fatal(err)
	}
	const ms = time.Millisecond
	cases := []struct {
		name  string
		parts []part
		want  string // "" : voltage 220.1
		fail  error
		after time.Duration // when Try is to give up; 0: not checked
	}{
		{"no FE", []part{{130 * ms, good}}, "", nil, 130 * ms},
		{"one FE", []part{{130 * ms, cat(fe(1), good)}}, "", nil, 130 * ms},
		{"four FE", []part{{130 * ms, cat(fe(4), good)}}, "", nil, 130 * ms},
		{"eight FE", []part{{130 * ms, cat(fe(8), good)}}, "", nil, 130 * ms},
		{"noise 00 FF in front", []part{{130 * ms, cat([]byte{0x00, 0xFF}, good)}}, "", nil, 130 * ms},
		{"a stray 68 in front", []part{{130 * ms, cat([]byte{0x68}, good)}}, "", nil, 130 * ms},
		{"a stray 68 before the preamble", []part{{130 * ms, cat([]byte{0x68}, fe(4), good)}}, "", nil, 130 * ms},
		{"a false header that claims 240 bytes", []part{{130 * ms, cat([]byte{0x68, 1, 2, 3, 4, 5, 6, 0x68, 0x91, 0xF0}, good)}}, "", nil, 130 * ms},
		{"the request's own echo, then the answer", []part{{0, request}, {130 * ms, good}}, "", nil, 130 * ms},
		{"echo and answer in one", []part{{130 * ms, cat(request, fe(2), good)}}, "", nil, 130 * ms},
		{"three pieces", []part{{130 * ms, good[:3]}, {200 * ms, good[3:11]}, {400 * ms, good[11:]}}, "", nil, 400 * ms},
		{"byte by byte", bytewise(130*ms, 5*ms, good), "", nil, 130*ms + time.Duration(len(good)-1)*5*ms},
		{"byte by byte after FE", bytewise(130*ms, 5*ms, cat(fe(4), good)), "", nil, 130*ms + time.Duration(len(good)+3)*5*ms},
		{"in lumps of 16 ms", lumps(130*ms, 4990*time.Microsecond, 16*ms, cat(fe(4), good)), "", nil, 245 * ms}, // the last came at 242 ms
		{"from a meter whose clock is 1 % slow", bytewise(130*ms, 5050*time.Microsecond, good), "", nil, 130*ms + time.Duration(len(good)-1)*5050*time.Microsecond},
		{"from a meter whose clock is 1 % fast", bytewise(130*ms, 4950*time.Microsecond, good), "", nil, 130*ms + time.Duration(len(good)-1)*5*ms}, // under a byte later
		{"with a pause after its head", append(bytewise(130*ms, 5*ms, good[:10]), bytewise(400*ms, 5*ms, good[10:])...), "", nil, 400*ms + time.Duration(len(good)-11)*5*ms},
		{"noise byte by byte in front", bytewise(130*ms, 5*ms, cat([]byte{0, 0x68, 7, 0xFF}, fe(1), good)), "", nil, 130*ms + time.Duration(len(good)+4)*5*ms},
		{"a false header byte by byte in front", bytewise(130*ms, 4990*time.Microsecond, cat([]byte{0x68, 1, 2, 3, 4, 5, 6, 0x68, 0x91, 0xF0}, good)), "", nil, 130*ms + (11+longestRest)*5*ms},
		{"bytes after the frame", []part{{130 * ms, cat(good, []byte{0x16, 0x00})}}, "", nil, 130 * ms},
		{"zeros on both sides", []part{{130 * ms, cat([]byte{0, 0}, good, []byte{0})}}, "", nil, 130 * ms},
		{"another meter, then ours", []part{{110 * ms, answerOf(unit2, voltageA, "9999")}, {300 * ms, good}}, "", nil, 300 * ms},
		{"another identifier, then ours", []part{{110 * ms, answerOf(unit1, currentA, "999999")}, {300 * ms, good}}, "", nil, 300 * ms},
		{"a wrong checksum", []part{{130 * ms, cat(good[:len(good)-2], []byte{good[len(good)-2] + 1, 0x16})}}, "", ErrNoise, 0},
		{"garbage", []part{{130 * ms, []byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20}}}, "", ErrNoise, 0},
		{"half a frame", []part{{130 * ms, good[:9]}}, "", ErrNoise, 1105 * ms},
		// 100 ms of request, 1 s of time-out, 5 ms of the first byte itself.
		{"silence", nil, "", ErrSilence, 1105 * ms},
		{"another meter alone", []part{{130 * ms, answerOf(unit2, voltageA, "0122")}}, "", ErrSilence, 1105 * ms},
		{"the echo alone", []part{{0, request}}, "", ErrSilence, 1105 * ms},
		// The last byte may come 505 ms after the one before.
		{"a frame that stops late", []part{{1100 * ms, good[:9]}}, "", ErrNoise, 1605 * ms},
		{"a pause just short enough", []part{{1100 * ms, good[:9]}, {1604 * ms, good[9:]}}, "", nil, 1604 * ms},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus, end := pipeBus(testTiming)
				defer end.Close()
				requests := script(t.Context(), end, c.parts)
				began := time.Now()
				ans, err := bus.Try(t.Context(), dlt645.ReadRequest(unit1, voltageA))
				took := time.Since(began)
				synctest.Wait()
				if !errors.Is(err, c.fail) {
					t.Fatalf("got %v, want %v", err, c.fail)
				}
				if c.fail == nil {
					items, err := dlt645.Decode(nil, voltageA, ans.Frame.Payload())
					if err != nil || items[0].Value.String() != "220.1" {
						t.Errorf("got %v (%v), want 220.1", items, err)
					}
				}
				if c.after != 0 && took != c.after {
					t.Errorf("took %v, want %v", took, c.after)
				}
				if got := requests(); len(got) != 1 || string(got[0]) != string(request) {
					t.Errorf("the request left as %X, want one write of %X", got, request)
				}
			})
		})
	}
}

// TestGarbledAnswersAreCounted: what comes behind a preamble and a start byte, and
// is no frame, points to the parity or the rate; other noise does not.
func TestGarbledAnswersAreCounted(t *testing.T) {
	good := answerOf(unit1, voltageA, "0122")
	const ms = time.Millisecond
	flipped := bytes.Clone(good) // as a line without parity gets those with an odd sum
	for i, c := range flipped {
		if c != 0x68 && bits.OnesCount8(c)%2 == 1 {
			flipped[i] ^= 0x80
		}
	}
	flipped[7] = 0xE8
	for name, c := range map[string]struct {
		came []byte
		want int
	}{
		"another parity": {cat(fe(4), flipped), 1}, "without a preamble": {flipped, 0}, "garbage": {[]byte{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, 0},
		"cut off": {cat(fe(4), good[:9]), 0}, "good": {cat(fe(4), good), 0}, "nothing": {nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				bus, end := pipeBus(testTiming)
				defer end.Close()
				script(t.Context(), end, []part{{130 * ms, c.came}})
				bus.Try(t.Context(), dlt645.ReadRequest(unit1, voltageA))
				synctest.Wait()
				if got := bus.Counts(); got.Garbled != c.want || got.Noise < c.want {
					t.Errorf("%d of %d are garbled, want %d", got.Garbled, got.Noise, c.want)
				}
			})
		})
	}
}

func bytewise(first, step time.Duration, b []byte) []part {
	var parts []part
	for i := range b {
		parts = append(parts, part{first + time.Duration(i)*step, b[i : i+1]})
	}
	return parts
}

// TestSpecialBytes sends every value that makes a byte of the answer, or its
// checksum, a 16H or 68H.
func TestSpecialBytes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var seen int
		for v := range 10000 {
			value := fmt.Sprintf("%02d%02d", v%100, v/100)
			wire := answerOf(unit1, voltageA, value)
			cs := wire[len(wire)-2]
			if cs != 0x16 && cs != 0x68 && !strings.Contains(value, "35") {
				continue
			}
			seen++
			bus, end := pipeBus(testTiming)
			script(t.Context(), end, []part{{120 * time.Millisecond, wire[:7]}, {150 * time.Millisecond, wire[7:]}})
			ans, err := bus.Try(t.Context(), dlt645.ReadRequest(unit1, voltageA))
			if err != nil || fmt.Sprintf("%X", ans.Frame.Payload()) != value {
				t.Fatalf("%X: got %X, %v", wire, ans.Frame.Data, err)
			}
			end.Close()
		}
		if seen < 100 {
			t.Errorf("only %d such answers were tried", seen)
		}
	})
}

func TestRefusalIsNotRetriedAndSilenceIs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timing := testTiming
		timing.Retries = 1
		bus, end := pipeBus(timing)
		defer end.Close()
		requests := script(t.Context(), end, []part{{130 * time.Millisecond, refusalOf(unit1, 0x02)}}, nil, []part{{130 * time.Millisecond, answerOf(unit1, voltageA, "0122")}})
		_, err := bus.Read(t.Context(), unit1, voltageA)
		refusal, ok := errors.AsType[*dlt645.Refusal](err)
		if !ok || refusal.CodeText() != "02" || FailureKind(err) != "refusal" {
			t.Errorf("got %v, want a refusal with code 02", err)
		}
		synctest.Wait()
		if n := len(requests()); n != 1 {
			t.Errorf("%d requests, a refusal is the meter's last word", n)
		}
		if _, err := bus.Read(t.Context(), unit1, voltageA); err != nil {
			t.Errorf("silence and then an answer: %v", err)
		}
		c := bus.Counts()
		if c.Requests != 3 || c.Silence != 1 || c.Retries != 1 || c.Refusals != 1 || c.Answers != 2 {
			t.Errorf("counted %+v", c)
		}
	})
}

func TestCostOfASilentMeter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timing := testTiming
		timing.Retries, timing.Gap = 2, 30*time.Millisecond
		bus, end := pipeBus(timing)
		defer end.Close()
		began := time.Now()
		_, err := bus.Read(t.Context(), unit1, voltageA)
		if !errors.Is(err, ErrSilence) {
			t.Fatal(err)
		}
		// Three times request, time-out and first byte; the gap has passed
		// within them.
		if took, want := time.Since(began), 3*1105*time.Millisecond; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

func TestLateAnswerIsNotTakenForTheNextOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, end := pipeBus(testTiming)
		defer end.Close()
		// The answer to the first request comes while the second waits, and in
		// the second case before it is even sent.
		for name, late := range map[string]time.Duration{"while the next waits": 1300 * time.Millisecond, "before the next is sent": 1150 * time.Millisecond} {
			script(t.Context(), end,
				[]part{{late, answerOf(unit1, currentA, "777777")}},
				[]part{{400 * time.Millisecond, answerOf(unit1, voltageA, "0122")}})
			if _, err := bus.Try(t.Context(), dlt645.ReadRequest(unit1, currentA)); !errors.Is(err, ErrSilence) {
				t.Fatalf("%s: %v", name, err)
			}
			time.Sleep(80 * time.Millisecond)
			ans, err := bus.Try(t.Context(), dlt645.ReadRequest(unit1, voltageA))
			if err != nil || fmt.Sprintf("%X", ans.Frame.Payload()) != "0122" {
				t.Errorf("%s: got %X, %v", name, ans.Frame.Data, err)
			}
		}
		if c := bus.Counts(); c.Late != 2 {
			t.Errorf("%d late answers were counted, want 2", c.Late)
		}
	})
}

func TestLineThatBabblesForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, end := pipeBus(testTiming)
		stop := make(chan struct{})
		go func() {
			for {
				select {
				case <-stop:
					return
				case <-time.After(100 * time.Millisecond):
					end.Write([]byte{0x68, 0x55})
				}
			}
		}()
		began := time.Now()
		_, err := bus.Try(t.Context(), dlt645.ReadRequest(unit1, voltageA))
		if !errors.Is(err, ErrNoise) {
			t.Errorf("got %v, want noise", err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("took %v", took)
		}
		close(stop)
		synctest.Wait()
		end.Close()
	})
}

func TestGapIsQuietLineBetweenAnswerAndRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		timing := testTiming
		timing.Gap = 30 * time.Millisecond
		bus, end := pipeBus(timing)
		defer end.Close()
		began := time.Now()
		ok := []part{{130 * time.Millisecond, answerOf(unit1, voltageA, "0122")}}
		script(t.Context(), end, ok, ok)
		for range 2 {
			if _, err := bus.Try(t.Context(), dlt645.ReadRequest(unit1, voltageA)); err != nil {
				t.Fatal(err)
			}
		}
		if took, want := time.Since(began), (130+30+130)*time.Millisecond; took != want {
			t.Errorf("took %v, want %v", took, want)
		}
	})
}

func TestOneTransactionAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, end := pipeBus(testTiming)
		defer end.Close()
		line := &dlt645test.Line{Baud: 2200, Meters: []*dlt645test.Meter{dlt645test.NewMeter(unit1, 3)}}
		go line.Serve(t.Context(), end)
		errs := make(chan error)
		for range 8 {
			go func() {
				_, err := bus.Try(t.Context(), dlt645.ReadRequest(unit1, voltageA))
				errs <- err
			}()
		}
		for range 8 {
			if err := <-errs; err != nil {
				t.Error(err)
			}
		}
	})
}

func TestPortThatFailsIsOpenedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ends []*dlt645test.End
		opened := 0
		bus := NewBus("test", testTiming, func() (Port, error) {
			opened++
			if opened == 2 {
				return nil, errors.New("no such device")
			}
			ours, theirs := dlt645test.Pipe()
			ends = append(ends, theirs)
			line := &dlt645test.Line{Baud: 2200, Meters: []*dlt645test.Meter{dlt645test.NewMeter(unit1, 3)}}
			go line.Serve(t.Context(), theirs)
			return ours, nil
		}, nil)
		read := func() error {
			_, err := bus.Try(t.Context(), dlt645.ReadRequest(unit1, voltageA))
			return err
		}
		if err := read(); err != nil {
			t.Fatal(err)
		}
		ends[0].Close() // the adapter is pulled
		for i, want := range []string{"port", "port", ""} {
			if got := FailureKind(read()); got != want {
				t.Errorf("read %d after the pull: %q, want %q", i, got, want)
			}
		}
		ends[1].Close()
	})
}

func TestFollowUpFramesArePutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, end := pipeBus(testTiming)
		defer end.Close()
		m := dlt645test.NewMeter(unit1, 3)
		m.Buffer = 3
		long := make([]byte, 3*300) // SEQ goes past 255
		for i := range long {
			long[i] = byte(i % 100 / 10 << 4)
		}
		m.Set(0x9A000001, long) // no table knows how long it is
		line := &dlt645test.Line{Baud: 1000000, Meters: []*dlt645test.Meter{m}}
		go line.Serve(t.Context(), end)
		r, err := bus.Read(t.Context(), unit1, dlt645.DI{Code: 0x9A000001})
		if err != nil || string(r.Data) != string(long) {
			t.Errorf("got %d bytes, %v; want the %d that were set", len(r.Data), err, len(long))
		}
	})
}

func TestCancelledReadEndsSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bus, end := pipeBus(testTiming)
		defer end.Close()
		ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
		defer cancel()
		began := time.Now()
		_, err := bus.Read(ctx, unit1, voltageA)
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(began) > 600*time.Millisecond {
			t.Errorf("got %v after %v", err, time.Since(began))
		}
	})
}

// flood is a port of a serial server that gives bytes without end.
type flood struct{ closed int }

func (f *flood) Read(b []byte) (int, error) {
	time.Sleep(time.Duration(len(b)) * time.Second / 3e6) // 3 MB/s
	for i := range b {
		b[i] = 0x68
	}
	return len(b), nil
}
func (f *flood) Write(b []byte) (int, error)        { return len(b), nil }
func (f *flood) SetReadTimeout(time.Duration) error { return nil }
func (f *flood) Close() error                       { f.closed++; return nil }

// TestAFloodIsCutOff: its connection is closed, and little of it is kept.
func TestAFloodIsCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := &flood{}
		kept := 0
		bus := NewBus("test", testTiming, func() (Port, error) { return f, nil }, func(tr Trace) { kept = max(kept, cap(tr.Wire)) })
		for n := 1; n <= 3; n++ {
			began := time.Now()
			_, err := bus.Try(t.Context(), dlt645.ReadRequest(unit1, voltageA))
			if FailureKind(err) != "port" || !strings.Contains(err.Error(), "more bytes come than a line can carry") || f.closed != n {
				t.Fatalf("got %v, closed %d times", err, f.closed)
			}
			if took := time.Since(began); took > time.Second {
				t.Errorf("it took %v", took)
			}
		}
		if kept > 4*mostSeen || len(bus.held) > 0 {
			t.Errorf("%d bytes of a transaction are kept, %d held", kept, len(bus.held))
		}
	})
}
