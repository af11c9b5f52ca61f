package conform

import (
	"slices"
	"time"

	"meterd/uplink"
)

// Bounds of sense: what lies beyond was not meant.
const (
	mostRegisters = 100
	mostBatch     = 1000
	mostTopics    = 200
)

func limits(c Case, say complain) {
	dir, _ := c.directory(c.device(0, "one", first), c.device(1, "two", second))
	p := c.New(dir)
	if p.Directory() != dir {
		say("the directory is another than the one that was given")
	}
	l := p.Limits()
	if l.Registers < 0 || l.Registers > mostRegisters || l.Batch < 0 || l.Batch > mostBatch {
		say("the limits are out of sense: %+v", l)
	}
	if l.Pace.Messages < 0 || l.Pace.Messages > 0 && (l.Pace.Per <= 0 || l.Pace.Per > time.Hour) {
		say("the pace is none: %+v", l.Pace)
	}
	begin := p.Login(Now())
	if begin.ClientID == "" || len(begin.Topics) == 0 || len(begin.Topics) > mostTopics {
		say("nobody can log in with %+v", begin)
	}
	for i, topic := range begin.Topics {
		if !isFilter(topic) || slices.Contains(begin.Topics[:i], topic) {
			say("topic %q cannot be subscribed to, or is twice", topic)
		}
	}
	if r, ok := p.(uplink.Registrar); ok {
		if _, does := r.Register(Now(), &dir.Devices()[0], 0); does && l.Registers < 1 {
			say("meters are registered, and no registration may be outstanding: %+v", l)
		}
	}
	if r, ok := p.(uplink.Reporter); ok && r.StatusEvery() <= 0 {
		say("the status is repeated every %v", r.StatusEvery())
	}
	p.Encode([16]byte{1}, []uplink.Unit{reading(1, addresses[0], Now())})
	for _, later := range []time.Duration{0, time.Second, 40 * 24 * time.Hour} {
		if got := p.Login(Now().Add(later)).Topics; !slices.Equal(got, begin.Topics) {
			say("%v later the topics are %q, not %q", later, got, begin.Topics)
		}
		if got := p.Limits(); got != l {
			say("%v later the limits are %+v, not %+v", later, got, l)
		}
	}
}
