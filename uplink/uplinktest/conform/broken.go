package conform

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"meterd/meter"
	"meterd/uplink"
)

const (
	// mostEcho is how much more goes out, or is kept, because more came in.
	mostEcho = 1 << 10
	// mostIn is the largest payload that is tried.
	mostIn = 64 << 10
)

// hostile are JSON texts that may stand where something else was expected.
func hostile() []string {
	return []string{
		"null", `""`, "{}", "[]", "true", "-1", "1e400", strings.Repeat("9", 400), "0." + strings.Repeat("1", 400), "x", "{", `"nobody"`, `"\u0000"`, `"\ud800"`,
		"\"\xff\xfe\"", `"` + strings.Repeat("x", mostIn-4<<10) + `"`, strings.Repeat("[", 11000) + strings.Repeat("]", 11000), strings.Repeat(`{"a":`, 2000) + "1" + strings.Repeat("}", 2000),
		`[` + strings.Repeat(`"frequency",`, 1000) + `"frequency"]`, `["` + strings.Repeat("y", 8<<10) + `"]`, `{"` + strings.Repeat("k", 8<<10) + `":1}`,
	}
}

// sent is a valid message, with the meter that it names.
type sent struct {
	uplink.Inbound
	what    string
	command bool
	named   string // the meter that it names where it is broken; "": the first
	open    bool   // what named the meter may be gone as a whole
}

// messages are all valid ones about the meter of a word, as a platform would
// send them.
func (c Case) messages(p world, word string, say complain) []sent {
	var all []sent
	for _, form := range append(slices.Clone(c.Commands), c.Several...) {
		in, _ := form.Message(word, "7")
		all = append(all, sent{Inbound: in, what: form.Name, command: true})
	}
	enc := p.Encode([16]byte{3}, []uplink.Unit{reading(1, addresses[0], Now())})
	if len(enc.Messages) == 0 {
		say("a reading has no message")
	}
	for _, m := range enc.Messages {
		if c.Acknowledge == nil {
			break
		}
		all = append(all, sent{Inbound: c.Acknowledge(m, true), what: "acknowledgement"}, sent{Inbound: c.Acknowledge(m, false), what: "refusal"})
	}
	if c.Notices != nil {
		for _, in := range c.Notices(word) {
			all = append(all, sent{Inbound: in, what: "notice"})
		}
	}
	return all
}

// valid: what is whole is understood, also on a board that has but one meter.
func valid(c Case, say complain) {
	for meters := 1; meters <= 2; meters++ {
		for n := range c.messages(c.open(meters, say), first, say) {
			p := c.open(meters, say)
			m := c.messages(p, first, say)[n] // of its own start: another one's acknowledge nothing
			p.subscribed(m.Inbound, say)
			rc := p.Receive(Now(), m.Inbound)
			switch ok := rc.Verdict == uplink.Accepted; {
			case m.command && (rc.Command == nil || rc.Command.Meter != p.Directory().Devices()[0].Meter || rc.Command.ID == "" || rc.Command.Op == ""):
				say("%s is no command for the meter that it names: %+v, %s", m.what, rc.Command, reply(rc))
			case m.command && (rc.Verdict != uplink.Ignored || rc.Reply != nil):
				say("%s is a command and more: %+v", m.what, rc)
			case !m.command && rc.Command != nil:
				say("%s %s is a command", m.what, m.Payload)
			case m.what == "acknowledgement" && (!ok || rc.ID == ""), m.what == "refusal" && (ok || rc.Verdict == uplink.Ignored && !rc.Nameless):
				say("%s %s is understood as %+v", m.what, m.Payload, rc)
			}
		}
		for _, form := range c.Commands { // without an id: refused by whoever carries commands out
			p := c.open(meters, say)
			in, _ := form.Message(first, "")
			rc := p.Receive(Now(), in)
			if rc.Reply != nil || rc.Command != nil && (rc.Command.ID != "" || rc.Command.Meter != p.Directory().Devices()[0].Meter) {
				say("%s without an id: %+v, %s", form.Name, rc.Command, reply(rc))
			}
			in, _ = form.Message("nobody", "")
			if rc := p.Receive(Now(), in); rc.Reply != nil || rc.Command != nil {
				say("%s without an id, for nobody: %+v, %s", form.Name, rc.Command, reply(rc))
			}
		}
	}
}

// broken gives a message broken in one place at a time.
func (m sent) broken() []sent {
	var all []sent
	add := func(topic string, payload []byte, what string, args ...any) {
		b := m
		b.Topic, b.Payload, b.what = topic, payload, m.what+", "+fmt.Sprintf(what, args...)
		all = append(all, b)
	}
	levels := strings.Split(m.Topic, "/")
	for i, level := range levels {
		for _, other := range []string{"", "nobody", second, "+", "#", "\xff", "\x00", strings.Repeat("t", 60000), strings.ToUpper(level)} {
			if other == level {
				continue
			}
			changed := slices.Clone(levels)
			changed[i] = other
			add(strings.Join(changed, "/"), m.Payload, "%q for level %d of its topic", brief(other), i)
			if level == first {
				all[len(all)-1].named = other
			}
		}
	}
	add(m.Topic+"/x", m.Payload, "one level more")
	add("x/"+m.Topic, m.Payload, "one level before it")
	for _, s := range spans(m.Payload) {
		old := brief(string(m.Payload[s.from:s.to]))
		for _, text := range hostile() {
			if !s.key || strings.HasPrefix(text, `"`) {
				add(m.Topic, s.splice(m.Payload, text), "%s for %s", brief(text), old)
				word := s.isText && strings.Contains(s.text, first)
				all[len(all)-1].open = !word || text == "null" || text == `""`
			}
		}
	}
	for n := range m.Payload {
		add(m.Topic, m.Payload[:n], "its first %d bytes", n)
	}
	add(m.Topic, append(slices.Clone(m.Payload), m.Payload...), "itself once more")
	add(m.Topic, append(slices.Clone(m.Payload), strings.Repeat(" ", mostIn)...), "blanks at its end")
	return all
}

func brief(s string) string {
	if len(s) > 40 {
		return fmt.Sprintf("%s… (%d bytes)", s[:40], len(s))
	}
	return s
}

// broken: whatever is wrong with a message, it is for the meter that it names
// or for none, and little of it is kept or sent back.
func broken(c Case, say complain) {
	for meters := 1; meters <= 2; meters++ {
		p := c.open(meters, say)
		for _, m := range c.messages(p, first, say) {
			for _, b := range m.broken() {
				harmless(c, p, m, b, say)
			}
			if !m.command {
				continue
			}
			for _, b := range m.doubled() {
				if rc := p.Receive(Now(), b.Inbound); rc.Command != nil {
					say("%s is a command for %q: %s", b.what, rc.Command.Meter.Name, b.Payload)
				}
			}
		}
	}
}

// harmless holds what a broken message does against what it may do.
func harmless(c Case, p world, m, b sent, say complain) {
	rc := p.Receive(Now(), b.Inbound)
	if !p.listens(b.Topic) {
		if rc.Command != nil || rc.Verdict != uplink.Ignored || rc.Reply != nil || rc.Gone != nil || rc.Subscribe != nil || rc.Nameless {
			say("%s: it comes on %s, which is not subscribed to, and means %+v", b.what, brief(b.Topic), rc)
		}
		return
	}
	if rc.Verdict != uplink.Ignored && rc.ID == "" || len(rc.ID) > mostEcho || len(rc.Code) > mostEcho {
		say("%s: a verdict on %q, code %s", b.what, brief(rc.ID), brief(rc.Code))
	}
	for _, gone := range rc.Gone {
		if p.Directory().Of(gone) == nil {
			say("%s: a meter is gone that is none of ours: %v", b.what, gone)
		}
	}
	if rc.Reply != nil {
		echoes(b, *rc.Reply, say)
	}
	cmd := rc.Command
	switch {
	case cmd == nil:
		return
	case !m.command:
		say("%s is a command: %s", b.what, brief(string(b.Payload)))
		return
	}
	if d := p.Directory().Named(cmp.Or(b.named, first)); d == nil || cmd.Meter != d.Meter || !b.names(p) {
		say("%s: the command is for %q: %s %s", b.what, cmd.Meter.Name, brief(b.Topic), brief(string(b.Payload)))
	}
	for _, more := range rc.More {
		if more.Meter != cmd.Meter {
			say("%s: one message is for %q and for %q", b.what, cmd.Meter.Name, more.Meter.Name)
		}
	}
	if len(cmd.ID) > meter.MostCommandID || len(cmd.Point)+len(cmd.Value) > mostEcho || len(strings.Join(cmd.Points, "")) > mostIn/8 {
		say("%s: the command holds too much of it: an id of %d bytes, a value of %d, %d points", b.what, len(cmd.ID), len(cmd.Value), len(cmd.Points))
	}
	answer, ok := p.Answer(Now(), *cmd, meter.Result{Outcome: meter.Failed})
	if ok == (cmd.ID == "") && len(rc.More) == 0 {
		say("%s: the command with the id %q is answered: %v", b.what, cmd.ID, ok)
	}
	if ok {
		echoes(b, answer, say)
	}
}

// names reports whether a broken message still names its meter and no other, or
// leaves it open where there is but one.
func (m sent) names(p world) bool {
	all := m.Topic + string(m.Payload)
	if m.named != "" {
		return !strings.Contains(string(m.Payload), first)
	}
	return strings.Contains(all, first) || m.open && len(p.Directory().Devices()) == 1
}

// frame is the most that a reply has of its own, besides what it echoes.
const frame = 512

func echoes(b sent, m uplink.Message, say complain) {
	if !isTopic(m.Topic) {
		say("%s: the reply goes to %q, where nobody may publish", b.what, brief(m.Topic))
	}
	if n := len(m.Topic) + len(m.Payload); n > mostEcho+frame {
		say("%s: the reply has %d bytes: %s", b.what, n, brief(string(m.Payload)))
	}
}

// doubled gives a command with one member twice: whose word counts is nobody's
// to guess. Names that differ in case alone are one to the standard library.
func (m sent) doubled() []sent {
	var all []sent
	for _, s := range spans(m.Payload) {
		if !s.key {
			continue
		}
		name := string(m.Payload[s.from:s.to])
		value := strings.TrimLeft(string(m.Payload[s.to:s.value]), ": ")
		for _, twin := range []string{name, strings.ToUpper(name)} {
			for _, other := range []string{value, strings.ReplaceAll(value, first, second), "null", `"1"`} {
				for _, before := range []bool{false, true} {
					payload := s.double(m.Payload, twin+":"+other, before)
					all = append(all, sent{Inbound: uplink.Inbound{Topic: m.Topic, Payload: payload}, what: fmt.Sprintf("%s, with %s:%s beside %s", m.what, twin, brief(other), name)})
				}
			}
		}
	}
	return all
}

// garbage: what is no message of the dialect at all. Where the topic alone names
// meter and service it may be a command, but one without an id.
func garbage(c Case, say complain) {
	p := c.open(2, say)
	payloads := []string{"", " ", "\x00", "\xff", "nil", "null", "0", `""`, "{}", "[]", "{", `{"`, strings.Repeat("\x00", mostIn), strings.Repeat("{", mostIn), strings.Repeat("号", mostIn/3)}
	topics := []string{"", "/", "//////", "$sys", "\xff", "x", strings.Repeat("/", 60000), strings.Repeat("t", 60000)}
	for _, m := range c.messages(p, first, say) {
		topics = append(topics, m.Topic)
	}
	for _, topic := range topics {
		for _, payload := range payloads {
			rc := p.Receive(Now(), uplink.Inbound{Topic: topic, Payload: []byte(payload)})
			if rc.Command != nil && (rc.Command.ID != "" || !strings.Contains(topic, first)) || rc.Verdict != uplink.Ignored && (rc.ID == "" || !p.listens(topic)) {
				say("%q on %q means %+v", brief(payload), brief(topic), rc)
			}
			if rc.Reply != nil {
				echoes(sent{what: fmt.Sprintf("%q on %q", brief(payload), brief(topic))}, *rc.Reply, say)
			}
		}
	}
}

// torn: a message that names two meters, or says two things, is for nobody.
func torn(c Case, say complain) {
	if c.Torn == nil {
		return
	}
	for meters := 1; meters <= 2; meters++ {
		for _, pair := range [][2]string{{first, second}, {second, first}, {first, "nobody"}, {"nobody", first}} {
			p := c.open(meters, say)
			for _, in := range c.Torn(pair[0], pair[1]) {
				if rc := p.Receive(Now(), in); rc.Command != nil {
					say("%s %s is a command for %q of %d meters: %s", in.Topic, in.Payload, rc.Command.Meter.Name, meters, rc.Command)
				}
			}
		}
	}
}

// retained: what the broker had kept acknowledges nothing and changes nothing
// about what comes afterwards. A command may be given: whoever carries
// commands out knows that it was kept.
func retained(c Case, say complain) {
	touched, untouched := c.open(2, say), c.open(2, say)
	messages, others := c.messages(touched, first, say), c.messages(untouched, first, say)
	for range 4 {
		for _, m := range messages {
			m.Retained = true
			rc := touched.Receive(Now(), m.Inbound)
			if rc.Verdict != uplink.Ignored || rc.Gone != nil || rc.Subscribe != nil || rc.Nameless || rc.Command == nil && rc.Reply != nil && !m.command {
				say("%s that was kept means %+v", m.what, rc)
			}
		}
	}
	for i, m := range messages {
		got, want := touched.Receive(Now(), m.Inbound), untouched.Receive(Now(), others[i].Inbound)
		if (got.ID == "") != (want.ID == "") || got.Verdict != want.Verdict || (got.Command == nil) != (want.Command == nil) {
			say("%s: where the same was kept it means %+v, elsewhere %+v", m.what, got, want)
		}
	}
}

// restarted: an answer that was under way when the board stopped comes when it
// has started anew. It is to nothing of the new start: what was asked is read
// again from the ring, and what goes out meanwhile is something else.
func restarted(c Case, say complain) {
	if c.Acknowledge == nil {
		return
	}
	const sent = 8
	before, after := c.open(2, say), c.open(2, say)
	ids := map[string]bool{}
	send := func(p world, from uint64) (all []uplink.Message) {
		for seq := from; seq < from+sent; seq++ {
			all = append(all, p.Encode([16]byte{3}, []uplink.Unit{reading(seq, addresses[0], Now())}).Messages...)
		}
		return all
	}
	late := send(before, 1)
	for _, m := range send(after, 1+sent) {
		ids[m.ID] = true
	}
	for _, m := range late {
		if rc := after.Receive(Now(), c.Acknowledge(m, true)); rc.Verdict != uplink.Ignored && ids[rc.ID] {
			say("the answer to %q of the last start acknowledges a reading of this one", m.ID)
		}
	}
}
