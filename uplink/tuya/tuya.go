package tuya

import (
	"cmp"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"meterd/dlt645"
	"meterd/uplink"
)

// The forms of DP 30 to 32 and of DP 19; the first is the default.
const (
	PhaseJSON   = "json"   // JSON as text
	PhaseObject = "object" // a JSON object
	PhaseBase64 = "base64" // Base64 of the text
	FaultBitmap = "bitmap"
	FaultLabel  = "label"
)

// Config is what the platform needs to know.
type Config struct {
	Gateway  string // client id, and the {gateway_id} of every topic
	Username string // the vendor's identifier, given by Tuya
	Millis   bool   // t in ms, not s
	Phase    string // PhaseJSON, PhaseObject, PhaseBase64
	Fault    string // FaultBitmap, FaultLabel
	// NoFault is the alarm level (DP 20) that is told when there is no fault:
	// the document has no word for none. "": nothing is told, and the last level
	// stays.
	NoFault string
	// RestampOld gives items that are too old t = now; else they are set aside.
	RestampOld bool
	Sync       Sync // of every meter
	// GatewayProductID is the product of the board itself, which is a device then;
	// "": it is none.
	GatewayProductID string
	Directory        *uplink.Directory // made with Defaults
	Zone             *time.Location    // of the meters' clocks
}

// Sync holds the fields of devices/sync that all meters share.
type Sync struct {
	ProductID       string // of meters without one of their own
	VendorCode      string
	CommType        string // "": mqtt
	DeviceIP        string
	MACAddress      string
	InstallLocation string
	DeviceServerID  string
	ProductSubType  string
}

// Tuya implements uplink.Platform.
type Tuya struct {
	Config
	dir   *uplink.Directory
	asked map[string]time.Time    // by meter's id: when all of it was last read for DP 9
	dead  map[dlt645.Address]bool // what the platform was last told of a meter
	own   own
}

// New gives the platform.
func New(c Config) *Tuya {
	if c.Zone == nil {
		c.Zone = time.UTC
	}
	c.Sync.CommType = cmp.Or(c.Sync.CommType, "mqtt")
	return &Tuya{Config: c, dir: c.Directory, asked: map[string]time.Time{}, dead: map[dlt645.Address]bool{}}
}

// Directory says who is who on the platform.
func (t *Tuya) Directory() *uplink.Directory { return t.dir }

// Limits of the platform; the document tells no pace. Every message carries
// the time, so none works without it, and one data point each.
func (t *Tuya) Limits() uplink.Limits { return uplink.Limits{NeedsClock: true, Registers: 4, Batch: 1} }

// Login gives the password that the document describes: the MD5 of client id
// and user name, in hex. There is no secret in it.
func (t *Tuya) Login(time.Time) uplink.Login {
	t.own = own{}
	sum := md5.Sum([]byte(t.Gateway + t.Username))
	return uplink.Login{
		ClientID: t.Gateway, Username: t.Username, Password: hex.EncodeToString(sum[:]),
		Topics: []string{t.topic(topicSync + responseLevel), t.topic(topicReport + responseLevel), t.topic(topicCommand)},
	}
}

// Topics of the table of preset topics, by what stands after the gateway.
const (
	topicSync     = "devices/sync"
	topicReport   = "properties/report"
	topicStatus   = "devices/status"
	topicCommand  = "commands"
	responseLevel = "/response"
)

// topic begins with the literal text gateway_id.
func (t *Tuya) topic(name string) string { return "gateway_id/" + t.Gateway + "/" + name }

// envelope is the frame of all messages.
type envelope struct {
	T         int64  `json:"t"`
	CID       string `json:"cid,omitempty"` // at the top in commands and their answers alone
	RequestID string `json:"request_id"`
	Param     any    `json:"param"`
}

func (t *Tuya) message(topic, id string, at time.Time, cid string, param any) uplink.Message {
	stamp := at.Unix()
	if t.Millis {
		stamp = at.UnixMilli()
	}
	b, err := json.Marshal(envelope{T: stamp, CID: cid, RequestID: id, Param: param})
	if err != nil {
		panic(err) // our own types always marshal
	}
	return uplink.Message{ID: id, Topic: t.topic(topic), Payload: b}
}

func randomID() string {
	var b [16]byte
	rand.Read(b[:])
	return uuid(b, 4)
}

func uuid(b [16]byte, version byte) string {
	b[6] = b[6]&0x0F | version<<4
	b[8] = b[8]&0x3F | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
