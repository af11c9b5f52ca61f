package conform

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// simple is the least that a platform can be.
type simple struct {
	dir *uplink.Directory
}

type line struct {
	ID    string `json:"id"`
	Meter string `json:"meter,omitempty"`
	OK    *bool  `json:"ok,omitempty"`
}

func (s *simple) Directory() *uplink.Directory { return s.dir }
func (s *simple) Limits() uplink.Limits        { return uplink.Limits{Batch: 4} }
func (s *simple) Login(time.Time) uplink.Login {
	return uplink.Login{ClientID: "board", Topics: []string{"down/freeze", "down/ack"}}
}

func (s *simple) Encode(_ [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	for i, u := range units {
		if u.Reading == nil || s.dir.Of(u.Reading.Meter) == nil || len(s.dir.Values(u.Reading.Values)) == 0 {
			continue
		}
		id := fmt.Sprint(u.Seq)
		enc.Messages = append(enc.Messages, uplink.Message{ID: id, Topic: "up/reading", Payload: written(line{ID: id}), Meter: u.Reading.Meter, Covers: []int{i}})
	}
	return enc
}

func (s *simple) Receive(_ time.Time, in uplink.Inbound) uplink.Receipt {
	var l line
	if !in.Decode(&l) || len(l.ID) > 64 {
		return uplink.Receipt{}
	}
	switch d := s.dir.Named(l.Meter); {
	case in.Topic == "down/freeze" && d != nil:
		return uplink.Receipt{Command: &meter.Command{ID: l.ID, Op: meter.OpFreeze, Meter: d.Meter}}
	case in.Topic == "down/freeze" && l.ID != "":
		m, _ := s.Answer(Now(), meter.Command{ID: l.ID}, meter.Result{Outcome: meter.NotKnown})
		return uplink.Receipt{Reply: &m}
	case in.Topic == "down/ack" && l.ID != "" && l.OK != nil && !in.Retained:
		if !*l.OK {
			return uplink.Receipt{ID: l.ID, Verdict: uplink.Refused}
		}
		return uplink.Receipt{ID: l.ID, Verdict: uplink.Accepted}
	}
	return uplink.Receipt{}
}

func (s *simple) Answer(_ time.Time, c meter.Command, r meter.Result) (uplink.Message, bool) {
	done := r.Outcome == meter.Done
	return uplink.Message{Topic: "up/answer", Payload: written(line{ID: c.ID, OK: &done})}, c.ID != ""
}

func written(l line) []byte {
	b, err := json.Marshal(l)
	if err != nil {
		panic(err)
	}
	return b
}

func simpleCase(change func(uplink.Platform) uplink.Platform) Case {
	return Case{
		New: func(dir *uplink.Directory) uplink.Platform { return change(&simple{dir}) },
		Commands: []Command{{Name: "freeze", Addresses: true, Message: func(word, id string) (uplink.Inbound, string) {
			return uplink.Inbound{Topic: "down/freeze", Payload: written(line{ID: id, Meter: word})}, "up/answer"
		}}},
		Acknowledge: func(m uplink.Message, accepted bool) uplink.Inbound {
			return uplink.Inbound{Topic: "down/ack", Payload: written(line{ID: m.ID, OK: &accepted})}
		},
		Torn: func(a, b string) []uplink.Inbound {
			return []uplink.Inbound{{Topic: "down/freeze", Payload: fmt.Appendf(nil, `{"id":"7","meter":%q,"meter":%q}`, a, b)}}
		},
		Read: func(m uplink.Message) (string, bool) {
			var l line
			return l.ID, json.Unmarshal(m.Payload, &l) == nil && l.OK != nil && *l.OK
		},
		Repeats: true,
	}
}

// faulty is a platform with one method replaced.
type faulty struct {
	uplink.Platform
	limits  func() uplink.Limits
	login   func(uplink.Login) uplink.Login
	encode  func([]uplink.Unit, uplink.Encoded) uplink.Encoded
	receive func(uplink.Inbound, uplink.Receipt) uplink.Receipt
	answer  func(meter.Command, meter.Result, uplink.Message, bool) (uplink.Message, bool)
}

func (f *faulty) Limits() uplink.Limits {
	if f.limits != nil {
		return f.limits()
	}
	return f.Platform.Limits()
}

func (f *faulty) Login(now time.Time) uplink.Login {
	l := f.Platform.Login(now)
	if f.login != nil {
		l = f.login(l)
	}
	return l
}

func (f *faulty) Encode(store [16]byte, units []uplink.Unit) uplink.Encoded {
	enc := f.Platform.Encode(store, units)
	if f.encode != nil {
		enc = f.encode(units, enc)
	}
	return enc
}

func (f *faulty) Receive(now time.Time, in uplink.Inbound) uplink.Receipt {
	rc := f.Platform.Receive(now, in)
	if f.receive != nil {
		rc = f.receive(in, rc)
	}
	return rc
}

func (f *faulty) Answer(now time.Time, c meter.Command, r meter.Result) (uplink.Message, bool) {
	m, ok := f.Platform.Answer(now, c, r)
	if f.answer == nil {
		return m, ok
	}
	return f.answer(c, r, m, ok)
}

// complaints gives the names of the checks that complain of a case, asking all
// or only one.
func complaints(c Case, only string) []string {
	var all []string
	for _, one := range checks {
		if only != "" && one.name != only {
			continue
		}
		n := 0
		one.check(c, func(string, ...any) { n++ })
		if n > 0 {
			all = append(all, one.name)
		}
	}
	for _, one := range properties {
		if only != "" && one.name != only {
			continue
		}
		n := 0
		drawn := rapid.Custom(func(t *rapid.T) bool {
			one.check(t, c, func(string, ...any) { n++ })
			return true
		})
		for seed := range 60 {
			drawn.Example(seed)
		}
		if n > 0 {
			all = append(all, one.name)
		}
	}
	return all
}

func TestTheLeastPlatformConforms(t *testing.T) {
	Run(t, simpleCase(func(p uplink.Platform) uplink.Platform { return p }))
}

// TestWhatNothingAcknowledgesIsFound: where there is a broker and nobody behind
// it, each message must ask for its PUBACK.
func TestWhatNothingAcknowledgesIsFound(t *testing.T) {
	asks := true
	c := simpleCase(func(p uplink.Platform) uplink.Platform {
		return &faulty{Platform: p, encode: func(_ []uplink.Unit, enc uplink.Encoded) uplink.Encoded {
			for i := range enc.Messages {
				enc.Messages[i].Puback = asks
			}
			return enc
		}}
	})
	c.Acknowledge = nil
	Run(t, c)
	asks = false
	if got := complaints(c, ""); !slices.Equal(got, []string{"messages cover the units of known meters and no others"}) {
		t.Errorf("complaints by %q", got)
	}
}

// TestEachFaultIsFound: a check that nothing can fail holds nothing.
func TestEachFaultIsFound(t *testing.T) {
	const (
		sane      = "limits and login are the same at each call"
		whole     = "valid messages are understood"
		harm      = "what was broken in one place reaches no other meter and is not echoed"
		nonsense  = "garbage means nothing"
		two       = "a message that says two things is no command"
		kept      = "a retained message leaves no trace"
		late      = "a late answer to an earlier start acknowledges nothing"
		success   = "only what is done is told as success"
		covered   = "messages cover the units of known meters and no others"
		rewritten = "a command is the same however it is written"
		addressed = "a command is for the meter that its message names"
	)
	logins, encoded := 0, 0
	for _, c := range []struct {
		name string
		with faulty
		want string // the check that finds it
	}{
		{"no limit is one", faulty{limits: func() uplink.Limits { return uplink.Limits{Batch: 1 << 20} }}, sane},
		{"a pace without a time", faulty{limits: func() uplink.Limits { return uplink.Limits{Pace: uplink.Pace{Messages: 1}} }}, sane},
		{"other topics at each login", faulty{login: func(l uplink.Login) uplink.Login {
			logins++
			l.Topics = append(l.Topics, fmt.Sprintf("down/%d", logins))
			return l
		}}, sane},
		{"a topic that is no filter", faulty{login: func(l uplink.Login) uplink.Login { l.Topics = append(l.Topics, "a/#/b"); return l }}, sane},
		{"the acknowledgements' topic is forgotten", faulty{login: func(l uplink.Login) uplink.Login { l.Topics = l.Topics[:1]; return l }}, whole},
		{"no acknowledgement is understood", faulty{receive: func(_ uplink.Inbound, rc uplink.Receipt) uplink.Receipt { rc.Verdict = uplink.Ignored; return rc }}, whole},
		{"a refusal is taken for an acknowledgement", faulty{receive: func(_ uplink.Inbound, rc uplink.Receipt) uplink.Receipt {
			if rc.Verdict != uplink.Ignored {
				rc.Verdict = uplink.Accepted
			}
			return rc
		}}, whole},
		{"a command for nobody is for somebody", faulty{receive: func(_ uplink.Inbound, rc uplink.Receipt) uplink.Receipt {
			if rc.Reply != nil {
				return uplink.Receipt{Command: &meter.Command{ID: "7", Op: meter.OpFreeze, Meter: &meter.Handle{}}}
			}
			return rc
		}}, addressed},
		{"names twice are taken", faulty{receive: func(in uplink.Inbound, rc uplink.Receipt) uplink.Receipt {
			var l line
			if in.Topic == "down/freeze" && rc.Reply == nil && rc.Command == nil && json.Unmarshal(in.Payload, &l) == nil {
				rc.Command = &meter.Command{ID: l.ID, Op: meter.OpFreeze, Meter: &meter.Handle{}}
			}
			return rc
		}}, two},
		{"what comes in goes out again", faulty{receive: func(in uplink.Inbound, rc uplink.Receipt) uplink.Receipt {
			if rc.Command == nil && in.Topic == "down/freeze" {
				rc.Reply = &uplink.Message{Topic: "up/answer", Payload: in.Payload}
			}
			return rc
		}}, harm},
		{"the reply's topic is the message's", faulty{receive: func(in uplink.Inbound, rc uplink.Receipt) uplink.Receipt {
			if rc.Verdict == uplink.Ignored && rc.Command == nil {
				rc.Reply = &uplink.Message{Topic: in.Topic + "/+"}
			}
			return rc
		}}, nonsense},
		{"its id is that of the bytes", faulty{receive: func(in uplink.Inbound, rc uplink.Receipt) uplink.Receipt {
			if rc.Command != nil {
				rc.Command.ID = fmt.Sprint(len(in.Payload))
			}
			return rc
		}}, rewritten},
		{"any payload acknowledges", faulty{receive: func(in uplink.Inbound, rc uplink.Receipt) uplink.Receipt {
			if in.Topic == "down/ack" && rc.Verdict == uplink.Ignored && !in.Retained {
				rc.Verdict = uplink.Accepted
			}
			return rc
		}}, nonsense},
		{"what was kept acknowledges", faulty{receive: func(in uplink.Inbound, rc uplink.Receipt) uplink.Receipt {
			if in.Topic == "down/ack" && in.Retained {
				return uplink.Receipt{ID: "1", Verdict: uplink.Accepted}
			}
			return rc
		}}, kept},
		{"ids begin anew", faulty{encode: func(_ []uplink.Unit, enc uplink.Encoded) uplink.Encoded {
			for i := range enc.Messages {
				var n uint64
				_, _ = fmt.Sscan(enc.Messages[i].ID, &n) // its own are numbers
				enc.Messages[i].ID = fmt.Sprint(n % 8)
				enc.Messages[i].Payload = written(line{ID: enc.Messages[i].ID})
			}
			return enc
		}}, late},
		{"not confirmed is told as success", faulty{answer: func(c meter.Command, r meter.Result, m uplink.Message, ok bool) (uplink.Message, bool) {
			yes := r.Outcome == meter.Done || r.Outcome == meter.Unconfirmed
			m.Payload = written(line{ID: c.ID, OK: &yes})
			return m, ok
		}}, success},
		{"a failure is not told at all", faulty{answer: func(_ meter.Command, r meter.Result, m uplink.Message, ok bool) (uplink.Message, bool) {
			return m, ok && r.Outcome != meter.Failed
		}}, success},
		{"without an id it is answered", faulty{answer: func(_ meter.Command, _ meter.Result, m uplink.Message, _ bool) (uplink.Message, bool) {
			return m, true
		}}, success},
		{"an id is answered by its beginning", faulty{answer: func(c meter.Command, r meter.Result, m uplink.Message, ok bool) (uplink.Message, bool) {
			id, _, _ := strings.Cut(c.ID, ":")
			done := r.Outcome == meter.Done
			m.Payload = written(line{ID: id, OK: &done})
			return m, ok
		}}, addressed},
		{"strangers are told of", faulty{encode: func(units []uplink.Unit, enc uplink.Encoded) uplink.Encoded {
			for i, u := range units {
				if u.Reading != nil && u.Reading.Meter[0] == 0x99 {
					enc.Messages = append(enc.Messages, uplink.Message{ID: fmt.Sprint(u.Seq), Topic: "up/reading", Payload: []byte("{}"), Meter: u.Reading.Meter, Covers: []int{i}})
				}
			}
			return enc
		}}, covered},
		{"a reading is left out", faulty{encode: func(_ []uplink.Unit, enc uplink.Encoded) uplink.Encoded {
			enc.Messages = enc.Messages[min(1, len(enc.Messages)):]
			return enc
		}}, covered},
		{"each message has the same id", faulty{encode: func(_ []uplink.Unit, enc uplink.Encoded) uplink.Encoded {
			for i := range enc.Messages {
				enc.Messages[i].ID = "1"
			}
			return enc
		}}, covered},
		{"a repeat has another id", faulty{encode: func(_ []uplink.Unit, enc uplink.Encoded) uplink.Encoded {
			for i := range enc.Messages {
				encoded++
				enc.Messages[i].ID = fmt.Sprint(encoded)
			}
			return enc
		}}, covered},
		{"a message is about another meter", faulty{encode: func(_ []uplink.Unit, enc uplink.Encoded) uplink.Encoded {
			for i := range enc.Messages {
				enc.Messages[i].Meter = dlt645.Address{1}
			}
			return enc
		}}, covered},
	} {
		found := complaints(simpleCase(func(p uplink.Platform) uplink.Platform {
			f := c.with
			f.Platform = p
			return &f
		}), c.want)
		if len(found) != 1 {
			t.Errorf("%s: no complaint of %q", c.name, c.want)
		}
	}
	if found := complaints(simpleCase(func(p uplink.Platform) uplink.Platform { return p }), ""); len(found) > 0 {
		t.Errorf("nothing is wrong: got complaints of %q", found)
	}
}

func TestPlacesInJSON(t *testing.T) {
	const text = `{"a": 1, "b":{"c":["x",null]},"d":{}}`
	var got []string
	for _, s := range spans([]byte(text)) {
		one := text[s.from:s.to]
		if s.key {
			one += "→" + text[s.to:s.value]
		}
		got = append(got, one)
	}
	want := []string{text, `"a"→: 1`, "1", `"b"→:{"c":["x",null]}`, `{"c":["x",null]}`, `"c"→:["x",null]`, `["x",null]`, `"x"`, "null", `"d"→:{}`, "{}"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestFilters(t *testing.T) {
	for _, c := range []struct {
		filter, topic string
		want          bool
	}{
		{"a/b", "a/b", true}, {"a/b", "a", false}, {"a", "a/b", false}, {"a/+", "a/b", true}, {"a/+", "a/", true}, {"a/+", "a/b/c", false}, {"a/+/c", "a/b/c", true},
		{"a/#", "a/b/c", true}, {"a/#", "a", true}, {"#", "a/b", true}, {"a/+/#", "a", false},
	} {
		if got := matches(c.filter, c.topic); got != c.want {
			t.Errorf("%s and %s: got %v, want %v", c.filter, c.topic, got, c.want)
		}
	}
}
