package iotkit

import (
	"crypto/md5"
	"encoding/hex"
	"slices"
	"time"

	"meterd/dlt645"
	"meterd/meter"
	"meterd/uplink"
)

const (
	// liveFor is how old a reading may be that is posted as a live one, where
	// that makes a difference. Our choice.
	liveFor = 2 * time.Minute
	// mostPayload keeps the MQTT packet under the 8092 bytes above which the
	// broker's decoder drops the connection.
	mostPayload = 7680
	// mostText bounds the text of an event, so that it fits in any case.
	mostText = 1000
	// registerID names the registration that is outstanding, whichever it is:
	// the reply to one that failed has no id (K5), and there is one at a time.
	registerID = "register"
	// idsKept is how many ids of a meter's unfinished registrations are known: a
	// probe may come on top of the meter's own.
	idsKept = 4
	// trials is how often a message is refused before it is set aside.
	trials = 3
	// mostRefused bounds the account of that.
	mostRefused = 4096
)

// device is what is known of a meter in this connection.
type device struct {
	Device
	asked    []string // ids of its registrations that are not finished
	answered bool     // one of them was accepted
	finished bool     // and the delivery knows
	gone     bool     // the platform has deregistered it
}

// Iotkit implements uplink.Platform.
type Iotkit struct {
	Config
	naming  *uplink.Naming
	devices map[dlt645.Address]*device
	meters  []dlt645.Address
	lastID  uint64
	refused map[string]int // by id: how often a message was refused
}

// New gives the platform.
func New(c Config) *Iotkit {
	if c.Points == nil {
		c.Points = &meter.Points{}
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	k := &Iotkit{Config: c, naming: uplink.NewNaming(c.Rows), devices: map[dlt645.Address]*device{}, refused: map[string]int{}}
	for _, d := range c.Devices {
		d.Name = c.name(d)
		k.devices[d.Meter] = &device{Device: d}
		k.meters = append(k.meters, d.Meter)
	}
	return k
}

// Login gives the client id with its underscores, and as the password the MD5
// of product secret and client id, in hex. It begins a session: what was
// under way before is forgotten.
func (k *Iotkit) Login(time.Time) uplink.Login {
	for _, d := range k.devices {
		d.asked, d.answered, d.finished, d.gone = nil, false, false, false
	}
	clear(k.refused)
	id := k.ProductKey + "_" + k.DeviceName + "_" + k.Model
	sum := md5.Sum([]byte(k.ProductSecret + id))
	return uplink.Login{ClientID: id, Username: k.DeviceName, Password: hex.EncodeToString(sum[:])}
}

// NeedsClock is false: neither the login nor a post carries the time.
func (k *Iotkit) NeedsClock() bool { return false }

// Directions of a topic.
const (
	toServer = "/s/"
	toClient = "/c/"
)

// topic begins with a slash.
func topic(product, name, direction, action string) string {
	return "/sys/" + product + "/" + name + direction + action
}

// Topics is the gateway's own, which makes it online. Those of the meters are
// subscribed to when they are registered.
func (k *Iotkit) Topics() []string {
	return []string{topic(k.ProductKey, k.DeviceName, toClient, "#")}
}

// Meters are the devices of the configuration, and the zero address: what
// happens to the gateway itself is posted in its own name, and needs no
// registration.
func (k *Iotkit) Meters() []dlt645.Address {
	if k.devices[dlt645.Address{}] != nil {
		return k.meters
	}
	return append(slices.Clone(k.meters), dlt645.Address{})
}

// Pace has no limit that is known.
func (k *Iotkit) Pace() uplink.Pace { return uplink.Pace{} }

// Restamp does nothing: the platform finds no time wrong.
func (k *Iotkit) Restamp(_ time.Time, m uplink.Message) (uplink.Message, bool) { return m, false }

// Status is none: a meter is online while its topic is subscribed to.
func (k *Iotkit) Status(time.Time, []meter.MeterState) (uplink.Message, bool) {
	return uplink.Message{}, false
}

// StatusEvery is as good as never.
func (k *Iotkit) StatusEvery() time.Duration { return 24 * time.Hour }
