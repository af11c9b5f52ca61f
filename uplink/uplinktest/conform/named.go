package conform

import (
	"fmt"
	"slices"

	"pgregory.net/rapid"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// requests are ids of senders, with what an answer could lose or take for its
// own sign.
var requests = []string{"7", "70", "7:qm1", "a:b", "b", "a b", `q"u\`, "号", "0cca0f27-0a3c-4b46-a3d4-b2a6cdd1a1a6"}

// words are what a meter may be called, and what a message may name: each may
// be a name, an id or an address.
func (c Case) words() []string {
	all := []string{"a", "A", "b", "a_b", "qm1"}
	for _, a := range addresses {
		all = append(all, a.String())
	}
	return append(all, c.IDs...)
}

// drawDirectory draws meters whose names, ids and addresses are each other's,
// the last of them former ones; false if two of them clash.
func drawDirectory(t *rapid.T, c Case) (*uplink.Directory, bool) {
	words := rapid.SampledFrom(c.words())
	places := rapid.Permutation([]int{0, 1, 2}).Draw(t, "places")
	var devices []uplink.Device
	for _, i := range places[:rapid.IntRange(1, len(places)).Draw(t, "meters")] {
		id := words.Draw(t, "id")
		if rapid.Bool().Draw(t, "by address") {
			id = addresses[i].String()
		}
		devices = append(devices, c.device(i, words.Draw(t, "name"), id))
	}
	present := rapid.IntRange(0, len(devices)).Draw(t, "present")
	dir, ok := c.directory(devices[:present]...)
	return dir.With(devices[present:]), ok
}

// asked is a command that was understood, with what its sender knows of it.
type asked struct {
	command        meter.Command
	request, topic string // of the sender, and of the answer
	by             string // form, word and request
}

// named: several commands come, each for the meter that goes by its word, or
// for none. Their answers come in any order, each with its own id.
func named(t *rapid.T, c Case, say complain) {
	dir, ok := drawDirectory(t, c)
	if !ok {
		return
	}
	p := c.connect(dir, say)
	var open []asked
	for range rapid.IntRange(1, 5).Draw(t, "commands") {
		form := rapid.SampledFrom(c.Commands).Draw(t, "form")
		word := rapid.SampledFrom(c.words()).Draw(t, "word")
		request := rapid.SampledFrom(requests).Draw(t, "request")
		in, topic := form.Message(word, request)
		rc := p.Receive(Now(), in)
		want := meant(dir, form, word)
		switch {
		case want == nil && rc.Command != nil:
			say("%s: %q is no meter of %v, but the command is for %+v", form.Name, word, ids(dir), rc.Command.Meter)
		case want != nil && rc.Command == nil:
			say("%s: no command for %q of %v: %+v", form.Name, word, ids(dir), reply(rc))
		case want != nil && rc.Command.Meter != want:
			say("%s: the command for %q of %v is for %q", form.Name, word, ids(dir), rc.Command.Meter.Name)
		}
		if rc.Command != nil {
			one := asked{*rc.Command, request, topic, fmt.Sprintf("%s of %q by %q", form.Name, word, request)}
			for _, o := range open {
				if o.request != one.request && o.command.ID == one.command.ID {
					say("%s and %s have one id, %q", o.by, one.by, one.command.ID)
				}
			}
			open = append(open, one)
		}
	}
	for _, i := range rapid.Permutation(indexes(len(open))).Draw(t, "order") {
		answered(c, p, open[i], meter.Result{Outcome: meter.Done}, say)
	}
}

// answered asks for the answer to a command, and reads it as its sender would.
func answered(c Case, p uplink.Platform, a asked, r meter.Result, say complain) bool {
	m, ok := p.Answer(Now(), a.command, r)
	if !ok {
		return false
	}
	id, success := c.Read(m)
	if id != a.request || m.Topic != a.topic || m.ID != "" || success != (r.Outcome == meter.Done) {
		say("%s, %s: the answer is %s %s, read as id %q, success %v", a.by, r.Outcome, m.Topic, m.Payload, id, success)
	}
	return true
}

func indexes(n int) []int {
	all := make([]int, n)
	for i := range all {
		all[i] = i
	}
	return all
}

func ids(dir *uplink.Directory) []string {
	var all []string
	for _, d := range dir.Devices() {
		all = append(all, fmt.Sprintf("%s (%v)", d.ID, d.Address()))
	}
	return all
}

// reply is what a receipt sends back, for people.
func reply(rc uplink.Receipt) string {
	if rc.Reply == nil {
		return "nothing is said"
	}
	return string(rc.Reply.Payload)
}

// outcomes: the answer to each operation with each outcome.
func outcomes(c Case, say complain) {
	operations := slices.Concat([]meter.Operation{meter.OpRead, meter.OpWrite}, meter.Operations)
	for _, form := range c.Commands {
		p := c.open(2, say)
		for _, request := range requests {
			in, topic := form.Message(first, request)
			rc := p.Receive(Now(), in)
			if rc.Command == nil {
				say("%s by %q is no command: %s", form.Name, request, reply(rc))
				continue
			}
			tells := false
			for _, op := range operations {
				for i, o := range append(meter.Outcomes(), meter.Outcome(250)) {
					a := asked{*rc.Command, request, topic, fmt.Sprintf("%s by %q, %s", form.Name, request, op)}
					a.command.Op = op
					r := meter.Result{Outcome: o, Text: dlt645.Text{EN: "because"}, Values: []meter.PointValue{{Point: "voltage.a", Value: number(2201, 1)}}}
					told := answered(c, p, a, r, say)
					if i == 0 {
						tells = told
					}
					if told != tells {
						say("%s: %s is answered: %v, %s: %v", a.by, meter.Done, tells, o, told)
					}
					a.command.ID = ""
					if m, ok := p.Answer(Now(), a.command, r); ok {
						say("%s, %s: without an id it is answered %s", a.by, o, m.Payload)
					}
				}
			}
		}
	}
}
