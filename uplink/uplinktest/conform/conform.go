// Package conform holds a platform to what all platforms owe, whatever their
// dialect: each of them runs it from its own package's test, and so does one
// more that is added.
//
// It knows nothing of a dialect but what a Case tells: how a command for a
// meter and an acknowledgement look, and how an answer is read. From these it
// makes all else that may come in, by breaking them in one place at a time.
// What a dialect means in detail is for the tests of its own package.
package conform

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

// Case is a platform, and how those who talk to it look.
type Case struct {
	// New makes the platform of a directory, as the configuration would. What
	// it needs of a clock is Now.
	New func(*uplink.Directory) uplink.Platform
	// Default are the rows of its directory; nil: each point by its identifier.
	Default []uplink.Row
	// Key is the secret of each meter; "": none.
	Key string
	// IDs are ids of meters that this platform could mix up, besides those that
	// all are tried with.
	IDs []string

	// Commands are the forms of a command that names its meter.
	Commands []Command
	// Several are forms of commands that ask for more than one thing of their
	// meter; nil: the dialect has none.
	Several []Command
	// Torn gives messages that name the meters a and b at once, or else say two
	// things; nil: the dialect has no room for that.
	Torn func(a, b string) []uplink.Inbound
	// Acknowledge gives what the platform says of a message; nil: the broker's
	// PUBACK is all that acknowledges, so each message must ask for it.
	Acknowledge func(m uplink.Message, accepted bool) uplink.Inbound
	// Notices are messages about a meter that are neither a command nor an
	// acknowledgement; nil: there are none.
	Notices func(id string) []uplink.Inbound
	// Read reads the answer to a command as its sender would.
	Read func(m uplink.Message) (id string, success bool)

	// Events tells that events are delivered, not only readings.
	Events bool
	// Repeats tells that the platform knows repeats by the id.
	Repeats bool
	// Newest tells that the platform is told the newest value alone, as plain
	// text: what is older need not be covered.
	Newest bool
}

// Command is one form of a command, such as the call of one service.
type Command struct {
	Name string
	// Addresses tells that a meter may be named by its address, too.
	Addresses bool
	// Message gives the command for the meter that goes by a word, under the
	// sender's id ("": without one), and the topic that its answer goes to.
	Message func(word, id string) (in uplink.Inbound, answer string)
}

// Now is the time at which all of it happens.
func Now() time.Time { return time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC) }

// complain takes what is wrong.
type complain func(format string, args ...any)

// checks are made once, and properties with as many drawn examples as rapid
// takes.
var (
	checks = []struct {
		name  string
		check func(Case, complain)
	}{
		{"limits and login are the same at each call", limits},
		{"valid messages are understood", valid},
		{"what was broken in one place reaches no other meter and is not echoed", broken},
		{"garbage means nothing", garbage},
		{"a message that says two things is no command", torn},
		{"a command is the same however it is written", otherwise},
		{"a retained message leaves no trace", retained},
		{"a late answer to an earlier start acknowledges nothing", restarted},
		{"only what is done is told as success", outcomes},
		{"several things have one answer, after the last of them", several},
	}
	properties = []struct {
		name  string
		check func(*rapid.T, Case, complain)
	}{
		{"messages cover the units of known meters and no others", encoding},
		{"a command is for the meter that its message names", named},
	}
)

// Run holds the platform to all of it.
func Run(t *testing.T, c Case) {
	t.Helper()
	for _, one := range checks {
		t.Run(one.name, func(t *testing.T) {
			n := 0
			one.check(c, func(format string, args ...any) {
				if n++; n <= mostTold {
					t.Errorf(format, args...)
				}
			})
			if n > mostTold {
				t.Errorf("and %d more", n-mostTold)
			}
		})
	}
	for _, one := range properties {
		t.Run(one.name, func(t *testing.T) {
			rapid.Check(t, func(rt *rapid.T) { one.check(rt, c, rt.Fatalf) })
		})
	}
}

// mostTold is how many complaints of one check are shown: one fault often shows
// in many places.
const mostTold = 10

// addresses are those of the meters. Each may be the id of another meter.
var addresses = []dlt645.Address{
	{0x20, 0x24, 0x11, 0x20, 0x01, 0x01}, {0x20, 0x24, 0x11, 0x20, 0x01, 0x02}, {0x20, 0x24, 0x11, 0x20, 0x01, 0x03},
}

// device is the meter of that place in addresses.
func (c Case) device(i int, name, id string) uplink.Device {
	return uplink.Device{Meter: &meter.Handle{Name: name, Address: addresses[i]}, ID: id, Key: c.Key}
}

// directory gives false where two of the devices clash: no configuration lets
// such a directory pass.
func (c Case) directory(devices ...uplink.Device) (*uplink.Directory, bool) {
	d, clashes := uplink.NewDirectory(uplink.DirectoryConfig{Devices: devices, Default: c.Default})
	return d, len(clashes) == 0
}

// The meters of a plain setting.
const (
	first  = "qm1"
	second = "qm2"
)

// world is a platform that is connected and knows its meters.
type world struct {
	uplink.Platform
	topics []string // that are subscribed to
}

// open connects a platform with the first meters of the plain setting.
func (c Case) open(meters int, say complain) world {
	var devices []uplink.Device
	for i, id := range []string{first, second}[:meters] {
		devices = append(devices, c.device(i, "unit "+id, id))
	}
	dir, ok := c.directory(devices...)
	if !ok {
		say("the meters of the plain setting clash")
	}
	return c.connect(dir, say)
}

// connect logs in and registers the meters, as the delivery does.
func (c Case) connect(dir *uplink.Directory, say complain) world {
	w := world{Platform: c.New(dir)}
	w.topics = w.Login(Now()).Topics
	r, ok := w.Platform.(uplink.Registrar)
	if !ok {
		return w
	}
	for i := range dir.Devices() {
		d := &dir.Devices()[i]
		for step := range mostSteps + 1 {
			m, ok := r.Register(Now(), d, step)
			if !ok {
				break
			}
			if step == mostSteps {
				say("the registration of %q does not end", d.ID)
				break
			}
			if c.Acknowledge == nil {
				pubacked(m, say)
				continue
			}
			in := c.Acknowledge(m, true)
			w.subscribed(in, say)
			rc := w.Receive(Now(), in)
			if rc.Verdict != uplink.Accepted || rc.ID != m.ID || m.Meter != d.Address() {
				say("step %d of the registration of %q, %+v, is acknowledged as %+v", step, d.ID, m, rc)
			}
			w.topics = append(w.topics, rc.Subscribe...)
		}
	}
	return w
}

// pubacked complains of a message that nothing would ever acknowledge.
func pubacked(m uplink.Message, say complain) {
	if m.ID == "" || !m.Puback {
		say("%q on %s would never be acknowledged", m.ID, m.Topic)
	}
}

// mostSteps is more than any registration takes.
const mostSteps = 8

// subscribed complains of a valid message on a topic that nobody listens to.
func (w world) subscribed(in uplink.Inbound, say complain) {
	if !w.listens(in.Topic) {
		say("%s comes on a topic that is not subscribed to: %q", in.Topic, w.topics)
	}
}

func (w world) listens(topic string) bool {
	return slices.ContainsFunc(w.topics, func(filter string) bool { return matches(filter, topic) })
}

// meant gives what is configured under a word: an id, or an address where the
// form takes one.
func meant(dir *uplink.Directory, form Command, word string) *meter.Handle {
	for _, d := range dir.Devices() {
		if d.Former {
			continue
		}
		if d.ID == word || form.Addresses && d.Address().String() == word {
			return d.Meter
		}
	}
	return nil
}

// JSON writes a word as a JSON text.
func JSON(word string) string {
	b, err := json.Marshal(word)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(b)
}
