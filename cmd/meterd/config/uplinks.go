package config

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"meterd/dlt645"
	"meterd/store"
	"meterd/uplink"
	"meterd/uplink/tuya"
)

// Uplink is one platform.
type Uplink struct {
	Name, Kind string
	Skip       bool // this version does not speak to it
	Endpoint   uplink.Endpoint
	ClientID   string
	Username   string
	FromOldest bool
	Window     int
	Timeout    time.Duration
	Tuya       tuya.Config // of kind "tuya"
}

// kinds are the platforms, with the key of the table that each has.
var kinds = []struct{ kind, table string }{
	{"tuya", "tuya"}, {"onenet", "onenet"}, {"onenet-studio", "onenet"}, {"das", "das"}, {"iotkit", "iotkit"},
}

func (c *Config) uplinks(root *table) {
	for _, t := range root.list("uplink", "[[uplink]]") {
		u := Uplink{Name: t.required("name")}
		if slices.ContainsFunc(c.Uplinks, func(o Uplink) bool { return o.Name == u.Name }) && u.Name != "" {
			t.problem("name", "its place in the ring goes by the name: give each uplink one of its own", "two uplinks have the name %q", u.Name)
		}
		if len(u.Name) > store.MaxCursorName {
			t.problem("name", "", "%s: a name has %d bytes at most", t.title, store.MaxCursorName)
		}
		var names []string
		for _, k := range kinds {
			names = append(names, k.kind)
		}
		if kind := t.required("kind"); slices.Contains(names, kind) {
			u.Kind = kind
		} else if kind != "" {
			t.oneOf("kind", names...)
		}
		if u.Kind != "tuya" && u.Kind != "" {
			t.later("kind", fmt.Sprintf("uplinks of kind %q are skipped", u.Kind))
			u.Skip = true
		}
		c.common(t, &u)
		c.platform(t, &u)
		t.finish()
		c.Uplinks = append(c.Uplinks, u)
	}
	if n := len(c.Uplinks); n > store.MaxCursors {
		root.problem("uplink", "", "%d uplinks are more than the %d that the ring keeps a place for", n, store.MaxCursors)
	}
}

// common reads the keys that all kinds share.
func (c *Config) common(t *table, u *Uplink) {
	u.Endpoint.URL = t.required("broker")
	if u.Endpoint.URL != "" {
		if err := uplink.CheckURL(u.Endpoint.URL); err != nil {
			t.problem("broker", "", "%s: broker %v", t.title, err)
		}
	}
	u.ClientID = t.str("client_id", c.Gateway.ID)
	u.Username = t.str("username", "")
	u.Endpoint.KeepAlive = t.duration("keepalive", time.Minute, 30*time.Second, 20*time.Minute)
	u.FromOldest = t.oneOf("from", "oldest", "now") == "oldest"
	u.Window = int(t.integer("window", 16, 1, 256))
	u.Timeout = t.duration("timeout", 10*time.Second, time.Second, 10*time.Minute)
	c.tls(t, u)
}

// tls reads what secures the connection. A file that is not there yet is a
// warning: it may come with the next stick.
func (c *Config) tls(t *table, u *Uplink) {
	ca, cert, key := t.str("ca", ""), t.str("cert", ""), t.str("key", "")
	name, pin := t.str("server_name", ""), t.boolean("pin_chain", false)
	if !strings.HasPrefix(u.Endpoint.URL, "ssl://") {
		if ca+cert+key+name != "" || pin {
			t.problem("broker", "write ssl://host:port, or leave ca, cert, key, server_name and pin_chain out", "%s: TLS settings with a broker that is not ssl://", t.title)
		}
		return
	}
	conf := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		roots := x509.NewCertPool()
		switch {
		case errors.Is(err, os.ErrNotExist):
			t.note("ca", true, "the uplink cannot connect until it is there", "%s: there is no file %s", t.title, ca)
		case err != nil:
			t.problem("ca", "", "%s: ca: %v", t.title, err)
		case !roots.AppendCertsFromPEM(pem):
			t.problem("ca", "", "%s: %s holds no certificate in PEM form", t.title, ca)
		}
		conf.RootCAs = roots
	}
	switch {
	case (cert == "") != (key == ""):
		t.problem("cert", "", "%s: cert and key belong together", t.title)
	case cert != "":
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			t.note("cert", errors.Is(err, os.ErrNotExist), "", "%s: cert and key: %v", t.title, err)
		} else {
			conf.Certificates = []tls.Certificate{pair}
		}
	}
	if pin {
		if ca == "" {
			t.problem("pin_chain", "name the platform's root certificate in ca", "%s: pin_chain needs ca", t.title)
		}
		conf = uplink.PinChain(conf)
	}
	u.Endpoint.TLS = conf
}

// platform reads the table of the uplink's kind, its map and its devices.
func (c *Config) platform(t *table, u *Uplink) {
	for _, k := range kinds {
		if u.Kind == "" {
			t.has(k.table) // which of them is meant nobody knows
		}
		if k.kind != u.Kind {
			continue
		}
		p := t.sub(k.table, fmt.Sprintf("%s, [uplink.%s]", t.title, k.table))
		switch k.table {
		case "tuya":
			c.tuya(t, p, u)
		case "onenet":
			for _, key := range []string{"product_id", "device", "access_key"} {
				p.required(key)
			}
			p.oneOf("method", "sha256", "md5", "sha1")
			p.oneOf("streams", "object", "flat", "subdev")
			p.str("sub_product_id", "")
		case "das":
			for _, key := range []string{"product_id", "device_id", "device_secret"} {
				p.required(key)
			}
			p.oneOf("sign_method", "hmacsha256", "hmacmd5", "hmacsha1")
			p.str("sub_product_id", "")
		case "iotkit":
			for _, key := range []string{"product_key", "product_secret", "device_name", "model", "sub_product_key", "sub_model"} {
				p.required(key)
			}
			p.str("prefix", "")
			p.oneOf("backfill", "latest", "all", "event")
		}
		p.finish()
	}
	rows := c.mapRows(t, u)
	devices := c.devices(t, u)
	if u.Kind == "tuya" {
		u.Tuya.Map, u.Tuya.Devices = rows, devices
	}
}

func (c *Config) tuya(t, p *table, u *Uplink) {
	if u.Username == "" {
		t.problem("username", "add username = \"…\", the vendor's identifier that Tuya gave you", "%s lacks username, which a tuya uplink requires", t.title)
	}
	u.Tuya = tuya.Config{
		Gateway: u.ClientID, Username: u.Username,
		Millis:     p.oneOf("time", "s", "ms") == "ms",
		Phase:      p.oneOf("phase", tuya.PhaseJSON, tuya.PhaseObject, tuya.PhaseBase64),
		Fault:      p.oneOf("fault", tuya.FaultBitmap, tuya.FaultLabel),
		RestampOld: p.oneOf("stale", "drop", "restamp") == "restamp",
		Points:     c.Points, Zone: c.Gateway.Zone,
	}
	all := tuya.Device{
		ProductID: p.required("product_id"), VendorCode: p.str("vendor_code", ""), CommType: p.str("comm_type", "mqtt"),
		DeviceIP: p.str("device_ip", ""), MACAddress: p.str("mac_address", ""), InstallLocation: p.str("install_location", ""),
		DeviceServerID: p.str("device_server_id", ""), ProductSubType: p.str("product_sub_type", ""),
	}
	u.Tuya.Devices = []tuya.Device{all} // devices takes it as the pattern
}

func (c *Config) mapRows(t *table, u *Uplink) []tuya.Row {
	var rows, good []tuya.Row
	for _, mt := range t.list("map", "[[uplink.map]]") {
		mt.title = t.title + ", [[uplink.map]]"
		row := tuya.Row{Point: mt.required("point"), To: mt.str("to", ""), Scale: int(mt.integer("scale", -1, 0, 12))}
		if row.Point != "" && !c.isPoint(row.Point) {
			hint := "a map row names one point, not a family"
			if near := nearest(row.Point, c.Points.Names()); near != "" && near != row.Point {
				hint = fmt.Sprintf("do you mean %q?", near)
			}
			mt.problem("point", hint, "%s: there is no point %q", mt.title, row.Point)
		}
		if !mt.has("to") {
			mt.problem("", `add to = "…", or to = "" to leave the point out`, "%s lacks to", mt.title)
		}
		if u.Kind == "tuya" && c.takes(mt, row) && c.isPoint(row.Point) {
			good = append(good, row)
		}
		mt.finish()
		rows = append(rows, row)
	}
	if dp, first, second := tuya.Conflict(good); dp != "" {
		at := slices.IndexFunc(rows, func(r tuya.Row) bool { return r.To == dp })
		t.problem(fmt.Sprintf("map[%d]", at), fmt.Sprintf("leave one of them out: [[uplink.map]] with point = %q and to = \"\"", first),
			"%s: data point %q would carry both %s and %s", t.title, dp, first, second)
	}
	return rows
}

// takes reports whether the platform's data point takes the row's point. A
// wrong unit is a mistake too, but the row still fills the data point.
func (c *Config) takes(mt *table, row tuya.Row) bool {
	if row.To == "" {
		return true
	}
	if why := tuya.Takes(row.Point, row.To); why != "" {
		mt.problem("to", "the ids of the platform's data points go from \"1\" to \"59\"", "%s: %s", mt.title, why)
		return false
	}
	if p, ok := c.Points.Lookup(row.Point); ok && !tuya.Fits(p.Unit, row.To) {
		mt.problem("to", "", "%s: data point %q has another unit than %s, which is in %q", mt.title, row.To, row.Point, p.Unit)
	}
	return true
}

// isPoint reports whether a map may name a point.
func (c *Config) isPoint(name string) bool {
	_, ok := c.Points.Lookup(name)
	return ok
}

// devices gives who each meter is on the platform: by default its address.
func (c *Config) devices(t *table, u *Uplink) []tuya.Device {
	var pattern tuya.Device
	if len(u.Tuya.Devices) > 0 {
		pattern = u.Tuya.Devices[0]
	}
	named := map[string]tuya.Device{}
	for _, dt := range t.list("device", "[[uplink.device]]") {
		dt.title = t.title + ", [[uplink.device]]"
		name := dt.required("meter")
		d := pattern
		d.CID, d.ProductID = dt.str("id", ""), dt.str("product_id", pattern.ProductID)
		dt.str("key", "")
		if _, twice := named[name]; twice {
			dt.problem("meter", "", "%s: meter %q has two entries", dt.title, name)
		}
		if !slices.ContainsFunc(c.Meters, func(m Meter) bool { return m.Name == name }) && name != "" {
			dt.problem("meter", "the name of a [[meter]]", "%s: there is no meter %q", dt.title, name)
		}
		named[name] = d
		dt.finish()
	}
	var out []tuya.Device
	ids := map[string]string{}
	known := map[dlt645.Address]bool{}
	for _, m := range c.Meters {
		d, ok := named[m.Name]
		if !ok {
			d = pattern
		}
		d.Meter, d.Name = m.Address, m.Name
		if d.CID == "" {
			d.CID = m.Address.String()
		}
		if other, twice := ids[d.CID]; twice && !known[m.Address] {
			t.problem("", "give each an id in [[uplink.device]]", "%s: meters %q and %q have the same id %q", t.title, other, m.Name, d.CID)
		}
		ids[d.CID] = m.Name
		if !known[m.Address] {
			out = append(out, d)
		}
		known[m.Address] = true
	}
	return out
}
