package tuya

import (
	"cmp"
	"crypto/md5"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/meter"
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

// DeviceFields are the fields of devices/sync that a meter may have of its own.
// Those of Sync are else the shared ones, the other two the meter's name.
var DeviceFields = []string{"vendor_code", "comm_type", "device_ip", "mac_address", "device_name", "device_desc", "install_location", "device_server_id", "product_sub_type"}

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

// syncParam has all fields of the document's table.
type syncParam struct {
	CID             string `json:"cid"`
	ProductID       string `json:"product_id"`
	VendorCode      string `json:"vendor_code"`
	CommType        string `json:"comm_type"`
	DeviceIP        string `json:"device_ip"`
	MACAddress      string `json:"mac_address"`
	DeviceName      string `json:"device_name"` // in the example alone, not in the table
	DeviceDesc      string `json:"device_desc"`
	InstallLocation string `json:"install_location"`
	DeviceServerID  string `json:"device_server_id"`
	ProductSubType  string `json:"product_sub_type"`
}

// Register activates a meter. The platform takes it for an addition or an
// update, so it may be repeated.
func (t *Tuya) Register(now time.Time, d *uplink.Device, step int) (uplink.Message, bool) {
	if step > 0 {
		return uplink.Message{}, false
	}
	own := func(field, shared string) string { return cmp.Or(d.Fields[field], shared) }
	m := t.message(topicSync, randomID(), now, "", syncParam{
		CID: d.ID, ProductID: cmp.Or(d.ProductID, t.Sync.ProductID), VendorCode: own("vendor_code", t.Sync.VendorCode), CommType: own("comm_type", t.Sync.CommType),
		DeviceIP: own("device_ip", t.Sync.DeviceIP), MACAddress: own("mac_address", t.Sync.MACAddress), DeviceName: own("device_name", d.Meter.Name), DeviceDesc: own("device_desc", d.Meter.Name),
		InstallLocation: own("install_location", t.Sync.InstallLocation), DeviceServerID: own("device_server_id", t.Sync.DeviceServerID), ProductSubType: own("product_sub_type", t.Sync.ProductSubType),
	})
	m.Meter = d.Address()
	return m, true
}

type reportParam struct {
	CID   string          `json:"cid"`
	ID    string          `json:"id"`
	Value json.RawMessage `json:"value"`
}

// Encode gives one message for each data point, with the reading's own time.
func (t *Tuya) Encode(store [16]byte, units []uplink.Unit) uplink.Encoded {
	var enc uplink.Encoded
	for i, u := range units {
		if u.Reading == nil {
			continue
		}
		one := t.encode(store, u.Seq, u.Reading)
		for k := range one.Messages {
			one.Messages[k].Covers = []int{i}
		}
		enc.Add(one)
	}
	return enc
}

func (t *Tuya) encode(store [16]byte, seq uint64, r *meter.Reading) uplink.Encoded {
	var enc uplink.Encoded
	d := t.dir.Of(r.Meter)
	if d == nil {
		return enc
	}
	add := func(dpID string, v json.RawMessage) {
		m := t.message(topicReport, requestID(t.Gateway, store, seq, dpID), r.Time, "", reportParam{d.ID, dpID, v})
		m.Meter, m.Item = r.Meter, dpID
		enc.Messages = append(enc.Messages, m)
	}
	for _, v := range r.Values {
		for _, row := range t.dir.Rows(v.Point) {
			dp, ok := findDP(row.To)
			if !ok {
				continue
			}
			js, known, fits := t.value(row, dp, v.Value)
			switch {
			case !known:
			case !fits:
				enc.Withhold(v.Point)
			default:
				add(row.To, js)
			}
		}
	}
	for _, p := range phases {
		if v, ok := t.phase(r, p.phase); ok {
			add(p.dp, v)
		}
	}
	return enc
}

// requestID is a UUID of version 8 (RFC 9562, 5.8) computed from what the
// message carries, so that the same item always has the same id, also after
// a restart, and an item of another board another one, though its ring is a
// copy of ours.
func requestID(gateway string, store [16]byte, seq uint64, item string) string {
	sum := sha256.Sum256(fmt.Appendf(slices.Clone(store[:]), "/%d/%s/%s", seq, item, gateway))
	return uuid([16]byte(sum[:16]), 8)
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

// Restamp gives an item that the platform finds too old the present time, if
// the configuration asks for that.
func (t *Tuya) Restamp(now time.Time, m uplink.Message) (uplink.Message, bool) {
	var e struct {
		Param reportParam `json:"param"`
	}
	if !t.RestampOld || json.Unmarshal(m.Payload, &e) != nil {
		return m, false
	}
	n := t.message(topicReport, requestID(t.Gateway, [16]byte{}, 0, "restamp of "+m.ID), now, "", e.Param)
	n.Meter, n.Item = m.Meter, m.Item
	return n, true
}

// StatusEvery keeps under the minute that the document asks for at most.
func (t *Tuya) StatusEvery() time.Duration { return 50 * time.Second }

type statusParam struct {
	CID    string `json:"cid"`
	Status bool   `json:"status"`
}

// Status tells which meters answer. The platform does not acknowledge it.
func (t *Tuya) Status(now time.Time, meters []meter.MeterState) (uplink.Message, bool) {
	var list []statusParam
	for _, m := range meters {
		if d := t.dir.Of(m.Address); d != nil && m.Known {
			list = append(list, statusParam{d.ID, m.Online})
			t.dead[m.Address] = !m.Online
		}
	}
	if t.own.synced {
		list = append(list, statusParam{t.Gateway, true})
	}
	if len(list) == 0 {
		return uplink.Message{}, false
	}
	return t.message(topicStatus, randomID(), now, "", list), true
}

// verdicts are the global error codes and what they mean for an item.
var verdicts = map[int]uplink.Verdict{
	0:    uplink.Accepted,
	400:  uplink.TryLater,
	500:  uplink.TryLater,
	1001: uplink.Untimely,
	1100: uplink.Refused,
	1101: uplink.Refused,
	1102: uplink.Refused,
	1103: uplink.Refused,
	2001: uplink.Offline,
	2002: uplink.Unsupported,
	2003: uplink.Unknown,
}

// inbound is what comes down. Only the English document says that a
// missing code means success, so a response without one acknowledges nothing.
type inbound struct {
	T         json.RawMessage `json:"t"`
	CID       word            `json:"cid"`
	RequestID word            `json:"request_id"`
	Param     struct {
		CID   word            `json:"cid"`
		Msg   string          `json:"msg"`
		Code  *int            `json:"code"`
		ID    json.RawMessage `json:"id"`    // of a command
		Value json.RawMessage `json:"value"` // of a command
	} `json:"param"`
}

// word is an identifier, which the document has as a text; a number is taken
// for its digits.
type word string

// UnmarshalJSON reads one; what is neither text nor number is none.
func (w *word) UnmarshalJSON(b []byte) error {
	*w = ""
	if len(b) > 0 && b[0] != 't' && b[0] != 'f' {
		*w = word(uplink.Word(b))
	}
	return nil
}

// mostID bounds the ids of the platform's requests. Ours are UUIDs.
const mostID = 128

// Receive understands responses and commands.
func (t *Tuya) Receive(now time.Time, m uplink.Inbound) uplink.Receipt {
	name, ok := strings.CutPrefix(m.Topic, "gateway_id/"+t.Gateway+"/")
	var in inbound
	if !ok || !m.Decode(&in) || in.RequestID == "" && name != topicCommand || len(in.RequestID) > mostID || m.Retained && name != topicCommand {
		return uplink.Receipt{}
	}
	switch name {
	case topicCommand:
		return t.command(now, in, m.Retained)
	case topicSync + responseLevel, topicReport + responseLevel:
	default:
		return uplink.Receipt{}
	}
	if in.Param.Code == nil || t.own.answered(name, t.Gateway, in) {
		return uplink.Receipt{}
	}
	v, ok := verdicts[*in.Param.Code]
	if !ok {
		v = uplink.TryLater
	}
	return uplink.Receipt{ID: string(in.RequestID), Verdict: v, Code: strconv.Itoa(*in.Param.Code), Text: in.Param.Msg}
}
