package das

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"hash"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"meterd/meter"
	"meterd/uplink"
)

// The methods of signing.
const (
	SignMD5    = "hmacmd5" // the document's default; its examples have another, so it is always written
	SignSHA1   = "hmacsha1"
	SignSHA256 = "hmacsha256"
)

var hashes = map[string]func() hash.Hash{SignMD5: md5.New, SignSHA1: sha1.New, SignSHA256: sha256.New}

// Config is what the platform needs to know.
type Config struct {
	Gateway      string // client id, 64 characters at most
	ProductID    string // of the gateway, as DeviceID and DeviceSecret
	DeviceID     string
	DeviceSecret string
	SignMethod   string            // SignMD5, SignSHA1 or SignSHA256; anything else is SignMD5
	TLS          bool              // the connection is encrypted
	SubProductID string            // of meters without one; "": ProductID
	Directory    *uplink.Directory // a device with a key logs in with it; others only report
	// Trusted tells whether the clock is; nil: it is. While it is not, no
	// timestamp is sent and signed.
	Trusted func() bool
	// Offer takes the time that the platform's clock shows at the moment of the
	// call, within Unsure; nil: the platform is not asked for it. Whether it
	// counts beside better ones is the taker's to decide.
	Offer func(time.Time)
	// Version is told at each connect; "": none is.
	Version string
	// Upgrades takes the platform's packages; nil: none is taken.
	Upgrades uplink.Upgrades
	// Shadow has what the platform wishes of the gateway read after each connect.
	Shadow bool
	// Exclusive has the platform refuse another client with our device id, and
	// our own next one until it has missed the last.
	Exclusive bool
}

// DAS implements uplink.Platform.
type DAS struct {
	Config
	dir    *uplink.Directory
	id     uint32 // of the last message
	asked  []request
	states []meter.MeterState // of the directory's devices, as Status was last told
	clock  clock

	bundles  uplink.Bundles       // of commands that wait for their outcomes
	informed bool                 // the version, in this connection
	queried  map[string]time.Time // when all was last asked for, by topic
	shadow   shadow
	said     said // of a package
}

// New gives the platform.
func New(c Config) *DAS {
	if hashes[c.SignMethod] == nil {
		c.SignMethod = SignMD5
	}
	c.SubProductID = cmp.Or(c.SubProductID, c.ProductID)
	return &DAS{
		Config: c, dir: c.Directory, states: make([]meter.MeterState, len(c.Directory.Devices())),
		queried: map[string]time.Time{},
		id:      rand.Uint32(), // so that a new start does not repeat the ids of the last one
	}
}

// Directory says who is who on the platform.
func (d *DAS) Directory() *uplink.Directory { return d.dir }

// Limits of the platform: the time is the values' own, the timestamp of the
// signature may be left out, and the document tells no pace.
func (d *DAS) Limits() uplink.Limits { return uplink.Limits{Registers: 4, Batch: mostUnits} }

// product is a device's productId.
func (d *DAS) product(dev *uplink.Device) string { return cmp.Or(dev.ProductID, d.SubProductID) }

// sign gives the HMAC of the parameters in the order of their names, each name
// followed by its value, in lower-case hex. The document's words leave the
// names out; its examples have them.
func sign(method, secret string, params map[string]string) string {
	m := hmac.New(hashes[method], []byte(secret))
	for _, name := range slices.Sorted(maps.Keys(params)) {
		m.Write([]byte(name + params[name]))
	}
	return hex.EncodeToString(m.Sum(nil))
}

func (d *DAS) trusted() bool { return d.Trusted == nil || d.Trusted() }

func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// Login signs all four parameters. "exclusive" is none of them. It is left off
// unless the configuration asks for it: our own next connect could be refused
// until the platform has missed the last one.
func (d *DAS) Login(now time.Time) uplink.Login {
	d.clock, d.informed, d.shadow = clock{}, false, shadow{} // all is asked and told again at once
	d.said.again, d.said.done = false, false
	params := map[string]string{"clientId": d.Gateway, "deviceId": d.DeviceID, "productId": d.ProductID}
	mode, stamp := 3, ""
	if d.TLS {
		mode = 2
	}
	if d.trusted() {
		params["timestamp"] = millis(now)
		stamp = ",timestamp=" + params["timestamp"]
	}
	if d.Exclusive {
		stamp += ",exclusive=true"
	}
	return uplink.Login{
		Exclusive: d.Exclusive,
		ClientID:  fmt.Sprintf("%s|securemode=%d,signmethod=%s%s|", d.Gateway, mode, d.SignMethod, stamp),
		Username:  d.DeviceID + "&" + d.ProductID,
		Password:  sign(d.SignMethod, d.DeviceSecret, params),
		Topics:    d.topics(),
	}
}

// Names of topics, by what stands after the gateway.
const (
	topicUp        = "thing/properties/up"
	topicBatch     = "thing/properties/gateway/up"
	topicEvent     = "thing/event/up"
	topicLogin     = "thing/gateway/login"
	topicLogout    = "thing/gateway/logout"
	topicSet       = "thing/properties/set"
	topicGet       = "thing/properties/get"
	topicService   = "thing/service/set"
	topicAllValues = "thing/properties/gateway/get/all"
	topicAllStates = "thing/status/gateway/get/all"
	topicNTP       = "thing/ntp"
	topicInform    = "thing/ota/inform"
	topicUpgrade   = "thing/ota/upgrade"
	topicProgress  = "thing/ota/upgrade/progress"
	topicDownload  = "thing/ota/download/progress"
	topicPackage   = "thing/ota/get"
	topicShadow    = "thing/shadow/get"
	// topicInfo is where the page of the shadow prints its answer, by a mistake of
	// its own as it seems; the rule of all other pages gives topicShadow's.
	topicInfo     = "thing/device_info/get"
	responseLevel = "/response"
)

func (d *DAS) root() string { return "sys/" + d.ProductID + "/" + d.DeviceID + "/" }

// topics are the downlinks of what is used.
func (d *DAS) topics() []string {
	var out []string
	for _, name := range []string{
		topicBatch + responseLevel, topicEvent + responseLevel, topicLogin + responseLevel, topicLogout + responseLevel,
		topicSet, topicGet, topicService, topicAllValues, topicAllStates,
	} {
		out = append(out, d.root()+name)
	}
	if d.Offer != nil {
		out = append(out, d.root()+topicNTP+responseLevel)
	}
	if d.Version != "" {
		out = append(out, d.root()+topicUpgrade)
	}
	if d.Shadow {
		out = append(out, d.root()+topicShadow+responseLevel, d.root()+topicInfo+responseLevel)
	}
	return out
}

// nextID is a decimal number of 32 bits: one page allows no other ids.
func (d *DAS) nextID() string {
	d.id++
	return strconv.FormatUint(uint64(d.id), 10)
}

// internal makes ids of different topics different: the platform's answers
// are told apart by topic and id.
func internal(name, id string) string { return name + ":" + id }

func (d *DAS) message(name, id string, payload any) uplink.Message {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(payload); err != nil {
		panic(err) // our own types always marshal
	}
	return uplink.Message{ID: internal(name, id), Topic: d.root() + name, Payload: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}
}
