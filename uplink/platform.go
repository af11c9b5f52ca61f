package uplink

import (
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// Login is what a platform asks for at a connect.
type Login struct {
	ClientID, Username, Password string
}

// Message is one MQTT message to a platform.
type Message struct {
	// ID is the request id that the platform acknowledges; "" if it does not
	// acknowledge such a message at all.
	ID      string
	Topic   string
	Payload []byte
	Meter   dlt645.Address // that it is about
	// Item names the one thing that it carries ("44"), so that an item which a
	// platform does not support is not sent again and again; "" for a message
	// of many values, which is divided when the platform refuses it.
	Item string
	// Covers are the units that it carries, by their place in what Encode got.
	Covers []int
	// Keys name what it writes on the platform as a whole, such as the value of
	// a stream at a second. Of two messages with a key in common only one is
	// outstanding at a time.
	Keys []string
}

// Completer is a Platform on which a message replaces what another one wrote
// under the same key.
type Completer interface {
	// Complete gives a message as it shall go out now: with what the platform
	// has accepted under its keys before.
	Complete(m Message) Message
}

// Asker is a Platform that asks its cloud for something now and then. The
// answer comes to Receive.
type Asker interface {
	// Ask gives the message to send now, false if there is none, and when it is
	// to be called again at the latest.
	Ask(now time.Time) (m Message, ok bool, again time.Time)
}

// Unit is a record that is to be delivered: a reading, or an event.
type Unit struct {
	Seq     uint64
	Reading *meter.Reading // nil: an event
	Event   *meter.Event
}

// Pace is how many messages a platform takes in a while.
type Pace struct {
	Messages int // 0: any number
	Per      time.Duration
}

// Verdict is what a platform says of a message.
type Verdict uint8

// The verdicts.
const (
	Ignored     Verdict = iota // not an acknowledgement that we know
	Accepted                   // stored
	TryLater                   // the platform is in trouble: the same again, after a pause
	Refused                    // this item is wrong and will stay so
	Unsupported                // the platform does not know this item of this meter
	Unknown                    // the platform does not know the meter: register it, then again
	Offline                    // the platform holds the meter for offline: tell its status, then again
	Untimely                   // the time of the item is out of the platform's range
)

// Receipt is what an inbound message means.
type Receipt struct {
	ID      string // of the message that is acknowledged
	Verdict Verdict
	Code    string   // the platform's own code, for people
	Text    string   // the platform's own words
	Reply   *Message // to be sent back at once
	// Nameless tells that a message was refused, but not which.
	Nameless bool
	// Gone is a meter that the platform has let go; it is registered again.
	Gone *dlt645.Address
	// Subscribe are topics that the acknowledged registration asks for. They are
	// left again before a good-bye.
	Subscribe []string
	Command   *Command // to be carried out; Platform.Answer tells its result
}

// Encoded is one or several records in a platform's dialect.
type Encoded struct {
	Messages []Message
	Withheld int // values that are out of the platform's range, and not sent
}

// Platform speaks the dialect of one cloud. It does no I/O; its methods are
// called from one goroutine.
type Platform interface {
	// Login gives the credentials for a connect at that time.
	Login(now time.Time) Login
	// NeedsClock tells that nothing works while the clock is doubted.
	NeedsClock() bool
	// Topics are subscribed to after each connect.
	Topics() []string
	// Register gives the message that makes a meter known, and the one behind
	// it where there are several steps, from 0; false if there is no such step.
	Register(now time.Time, a dlt645.Address, step int) (Message, bool)
	// RegisterWindow is how many registrations may be outstanding.
	RegisterWindow() int
	// Meters are those that this platform is told of.
	Meters() []dlt645.Address
	// Batch is how many units Encode may be given at once, 1 at least.
	Batch() int
	// Pace bounds the messages of all kinds.
	Pace() Pace
	// Encode gives the messages of some units. Where the platform knows repeats
	// by the id, the same units give the same ids, whenever they are encoded.
	// Backlog tells that newer ones were delivered before.
	Encode(store [16]byte, units []Unit) Encoded
	// Restamp gives a message that was Untimely another time, under an id of
	// its own; false if such a message is to be set aside.
	Restamp(now time.Time, m Message) (Message, bool)
	// Status gives the message that tells which meters are online; false if
	// the platform has none.
	Status(now time.Time, meters []meter.MeterState) (Message, bool)
	// StatusEvery is how often it is repeated.
	StatusEvery() time.Duration
	// Answer gives the message that tells the result of a command; false if the
	// platform expects none.
	Answer(now time.Time, c Command, r Result) (Message, bool)
	// Receive understands an inbound message.
	Receive(now time.Time, topic string, payload []byte) Receipt
}
