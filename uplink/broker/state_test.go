package broker_test

import (
	"strings"
	"testing"
	"time"

	"meterd/meter"
	"meterd/uplink"
	"meterd/uplink/broker"
)

// asked gives the topics that a platform tells at that time, one after the other.
func asked(t *testing.T, p uplink.Platform, now time.Time) (topics []string) {
	t.Helper()
	for range 1000 {
		m, ok, again := p.(uplink.Asker).Ask(now)
		if !ok {
			if !again.After(now) {
				t.Errorf("nothing to tell, and it wants to be asked again at once")
			}
			return topics
		}
		if !m.Retain || m.ID != "" || m.Puback {
			t.Errorf("%s is no state: %+v", m.Topic, m)
		}
		topics = append(topics, strings.NewReplacer(base, "B", "homeassistant/device/meterd_gw0001", "H", "202411200101", "1", "202411200102", "2").Replace(m.Topic))
	}
	t.Fatal("it goes on for ever")
	return nil
}

// TestStatesAreToldInTheirOrder, once each, again after each connect, and again
// when Home Assistant says that it is there, but no more often than each ten
// seconds.
func TestStatesAreToldInTheirOrder(t *testing.T) {
	p := broker.New(plain(broker.LayoutJSON, broker.AcknowledgePuback, directory(t, 2)))
	now := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	want := func(what, topics string) {
		t.Helper()
		if got := strings.Join(asked(t, p, now), " "); got != topics {
			t.Errorf("%s: %q, want %q", what, got, topics)
		}
	}
	tell := func(m meter.MeterState) { p.(uplink.Reporter).Status(now, []meter.MeterState{m}) }
	birth := func(payload string, retained bool) {
		p.Receive(now, uplink.Inbound{Topic: "homeassistant/status", Payload: []byte(payload), Retained: retained})
	}
	p.Login(now)
	want("at a connect", "B/status B/info H/config H_1/config H_2/config")
	want("after that", "")
	live := reading(0, now, 2201)
	tell(meter.MeterState{Address: address(0), Known: true, Online: true, Values: live.Values, ReadAt: now})
	want("a meter that answers", "B/meter/1/status B/meter/1/state")
	tell(meter.MeterState{Address: address(0), Known: true, Values: live.Values, ReadAt: now})
	want("one that is given up", "B/meter/1/status")
	tell(meter.MeterState{Address: address(1), Values: live.Values, ReadAt: now.Add(-5*time.Minute - time.Second)})
	want("values of more than five minutes, of a meter that was not asked", "")
	birth("online", false)
	want("Home Assistant is there, right after a connect", "")
	now = now.Add(10 * time.Second)
	want("ten seconds later", "H/config H_1/config H_2/config")
	birth("online", true)
	birth("offline", false)
	birth(" online", false)
	now = now.Add(time.Minute)
	want("a greeting that the broker kept, and others that are none", "")
	for range 100 {
		birth("online", false)
	}
	want("a hundred greetings", "H/config H_1/config H_2/config")
	birth("online", false)
	want("and another", "")
	p.Login(now)
	want("at the next connect", "B/status B/info H/config H_1/config H_2/config B/meter/1/status B/meter/1/state")
}

// TestAStateHasNoTimeThatNobodyKnows: while the clock is doubted.
func TestAStateHasNoTimeThatNobodyKnows(t *testing.T) {
	trusted := false
	conf := plain(broker.LayoutJSON, broker.AcknowledgePuback, directory(t, 1))
	conf.Trusted = func() bool { return trusted }
	p := broker.New(conf)
	read := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	state := func(now time.Time) (payload string) {
		p.Login(now)
		p.(uplink.Reporter).Status(now, []meter.MeterState{{Address: address(0), Known: true, Online: true, Values: reading(0, now, 2201).Values[:1], ReadAt: read}})
		for {
			m, ok, _ := p.(uplink.Asker).Ask(now)
			if !ok {
				return payload
			}
			if strings.HasSuffix(m.Topic, "/state") {
				payload = string(m.Payload)
			}
		}
	}
	if got, want := state(read.Add(time.Minute)), `{"voltage_a":220.1}`; got != want {
		t.Errorf("while the clock is doubted: %s, want %s", got, want)
	}
	trusted = true
	if got, want := state(read.Add(time.Minute)), `{"ts":1782907200000,"voltage_a":220.1}`; got != want {
		t.Errorf("when it is trusted: %s, want %s", got, want)
	}
}

// TestReceiptsOfAConsumer: what names our messages counts, and nothing else.
func TestReceiptsOfAConsumer(t *testing.T) {
	p := broker.New(plain(broker.LayoutJSON, broker.AcknowledgeReply, directory(t, 2)))
	for payload, want := range map[string]string{
		`{"id":"a"}`:                          "a accepted",
		`{"ids":["a","b","c"]}`:               "a b c accepted",
		`{"id":"a","ids":["b"]}`:              "a b accepted",
		`{"id":"a","error":null}`:             "a accepted",
		`{"id":"a","error":"no such column"}`: "a refused no such column",
		`{"id":"a","error":""}`:               "a refused ",
		`{"id":"a","error":7}`:                "",
		`{"id":"a","error":{}}`:               "",
		`{"id":""}`:                           "",
		`{"id":7}`:                            "",
		`{"ids":["a",""]}`:                    "",
		`{"ids":[]}`:                          "",
		`{"ids":[` + strings.Repeat(`"a",`, 256) + `"a"]}`: "",
		`{"id":"` + strings.Repeat("a", 65) + `"}`:         "",
		`["a"]`: "",
	} {
		rc := p.Receive(time.Now(), uplink.Inbound{Topic: base + "/ack", Payload: []byte(payload)})
		got := ""
		switch rc.Verdict {
		case uplink.Accepted:
			got = strings.Join(append([]string{rc.ID}, rc.Also...), " ") + " accepted"
		case uplink.Refused:
			got = strings.Join(append([]string{rc.ID}, rc.Also...), " ") + " refused " + rc.Text
		}
		if got != want {
			t.Errorf("%.40s: %q, want %q", payload, got, want)
		}
	}
}

// TestCallsOfThingsBoardAreCounted: the platform numbers them anew when it
// starts. The ids of our own topics are the sender's.
func TestCallsOfThingsBoardAreCounted(t *testing.T) {
	for _, c := range []struct {
		layout, topic, payload string
		want                   bool
	}{
		{broker.LayoutThingsBoard, "v1/gateway/rpc", `{"device":"202411200101","data":{"id":0,"method":"relay","params":"trip"}}`, true},
		{broker.LayoutJSON, base + "/cmd/request", `{"id":"0","meter":"202411200101","op":"relay","action":"trip"}`, false},
	} {
		p := broker.New(plain(c.layout, broker.AcknowledgePuback, directory(t, 1)))
		if rc := p.Receive(time.Now(), uplink.Inbound{Topic: c.topic, Payload: []byte(c.payload)}); rc.Command == nil || rc.Command.Counted != c.want {
			t.Errorf("%s: %+v", c.layout, rc.Command)
		}
	}
}

// TestFlatGoesByTheRingsNumbers: the clock was ten years fast when a value was
// read, and is right now. What was read since is newer; what was made up goes by
// its own time.
func TestFlatGoesByTheRingsNumbers(t *testing.T) {
	p := broker.New(plain(broker.LayoutFlat, broker.AcknowledgePuback, directory(t, 1)))
	right := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC)
	for i, c := range []struct {
		seq      uint64
		at       time.Time
		recalled bool
		coef     int64
		want     string // "": it is withheld
	}{
		{seq: 10, at: right.AddDate(10, 0, 0), coef: 2201, want: "220.1"},
		{seq: 11, at: right, coef: 2202, want: "220.2"},
		{seq: 9, at: right.AddDate(10, 0, 0), coef: 2203}, // of the backlog
		{seq: 12, at: right.Add(-time.Hour), recalled: true, coef: 2204},
		{seq: 13, at: right.Add(time.Minute), coef: 2205, want: "220.5"},
		{seq: 14, at: right.Add(time.Hour), recalled: true, coef: 2206, want: "220.6"},
		{seq: 15, at: right.Add(2 * time.Minute), coef: 2207, want: "220.7"},
	} {
		r := reading(0, c.at, c.coef)
		r.Values, r.Recalled = r.Values[:1], c.recalled
		enc := p.Encode([16]byte{1}, []uplink.Unit{{Seq: c.seq, Reading: r}})
		got := ""
		for _, m := range enc.Messages {
			got += string(m.Payload)
		}
		if got != c.want || (enc.Withheld == 1) != (c.want == "") {
			t.Errorf("reading %d: %q, %d withheld, want %q", i, got, enc.Withheld, c.want)
		}
	}
}
