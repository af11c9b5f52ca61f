package uplink

import (
	"time"

	"meterd/dlt645"
	"meterd/meter"
)

// Login is what a platform asks for at a connect, and what is subscribed to
// then.
type Login struct {
	ClientID, Username, Password string
	Topics                       []string
	// Exclusive tells that the platform refuses whoever comes while it holds an
	// earlier connection for alive, which passes only in its own time.
	Exclusive bool
	// Will is what the broker tells when the connection ends, however it does;
	// nil: nothing.
	Will *Message
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
	// Puback tells that it is acknowledged by the broker's own PUBACK: there is
	// nobody behind it who would say a word.
	Puback bool
	// Retain has the broker keep it for who subscribes later.
	Retain bool
	// Covers are the units that it carries, by their place in what Encode got.
	Covers []int
	// Keys name what it writes on the platform as a whole, such as the value of
	// a stream at a second. Of two messages with a key in common only one is
	// outstanding at a time.
	Keys []string

	until time.Time // how long it is of use after this connection; zero: no longer than that
	again bool      // it answers a command: it goes out again where the broker has not acknowledged it
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

// Holder is a Platform behind whose broker there may be nobody who stores what
// that takes.
type Holder interface {
	// Held reports whether nothing is to be delivered now. What the broker takes
	// meanwhile is not stored.
	Held() bool
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
	ID      string   // of the message that is acknowledged
	Also    []string // ids of more messages of which the same is said
	Verdict Verdict
	Code    string   // the platform's own code, for people
	Text    string   // the platform's own words
	Reply   *Message // to be sent back at once
	// Nameless tells that a message was refused, but not which.
	Nameless bool
	// State tells that the message is a state, which is meant to be kept by the
	// broker.
	State bool
	// Gone are meters that the platform has let go; they are registered again.
	Gone []dlt645.Address
	// Subscribe are topics that the acknowledged registration asks for. They are
	// left again before a good-bye.
	Subscribe []string
	Command   *meter.Command // to be carried out; Platform.Answer tells its result
	// More are commands that the message asks for besides Command, each with an id
	// of its own. Where there is an answer it is one, given by the call of
	// Platform.Answer for the last of them.
	More []meter.Command
}

// Encoded is one or several records in a platform's dialect.
type Encoded struct {
	Messages []Message
	Withheld int // values that are out of the platform's range, and not sent
	// Of tells of which points those are.
	Of map[string]int
}

// Withhold counts a value of a point that is not sent.
func (e *Encoded) Withhold(point string) {
	e.Withheld++
	if e.Of == nil {
		e.Of = map[string]int{}
	}
	e.Of[point]++
}

// Add takes the messages of another one too, and what it has withheld.
func (e *Encoded) Add(other Encoded) {
	e.Messages = append(e.Messages, other.Messages...)
	e.Withheld += other.Withheld
	for point, n := range other.Of {
		if e.Of == nil {
			e.Of = map[string]int{}
		}
		e.Of[point] += n
	}
}

// Limits are what a platform takes, and what it needs.
type Limits struct {
	NeedsClock bool // nothing works while the clock is doubted
	Registers  int  // registrations that may be outstanding
	Batch      int  // units that Encode may be given at once; 0: 1
	Pace       Pace // of messages of all kinds
	// Gateway tells that what happens to the board itself is told, too.
	Gateway bool
}

// Platform speaks the dialect of one cloud: credentials and topics, what goes
// out, what comes in, answers to commands, and limits. It does no I/O; its
// methods are called from one goroutine. What only some clouds have is in
// Registrar, Reporter, Restamper, Completer, Asker and Holder.
type Platform interface {
	// Directory says who is who there.
	Directory() *Directory
	// Limits never change.
	Limits() Limits
	// Login gives credentials and topics for a connect at that time.
	Login(now time.Time) Login
	// Encode gives the messages of some units. Where the platform knows repeats
	// by the id, the same units give the same ids, whenever they are encoded.
	Encode(store [16]byte, units []Unit) Encoded
	// Receive understands an inbound message. One that the broker had kept may be
	// a command, which is refused, or a state that is meant to be kept, and nothing
	// else: it leaves no trace.
	Receive(now time.Time, in Inbound) Receipt
	// Answer gives the message that tells the result of a command; false if the
	// platform expects none.
	Answer(now time.Time, c meter.Command, r meter.Result) (Message, bool)
}

// Registrar is a Platform on which a meter must be made known.
type Registrar interface {
	// Register gives the message that makes a meter known, and the one after it
	// where there are several steps, from 0; false if there is no such step.
	Register(now time.Time, d *Device, step int) (Message, bool)
}

// Reporter is a Platform that is told which meters are online.
type Reporter interface {
	// Status gives the message that tells it; false if there is nothing to tell.
	Status(now time.Time, meters []meter.MeterState) (Message, bool)
	// StatusEvery is how often it is repeated.
	StatusEvery() time.Duration
}

// Restamper is a Platform whose items may be too old for it.
type Restamper interface {
	// Restamp gives a message that was Untimely another time, under an id of its
	// own; false if such a message is to be set aside.
	Restamp(now time.Time, m Message) (Message, bool)
}
