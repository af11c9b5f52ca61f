package iotkit

import (
	"crypto/md5"
	"encoding/hex"
	"math/rand/v2"
	"time"

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
	// the reply to one that failed has no id, and there is one at a time.
	registerID = "register"
	// idsKept is how many ids of a meter's unfinished registrations are known: a
	// probe may come on top of the meter's own.
	idsKept = 4
	// mostFirst is above where ids begin. Platforms of this family bound them to
	// 32 bits; as many messages as are left come in no life of a board.
	mostFirst = 1 << 31
	// trials is how often a message is refused before it is set aside.
	trials = 3
	// mostRefused bounds the account of that.
	mostRefused = 4096
)

// device is what is known of a meter in this connection.
type device struct {
	asked    []string // ids of its registrations that are not finished
	answered bool     // one of them was accepted
	finished bool     // and the delivery knows
	gone     bool     // the platform has deregistered it
	disabled bool     // the platform takes nothing of it, as it has said
	shadow   shadow
}

// Iotkit implements uplink.Platform.
type Iotkit struct {
	Config
	dir     *uplink.Directory
	devices []device // of the directory
	firstID uint64   // where the ids of this start begin, after it
	lastID  uint64
	refused map[string]int // by id: how often a message was refused
	topo    topology
}

// New gives the platform.
func New(c Config) *Iotkit {
	if c.Now == nil {
		c.Now = time.Now
	}
	first := rand.Uint64N(mostFirst) // so that a late answer to the last start acknowledges nothing of this one
	return &Iotkit{Config: c, dir: c.Directory, devices: make([]device, len(c.Directory.Devices())), firstID: first, lastID: first, refused: map[string]int{}}
}

// Directory says who is who on the platform.
func (k *Iotkit) Directory() *uplink.Directory { return k.dir }

// Limits of the platform: neither the login nor a post carries the time, a
// post is about one meter and one moment, and the reply to a failed
// registration does not say to which it belongs. What happens to the
// gateway itself is posted in its own name.
func (k *Iotkit) Limits() uplink.Limits { return uplink.Limits{Registers: 1, Batch: 1, Gateway: true} }

// Login gives the client id with its underscores, and as the password the MD5
// of product secret and client id, in hex. It begins a session: what was
// under way before is forgotten.
func (k *Iotkit) Login(time.Time) uplink.Login {
	clear(k.devices)
	clear(k.refused)
	k.topo = topology{}
	id := k.ProductKey + "_" + k.DeviceName + "_" + k.Model
	sum := md5.Sum([]byte(k.ProductSecret + id))
	return uplink.Login{
		ClientID: id, Username: k.DeviceName, Password: hex.EncodeToString(sum[:]),
		// The gateway's own, which makes it online. Those of the meters are
		// subscribed to when they are registered.
		Topics: []string{topic(k.ProductKey, k.DeviceName, toClient, "#")},
	}
}

// Directions of a topic.
const (
	toServer = "/s/"
	toClient = "/c/"
)

// topic begins with a slash.
func topic(product, name, direction, action string) string {
	return "/sys/" + product + "/" + name + direction + action
}
